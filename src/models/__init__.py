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
"""Backbones by name. A new family is a file here and a line in `BACKBONES`."""

import numpy as np

from src.errors import UserError
from src.models import mobilenetv2, resnet
from src.models.backbone import Backbone, Design

BACKBONES: dict[str, Design] = {**resnet.DESIGNS, **mobilenetv2.DESIGNS}


def build_backbone(name: str, num_classes: int, seed: int = 0, **options) -> Backbone:
    """A float network with fresh weights; options: of those that its design takes."""
    backbone = BACKBONES[name].build(num_classes, np.random.default_rng(seed), **options)
    backbone.name_parameters()
    return backbone


def options_of(model) -> dict:
    """What `build_backbone` takes of the `model` section beside name and classes."""
    return {name: getattr(model, name) for name in BACKBONES[model.name].options}


def class_count(asked: int | None, in_data: int) -> int:
    """Outputs of a model: `model.num_classes`, or as many as the data set has classes.

    Raises:
        UserError: fewer than the data set's labels need.
    """
    if asked is not None and asked < in_data:
        raise UserError(
            f"model.num_classes={asked}: the data set has {in_data} classes; give {in_data} or "
            "more, or null"
        )
    return asked or in_data
