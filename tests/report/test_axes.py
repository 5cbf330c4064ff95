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
import numpy as np
import pytest

from src.report import axes


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, [0, 0.25, 0.5, 0.75, 1.0]),
        (3.06, 4.94, [3.0, 3.5, 4.0, 4.5, 5.0]),
        (634.0, 679.5, [620, 640, 660, 680]),
        (0.0, 0.0007, [0, 0.0002, 0.0004, 0.0006, 0.0008]),
    ],
)
def test_ticks_are_round_and_enclose(low, high, ticks):
    assert axes.nice_ticks(low, high) == pytest.approx(ticks)


def test_tick_labels_have_the_decimals_of_the_step():
    assert axes.tick_label(0.5, [0, 0.25, 0.5]) == "0.50"
    assert axes.tick_label(620.0, [620, 640]) == "620"
    assert axes.tick_label(0.0002, [0.0, 0.0002]) == "0.0002"


@pytest.mark.parametrize("values", [[2.0], [3.0, 3.0], [0.0, 0.0], [np.nan, 1e9, 1e9]])
def test_an_axis_of_one_value_has_a_length(values):
    axis = axes.vertical(np.array(values))
    assert axis.low < axis.high
    assert np.isfinite(axis.at(np.nanmax(values)))
