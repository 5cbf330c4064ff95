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
"""What last bits do to a network's own logits."""

import numpy as np
import pytest

from src.config import load_config
from src.deploy import sensitivity
from src.deploy.compare import network_answers, relative_differences
from src.deploy.integer import export as module
from src.deploy.integer.export import export_int
from src.deploy.notes import as_notes
from src.deploy.sensitivity import moved
from src.errors import UserError
from tests.methods.build import method

LSQ = ["method.name=static", "quant.quantizer=lsq", "quant.first_last=8"]


def test_the_network_is_as_before_afterwards(digits, monkeypatch, pynative):
    monkeypatch.setattr(sensitivity, "AMOUNT", 0.01)
    built, images = method(*LSQ), digits.batch(np.arange(4))
    expected, _ = network_answers(built, images)
    with moved(built):
        own, _ = network_answers(built, images)
    assert 0 < relative_differences(own, expected).max() < 1
    np.testing.assert_array_equal(network_answers(built, images)[0], expected)


@pytest.mark.parametrize("amount, is_refused", [(0.0, True), (0.3, False)])
def test_a_file_may_differ_as_the_network_moves(digits, picture, tmp_path, monkeypatch, pynative, amount, is_refused):
    def other(*about):
        program = lower(*about)
        program.operations[-1].arrays["bias"] += 1 << program.operations[-1].shift + 4
        return program

    lower = module.lower
    monkeypatch.setattr(module, "lower", other)
    monkeypatch.setattr(module, "TOLERANCE", 1e-9)
    monkeypatch.setattr(sensitivity, "AMOUNT", amount)
    asked = method(*LSQ), picture, as_notes(load_config(), digits, None, None), tmp_path / "n.safetensors", digits
    if not is_refused:
        assert export_int(*asked)["median_difference"] > 1e-9
        return
    with pytest.raises(UserError, match="differs from the network"):
        export_int(*asked)
