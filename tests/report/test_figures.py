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
import re

import numpy as np
import pytest

from src.report import figures
from src.report.load import Evaluation, Metrics
from src.report.stats import ClassRow


def titles(charts):
    return [re.search(r"<b>([^<]+)</b>", chart)[1] for chart in charts]


def metrics(stage, **columns):
    return Metrics(stage, {name: np.array(values, float) for name, values in columns.items()})


def test_only_charts_that_say_something():
    drawn = figures.training_curves(
        metrics(["static"] * 3, train_loss=[3, 2, 1], mean_bits=[4, 4, 4], lr=[0.1, 0.1, 0.1])
    )
    assert titles(drawn) == ["Loss"]


def test_a_budget_makes_a_constant_worth_showing():
    drawn = figures.training_curves(
        metrics(["dqnet"] * 2, mean_bits=[4, 4], budget_bits=[4, 4], bitops=[6e8, 5e8])
    )
    assert titles(drawn) == ["Mean width, bits", "BitOPs per image, M"]
    assert "chosen 4.00" in drawn[0]
    assert "budget 4.00" in drawn[0]
    assert "chosen 500.00" in drawn[1]


def test_accuracy_is_in_per_cent_and_one_epoch_is_enough():
    (drawn,) = figures.training_curves(metrics(["float"], val_top1=[0.9173]))
    assert "evaluation 91.73" in drawn
    assert "<circle" in drawn


def test_nan_losses_do_not_stop_the_page():
    (drawn,) = figures.training_curves(metrics(["a"] * 3, train_loss=[1, np.nan, np.inf]))
    assert "train 1.000" in drawn


def test_stage_marks():
    assert figures.stage_marks(metrics(["float", "float", "dqnet"])) == [(1, "float"), (3, "dqnet")]
    assert figures.stage_marks(metrics(["float", "float"])) == []


def test_cost_bars_are_proportional():
    static = {"2": 200.0, "4": 800.0, "8": 3200.0}
    drawn = figures.cost_bars({"bitops": 400.0, "bitops_static": static})
    lengths = [float(x) for x in re.findall(r'width="([\d.]+)" height="17"', drawn)]
    assert np.array(lengths) / lengths[-1] == pytest.approx([1 / 16, 1 / 8, 1 / 4, 1], abs=1e-3)
    assert figures.cost_bars({"bitops": 400.0}) is None


def test_accuracy_of_tenths_of_the_images():
    widths = np.linspace(3, 5, 100)
    drawn = figures.accuracy_by_width(widths, widths < 4)
    assert drawn.count("<circle") == 10
    assert drawn.count("100.0 % right") == 5
    assert drawn.count(": 0.0 % right") == 5


def test_accuracy_of_few_widths_is_grouped_by_width():
    widths = np.tile([3.0, 5.0], 50)
    drawn = figures.accuracy_by_width(widths, widths == 3)
    assert drawn.count("<circle") == 2
    assert "50 images at 3.00 bits: 100.0 % right" in drawn
    assert "50 images at 5.00 bits: 0.0 % right" in drawn


def test_no_distribution_of_equal_images():
    ones = np.ones((6, 2), np.uint8)
    label = np.zeros(6, int)
    arrays = {"label": label, "predicted": label, "bitops": np.ones(6)}
    equal = Evaluation({}, arrays | {"w_bits": 4 * ones, "a_bits": 4 * ones})
    assert figures.distributions(equal, 4.0) == []


def test_a_dot_per_class():
    rows = [ClassRow(i, f"<{i}>", 5, 0.5, 3 + i / 10) for i in range(30)]
    drawn = figures.class_scatter(rows)
    assert drawn.count("<circle") == 30
    assert "&lt;3&gt;: 3.300 bits, 50.0 %" in drawn
