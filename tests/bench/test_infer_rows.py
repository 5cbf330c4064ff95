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
"""Rows of inference, and what they are to each other."""

import json

import pytest

from src.bench.infer_case import InferCase
from src.bench.infer_picture import draw
from src.bench.infer_rows import add_ratios, format_rows, infer_row
from src.bench.turns import Outcome


def row(kind="static", runner="native", bits=8, ms=(2.0, 1.0, 3.0), plan="", peaks=(), logits=(1.0, 0.0), **more):
    case = InferCase(kind, runner, "resnet20", 4, 32, bits, 1, plan=plan)
    about = {"isa": "avx2", "threads": 1, "version": "1", "logits": list(logits)}
    return infer_row(Outcome(case, about, list(ms), peaks=list(peaks), peak_mb=5.0, **more), macs=1_000_000)


def test_a_row_has_what_its_readers_rely_on():
    made = row("dynamic", plan="mix")
    add_ratios([made])
    assert json.loads(json.dumps(made)) == {
        "bench": "infer", "model": "resnet20", "batch": 4, "image_size": 32, "threads": 1, "kind": "dynamic",
        "bits": 8, "runner": "native", "plan": "mix", "isa": "avx2", "version": "1", "median_ms": 2.0, "min_ms": 1.0,
        "runs": 3, "peak_mb": 5.0, "images_per_s": 2000.0, "gmacs": 2.0,
    }  # fmt: skip


def test_ratios_to_the_fastest_peer_to_eight_bits_and_to_the_peak():
    rows = [
        row(ms=[2.0], peaks=[10.0, 30.0]), row(bits=4, ms=[1.0], peaks=[20.0], logits=(0.0, 1.0)),
        row(runner="litert", ms=[4.0], logits=(2.0, 0.0)), row(runner="torch", ms=[8.0]),
        row("dynamic", bits=8, ms=[3.0]), row("dynamic", bits=6, ms=[2.0], plan="mix"),
        row("float", "openvino", 32, ms=[1.0]), row(runner="openvino", ms=[], error="no such package"),
    ]  # fmt: skip
    add_ratios(rows)
    eight, four, litert, _, _, mixed, real, failed = rows
    assert four["vs_own_8_bit"] == 2.0 and mixed["vs_own_8_bit"] == 1.5
    assert (four["vs_int8_peer"], four["int8_peer"]) == (4.0, "litert")  # not the float one
    assert {r["peak_gmacs"] for r in rows[:7]} == {30.0}
    assert eight["share_of_peak"] == pytest.approx(2.0 / 30.0)
    assert (litert["cosine"], four["cosine"], real["cosine"]) == (1.0, 0.0, 1.0)
    assert failed["error"] == "no such package" and "median_ms" not in failed and "logits" not in failed


def test_the_table_and_the_picture_show_them():
    rows = [row(), row(bits=4), row("dynamic", bits=6, plan="mix"), row(runner="litert"), row("float", "torch", 32),
            row(runner="openvino", ms=[], error="not there")]  # fmt: skip
    add_ratios(rows)
    text = format_rows(rows)
    assert "resnet20, batch 4, 32 pixels, 1 threads" in text and "static openvino: not there" in text
    picture = draw(rows)
    assert picture.startswith("<svg ") and "litert int8 2" in picture and "torch float" in picture
    assert picture.count("<circle") == 3 + 2  # a dot of each of ours, a key of each kind
    assert draw([rows[-1]]).startswith("<svg ")
