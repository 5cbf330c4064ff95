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
"""Entry point of MindSpore Hub."""

from mindspore import nn

from src.config import load_config
from src.deploy.mindir.whole import Deployed
from src.methods import build_system


def create_network(
    name: str, *overrides: str, num_classes: int = 10, image_size: int = 32, batch: int = 1
) -> nn.Cell:
    """A network as a recipe describes it: image (batch, 3, image_size, image_size) float32, normalised
    as in training, -> (logits (batch, num_classes),), or (logits, plan) with a controller.

    Args:
        name: a recipe in config/, e.g. `resnet20_cifar10_lsq_4bit`.
        overrides: `key=value`, as on the command line.

    Raises:
        UserError: no such recipe, or an option that does not fit.
    """
    config = load_config(name, ["data.path=none", *overrides])  # no data is read
    system, _ = build_system(config, num_classes, image_size, native=False)
    system.network.set_train(False)
    return Deployed(system, batch)
