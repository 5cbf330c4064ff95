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
"""Backbones by name, or from a file of the user's own. A new family is a file here and a line in `BACKBONES`."""

import numpy as np

from src.errors import UserError
from src.models import mobilenetv2, resnet
from src.models.backbone import Backbone, Design
from src.models.own_file import read_design
from src.models.sound import check_nodes

BACKBONES: dict[str, Design] = {**resnet.DESIGNS, **mobilenetv2.DESIGNS}


def design_of(model) -> Design:
    """What the `model` section names: an entry of `BACKBONES`, or a function of `model.file`.

    Raises:
        UserError: the file is missing, cannot be run or has no such function.
    """
    return BACKBONES[model.name] if model.file is None else read_design(model.file, model.name)


def build_model(model, num_classes: int, seed: int = 0) -> Backbone:
    """The float network that the `model` section asks for, with fresh weights. UserError: as `design_of`,
    or its nodes break a rule (sound.py)."""
    design = design_of(model)
    options = {name: getattr(model, name) for name in design.options}
    return _built(design, model.name, num_classes, seed, options)


def build_backbone(name: str, num_classes: int, seed: int = 0, **options) -> Backbone:
    """The same of an entry of `BACKBONES`; options: of those that its design takes."""
    return _built(BACKBONES[name], name, num_classes, seed, options)


def _built(design: Design, name: str, num_classes: int, seed: int, options: dict) -> Backbone:
    backbone = design.build(num_classes, np.random.default_rng(seed), **options)
    check_nodes(backbone, name, num_classes)
    backbone.name_parameters()
    return backbone


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
