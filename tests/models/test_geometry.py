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

"""An image that is too small for a network is refused before anything is built for it."""

import pytest

from src.errors import UserError
from src.models import build_backbone
from src.models.geometry import describe


def test_nothing_left_of_the_image():
    with pytest.raises(UserError, match="data.image_size=0 is too small .* CIFAR stem"):
        describe(build_backbone("resnet18", 10), 0)


def group_side(name: str, side: int) -> int:
    """Side of the features behind the first group of blocks."""
    backbone = build_backbone(name, 2)
    return describe(backbone, side).values[backbone.end_of(1)].side


@pytest.mark.parametrize("side,early", [(8, 2), (32, 8), (33, 9), (224, 56)])
def test_early_size_of_the_imagenet_stem(side, early):
    assert group_side("resnet18", side) == early
