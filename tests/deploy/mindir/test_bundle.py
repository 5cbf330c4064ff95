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
"""The table of a bundle."""

from dataclasses import replace

import numpy as np
import pytest

from src.deploy.mindir.bundle import FILE, Bundle, BundleStage, read_bundle, write_bundle
from src.errors import UserError

STAGES = (
    BundleStage("layer2.0.conv1", 0, (0,), 1, 100, ("a.mindir", "b.mindir")),
    BundleStage("layer2.0.conv2", 1, (1, 0), 2, 10, ("c.mindir", "d.mindir")),
    BundleStage("fc", -1, (2,), 3, 0, ("fc.mindir",)),
)
BUNDLE = Bundle(3, (3, 32, 32), 10, (2, 4), 2, 1, 4, "front.mindir", "mask.mindir", 1000, STAGES)


def test_what_is_written_is_read(tmp_path):
    static = Bundle(
        1, (3, 8, 8), 5, registers=2, stages=(BundleStage("network", -1, (0,), 1, 0, ("n",)),)
    )
    deciding = BundleStage("controller.0", -1, (0,), -1, 0, ("c",), decides=0)
    chosen = BundleStage("fc", 0, (0,), 1, 9, ("a", "b"))
    stepwise = Bundle(3, (3, 8, 8), 5, (2, 4), 1, 1, 2, stages=(deciding, chosen))
    for bundle in (BUNDLE, static, stepwise):
        write_bundle(bundle, tmp_path)
        assert read_bundle(tmp_path) == bundle


def test_bitops_of_choices():
    choices = np.array([[[0], [0]], [[1], [0]], [[0], [1]]])
    expected = [1000 + 100 * 4 + 10 * 4, 1000 + 100 * 16 + 10 * 4, 1000 + 100 * 4 + 10 * 16]
    np.testing.assert_array_equal(BUNDLE.cost().of_plan(choices), expected)


def test_bitops_of_weights_and_inputs_apart():
    stage = BundleStage("x", 0, (0,), 1, 7, ("a", "b", "c", "d"))
    bundle = Bundle(3, (3, 8, 8), 5, (2, 4), 1, 2, 2, "f", "", 0, (stage,))
    np.testing.assert_array_equal(bundle.cost().of_plan(np.array([[[0, 1]]])), [7 * 2 * 4])


@pytest.mark.parametrize(
    "line", ["format=2", "classes=ten", "colour=red", "no equals sign", "[stage]\nslot=1"]
)
def test_a_damaged_table_is_named(line, tmp_path):
    write_bundle(BUNDLE, tmp_path)
    path = tmp_path / FILE
    text = path.read_text().replace(
        "format=1", "format=1\n" + line if line[:6] != "format" else line
    )
    path.write_text(text)
    with pytest.raises(UserError, match=FILE):
        read_bundle(tmp_path)


@pytest.mark.parametrize("key, number", [(9999 * "k", "1"), ("fixed_bitops", 9999 * "k")])
def test_what_is_endless_is_told_by_its_beginning(key, number, tmp_path):
    write_bundle(BUNDLE, tmp_path)
    path = tmp_path / FILE
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{key}=")]
    path.write_text("\n".join([lines[0], f"{key}={number}", *lines[1:]]))
    with pytest.raises(UserError, match="kkk.*; export it again") as refused:
        read_bundle(tmp_path)
    assert str(refused.value).count("k") <= 210


@pytest.mark.parametrize("output, decides", [(3, 0), (-1, -1)])
def test_a_stage_writes_a_map_or_decides(output, decides, tmp_path):
    stages = (*STAGES[:-1], replace(STAGES[-1], output=output, decides=decides))
    write_bundle(replace(BUNDLE, stages=stages), tmp_path)
    with pytest.raises(UserError, match="either output= or decides="):
        read_bundle(tmp_path)


def test_a_folder_without_table_says_how_to_make_one(tmp_path):
    with pytest.raises(UserError, match="--bundle"):
        read_bundle(tmp_path)
