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

"""`bench.py kernels`: shapes and counts of a network, and a run of the script."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import bench
from src import kernels
from src.bench.kernel_calls import KINDS, Shape
from src.bench.kernels import conv_shapes, run_kernels
from src.entry import guarded
from tests.system.runs import LONGEST

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_convolutions_of_resnet20():
    shapes = conv_shapes("resnet20", 32)
    assert sum(shapes.values()) == 19
    assert shapes[Shape(16, 16, 3, 1, 1, 1, 32)] == 6
    assert shapes[Shape(16, 32, 3, 2, 1, 1, 32)] == 1
    # without the 640 of the classifier
    assert sum(shape.macs * count for shape, count in shapes.items()) == 40_550_400


def test_a_name_tells_stride_and_groups():
    assert str(Shape(16, 32, 3, 2, 1, 1, 32)) == "16->32 3x3 s2 32"
    assert str(Shape(16, 16, 3, 1, 1, 16, 8)) == "16->16 3x3 g16 8"


@pytest.mark.skipif(not kernels.available(), reason="no compiler for the kernels")
def test_depthwise_layers_are_held_to_the_bandwidth_of_a_copy(monkeypatch):
    wide, plain = Shape(8, 8, 3, 2, 1, 8, 9), Shape(8, 8, 3, 2, 1, 1, 9)
    monkeypatch.setattr("src.bench.kernels.conv_shapes", lambda *_: {wide: 2, plain: 1})
    arguments = ["kernels", "--model", "mobilenetv2", "--batch", "2", "--runs", "1"]
    rows = run_kernels(bench.parse(arguments))["rows"]
    bound = {row["kernel"]: row for row in rows if "gb_s" in row}
    assert {row["layer"] for row in bound.values()} == {str(wide)}
    assert set(bound) == set(KINDS) - {"dynamic inner"}
    for kind, row in bound.items():
        assert row["bandwidth_gb_s"] > 0.1
        assert row["share_of_bandwidth"] == pytest.approx(row["gb_s"] / row["bandwidth_gb_s"])
        assert row["share_of_bandwidth"] < 100, kind
    assert (wide.is_depthwise, plain.is_depthwise) == (True, False)
    assert wide.maps == (8 * 81, 8 * 25)


@pytest.mark.parametrize("option, value", [("--runs", "0"), ("--threads", "-1")])
def test_an_option_out_of_range_is_one_line(option, value, capsys):
    assert guarded(bench.main, ["kernels", "--model", "resnet8", option, value]) == 2
    assert capsys.readouterr().err.startswith(f"error: {option} {value}: must be at least ")


@pytest.mark.skipif(not kernels.available(), reason="no compiler for the kernels")
def test_the_script_reports_a_share_of_a_measured_peak(tmp_path):
    file = tmp_path / "rows.json"
    done = subprocess.run(
        [sys.executable, "bench.py", "kernels", "--model", "resnet8", "--batch", "2", "--runs", "2",
         "--json", str(file)],
        cwd=ROOT, timeout=LONGEST, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(file.read_text())
    assert {row["kernel"] for row in result["rows"]} == set(KINDS)
    for row in result["rows"]:
        assert row["peak_gmacs"] > 0
        # A little more than all is possible: clocks change between the two measurements. And
        # floats may take 16 products for 36 (Winograd).
        most = 1.5 * 36 / 16 if KINDS[row["kernel"]] == "float" else 1.5
        assert 0 < row["share_of_peak"] < most, row
    assert "16->16 3x3 32" in done.stdout and "peak in GMAC/s" in done.stdout


@pytest.mark.skipif(not kernels.available(), reason="no compiler for the kernels")
@pytest.mark.parametrize("option", ["--bits=8", "--batch=1", "--model=resnet9"])
def test_a_bad_option_is_one_line(option):
    done = subprocess.run(
        [sys.executable, "bench.py", "kernels", option],
        cwd=ROOT, timeout=LONGEST, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and option.split("=")[0] in done.stderr
