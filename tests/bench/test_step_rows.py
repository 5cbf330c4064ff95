# Copyright 2026 The Dynamic Quantization for MindSpore Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The form of the rows, and the ratios computed from them."""

import json

import pytest

from src.bench.case import Case
from src.bench.step_rows import add_ratios, step_row
from src.bench.step_table import format_breakdown, format_rows
from src.bench.turns import Outcome


def outcome(kind="static", runner="native", ms=(30.0, 10.0, 20.0), peak=500.0, **more) -> Outcome:
    case = Case(kind, runner, "resnet8", 4, 32, 4, 2)
    return Outcome(case, {"isa": "avx2"}, list(ms), peak_mb=peak, **more)


def test_a_row_has_what_its_readers_rely_on():
    row = json.loads(json.dumps(step_row(outcome())))
    assert row == {
        "bench": "step", "model": "resnet8", "batch": 4, "image_size": 32, "threads": 2,
        "kind": "static", "bits": 4, "runner": "native", "isa": "avx2",
        "median_ms": 20.0, "min_ms": 10.0, "runs": 3, "peak_mb": 500.0, "loss": 0.0,
    }  # fmt: skip


def test_a_float_row_has_32_bits():
    assert step_row(outcome("float"))["bits"] == 32


@pytest.mark.parametrize("failed", [outcome(ms=(), error="why"), outcome(error="why")])
def test_a_case_that_failed_has_an_error_and_no_time(failed):
    row = step_row(failed)
    assert row["error"] == "why"
    assert not {"median_ms", "min_ms", "runs"} & row.keys()


def test_breakdown_adds_up_to_the_mean_step():
    row = step_row(outcome(kernel_ms={"conv_forward": 12.0, "norm_forward": 3.0}))
    assert row["breakdown_ms"] == {"conv_forward": 4.0, "norm_forward": 1.0, "other": 15.0}


def test_ratios_to_the_faster_layout_and_to_the_same_runners_static():
    rows = [
        step_row(outcome("static", "native", [50.0], 400.0)),
        step_row(outcome("dynamic", "native", [75.0], 500.0)),
        step_row(outcome("static", "torch", [100.0], 1.0)),
        step_row(outcome("static", "torch-channels_last", [80.0], 1.0)),
        step_row(outcome("dynamic", "torch", [], error="x")),
        step_row(outcome("float", "portable", [10.0])),
    ]
    add_ratios(rows)
    static, dynamic, nchw, nhwc, failed, alone = rows
    assert static["vs_torch"] == pytest.approx(50 / 80)
    assert (nchw["vs_torch"], nhwc["vs_torch"]) == (pytest.approx(1.25), 1.0)
    assert dynamic["vs_static"] == pytest.approx(1.5)
    assert dynamic["vs_static_peak"] == pytest.approx(1.25)
    assert "vs_torch" not in dynamic, "its only partner failed"
    assert not {"vs_torch", "vs_static"} & (failed.keys() | alone.keys())


def test_tables_show_times_reasons_and_shares():
    rows = [
        step_row(outcome(ms=[10.0], kernel_ms={"conv_forward": 4.0})),
        step_row(outcome("dynamic", "torch", [], error="PyTorch is not installed")),
    ]
    lines = format_rows(rows).splitlines()
    assert lines[1].split() == ["static", "native", "10.0", "10.0", "1", "500", "-", "-", "-"]
    assert lines[-1] == "dynamic torch: PyTorch is not installed"
    lines = format_breakdown(rows).splitlines()
    assert lines[1].split() == ["conv", "forward", "4.0", "(40%)"]
    assert lines[2].split() == ["other", "6.0", "(60%)"]
    assert format_breakdown(rows[1:]) == ""
