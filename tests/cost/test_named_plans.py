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
"""Plans as people write them: names, slots, the others; there and back; what is none."""

import json

import numpy as np
import pytest

from src.cost.bitops import LayerCost, PlanCost
from src.cost.named_plans import read_plan, to_choices, to_names
from src.errors import UserError

WIDTHS = (2, 4, 8)
TIED = PlanCost(
    [LayerCost(n, 10, 1, 1, WIDTHS, WIDTHS, s) for s, n in enumerate(("a.x", "a.y", "b"))]
)
SHARING = PlanCost(
    [LayerCost(n, 10, 1, 1, WIDTHS, WIDTHS, s) for n, s in (("a", 0), ("b", 0), ("c", 1))]
)


@pytest.mark.parametrize(
    "plan, choices",
    [
        ({"a.x": 2, "a.y": 4, "b": 8}, [0, 1, 2]),
        ({"0": 2, "a.y": [4, 4], "*": 8}, [0, 1, 2]),
        ({"*": 4}, [1, 1, 1]),
    ],
)
def test_tied_choices(plan, choices):
    np.testing.assert_array_equal(to_choices(plan, TIED, 1)[:, 0], choices)


def test_weights_and_inputs_apart():
    choices = to_choices({"a.x": [2, 8], "*": 4}, TIED, 2)
    np.testing.assert_array_equal(choices, [[0, 2], [1, 1], [1, 1]])
    assert to_names(choices, TIED) == {"a.x": [2, 8], "a.y": 4, "b": 4}


def test_names_lead_back_to_the_choices(tmp_path):
    choices = np.array([[2], [0], [1]])
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(to_names(choices, TIED)))
    np.testing.assert_array_equal(read_plan(path, TIED, 1), choices)


def test_layers_that_share_a_slot_share_a_choice():
    np.testing.assert_array_equal(to_choices({"a": 4, "b": 4, "1": 8}, SHARING, 1)[:, 0], [1, 2])
    np.testing.assert_array_equal(to_choices({"0": 2, "*": 8}, SHARING, 1)[:, 0], [0, 2])
    with pytest.raises(UserError, match=r"decides twice on slot 0 \(layer b\)"):
        to_choices({"a": 4, "b": 2, "c": 2}, SHARING, 1)


@pytest.mark.parametrize(
    "text, says",
    [
        ("{", "cannot be read as JSON"),
        ("[2, 4]", "holds .2, 4.; a plan is"),
        ('{"a.x": 2}', r"says nothing of layer a.y \(slot 1\)"),
        ('{"a.z": 2, "*": 2}', "no width is chosen for a layer 'a.z'; did you mean a."),
        ('{"*": 3}', "3 is not among this network's widths, 2, 4, 8, weights and inputs alike"),
        ('{"*": [2, 4]}', "is not among this network's widths"),
        ('{"*": "4"}', r"'4' is neither a width nor \[weights, inputs\]"),
        ('{"*": true}', "neither a width"),
        ('{"a.x": 2, "0": 2, "*": 2}', "decides twice on slot 0"),
        ('{"a.x": 2, "a.x": 4, "*": 2}', r"cannot be read as JSON \('a.x' stands twice\)"),
    ],
)
def test_what_is_no_plan_is_named(tmp_path, text, says):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(UserError, match=f"--plan .*plan.json: .*{says}"):
        read_plan(path, TIED, 1)


def test_it_may_be_given_as_what_a_file_holds(tmp_path):
    plan = {"a.x": 2, "*": 4}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    np.testing.assert_array_equal(read_plan(plan, TIED, 1), read_plan(tmp_path / "plan.json", TIED, 1))
    with pytest.raises(UserError, match="^the plan: says nothing of layer"):
        read_plan({"a.x": 2}, TIED, 1)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="--plan .*none.json: cannot be read"):
        read_plan(tmp_path / "none.json", TIED, 1)
