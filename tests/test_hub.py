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
"""What MindSpore Hub finds."""

import numpy as np
import pytest
from mindspore import Tensor

from mindspore_hub_conf import create_network
from src.errors import UserError


@pytest.mark.parametrize("name, outputs", [("resnet8_digits_dqnet_4bit", 2), ("resnet20_cifar10_lsq_4bit", 1)])
def test_a_recipe_is_a_network(name, outputs, pynative):
    network = create_network(name, "model.name=resnet8", num_classes=7, batch=2)
    found = network(Tensor(np.zeros((2, 3, 32, 32), np.float32)))
    assert len(found) == outputs and found[0].shape == (2, 7)


def test_no_such_recipe():
    with pytest.raises(UserError, match="did you mean"):
        create_network("resnet20_cifar10_lqs_4bit")
