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
"""The bundle of a controller that decides step by step: no front, and stages that decide."""

import numpy as np
import pytest

from src.deploy.compare import network_answers
from src.deploy.mindir.bundle import read_bundle
from src.deploy.mindir.export_bundle import export_bundle
from src.deploy.mindir.run_bundle import run_in_mindspore, run_mask
from tests.stepwise import spread_choices, stepwise

IMAGES = 4


@pytest.mark.slow  # the toy of tests/project/test_new_system.py goes the same way
@pytest.mark.parametrize("columns, by_choice", [(1, False), (1, True), (2, False), (2, True)])
def test_chain_mask_and_network_agree(columns, by_choice, digits, tmp_path):
    """Also where statistics follow the choices."""
    built, images = stepwise(columns, by_choice), digits.batch(np.arange(IMAGES))
    spread_choices(built, images)
    expected, plan = network_answers(built, images)
    assert all(len(np.unique(plan[:, slot])) > 1 for slot in range(plan.shape[1]))
    export_bundle(built, digits, {}, tmp_path / "bundle", 3)
    bundle = read_bundle(tmp_path / "bundle")
    assert bundle.front == "" and not (tmp_path / "bundle" / "front.mindir").exists()
    decides = [stage.decides for stage in bundle.stages if stage.decides >= 0]
    assert decides == list(range(plan.shape[1])) and bundle.layers == plan.shape[1]
    assert [stage.slot for stage in bundle.stages if stage.slot >= 0] == decides
    for i, stage in enumerate(bundle.stages):
        if stage.slot >= 0:  # what decides for it has seen the same map
            decider = bundle.stages[i - 1]
            assert decider.decides == stage.slot and decider.inputs == stage.inputs[:1]
            assert len(stage.files) == 3**columns and len(decider.files) == 1
    for run in (run_in_mindspore, run_mask):
        logits, choices = run(tmp_path / "bundle", images)
        np.testing.assert_array_equal(choices, plan)
        np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())
    widths = [np.array(built.widths)[plan[:, :, column]] for column in (0, -1)]
    np.testing.assert_array_equal(bundle.cost().of_plan(plan), built.cost.of_widths(*widths))
