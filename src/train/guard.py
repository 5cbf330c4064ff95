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
"""A run that met NaN or infinity stops and names the layer where it began."""

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from src.errors import UserError

ADVICE = "lower train.lr, set train.clip_norm, or add train.warmup_epochs"


def explain_not_finite(network: nn.Cell, inputs: tuple[np.ndarray, ...], where: str) -> UserError:
    """Find the first parameter, or else the first layer output, that is not finite.

    Args:
        network: as it was when the loss went wrong; it is run once more, layer by layer.
        inputs: the network's inputs of that step.
        where: epoch and step, for the message.
    """
    for name, parameter in network.parameters_and_names():
        if not np.isfinite(parameter.asnumpy()).all():
            return UserError(f"{where}: parameter {name} is not finite; {ADVICE}")
    if not np.isfinite(inputs[0]).all():
        return UserError(f"{where}: the input images hold NaN or infinity; check the data")
    layer = _first_bad_layer(network, inputs)
    if layer:
        return UserError(f"{where}: the output of layer {layer} is not finite; {ADVICE}")
    return UserError(f"{where}: a gradient is not finite, the network's outputs are; {ADVICE}")


def _first_bad_layer(network: nn.Cell, inputs: tuple[np.ndarray, ...]) -> str:
    bad: list[str] = []

    def watch(name):
        def hook(cell, arguments, output):
            value = output[0] if isinstance(output, tuple) else output
            if isinstance(value, Tensor) and not np.isfinite(value.asnumpy()).all():
                bad.append(name)

        return hook

    # A cell ends after the cells inside it, so the innermost culprit comes first.
    cells = [(name, cell) for name, cell in network.cells_and_names() if name]
    hooks = [cell.register_forward_hook(watch(name)) for name, cell in cells]
    mode = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)
    network(*[Tensor(x) for x in inputs])
    for hook in hooks:
        hook.remove()
    ms.set_context(mode=mode)
    return bad[0] if bad else ""
