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
"""Levels as sums of steps: the nearest level everywhere, by operators that old runtimes have."""

import numpy as np
import pytest
from mindspore import Tensor

from src.deploy.graph_files import export_graph
from src.deploy.mindir.compat import check_portable
from src.quantizers.fixed_levels import FixedLevels, flights

LEVELS = {
    "even": np.arange(0, 256, 17),
    "two": np.array([-128, 127]),
    "all": np.arange(256),
    "any": np.array([-128, -90, -89, -88, -40, -3, 0, 3, 6, 9, 10, 60, 100, 127]),
}


def nearest(v: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """By distance, the upper one at a midpoint."""
    distance = np.abs(v[..., None] - levels[::-1])
    return levels[::-1][distance.argmin(-1)]


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.usefixtures("pynative")
def test_values_are_the_nearest_levels(name):
    """A scale that is a power of two: every midpoint is hit."""
    levels, scale = LEVELS[name], np.float32(2**-4)
    v = np.r_[np.arange(-300, 301) / 2, np.random.default_rng(0).uniform(-200, 300, 2000)]
    x = (v * scale).astype(np.float32).reshape(1, 1, -1, 1)
    found = FixedLevels(levels, scale)(Tensor(x)).asnumpy()
    expected = nearest(x.astype(np.float64) / scale, levels)
    np.testing.assert_array_equal(found, (expected * scale).astype(np.float32))


def test_equal_steps_are_one_flight():
    assert [(f.start, f.width, f.count, f.step) for f in flights(LEVELS["even"])] == [(-8.5, 17, 15, 17)]
    assert [(f.start, f.width, f.count, f.step) for f in flights(np.array([0, 1, 2, 7]))] == [
        (-0.5, 1, 2, 1), (3.5, 1, 1, 5),
    ]  # fmt: skip


def test_a_graph_of_them_runs_on_old_runtimes(tmp_path):
    cell, file = FixedLevels(LEVELS["any"], np.float32(0.1)), tmp_path / "levels.mindir"
    export_graph(cell, [np.zeros((1, 2, 3, 3), np.float32)], file, "MINDIR")
    check_portable(file)
