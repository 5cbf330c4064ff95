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
"""First steps before training: of inputs from the first batch (LSQ, section 2.1), or all by a search."""

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from src.layers.norm import normalise_by_batch
from src.ptq.steps import sample, search_range
from src.quantizers.base import ActivationQuantizer, WeightQuantizer
from src.runtime import Runtime, broadcast_parameters


def calibrate(
    network: nn.Cell, inputs: tuple[np.ndarray, ...], runtime: Runtime, search: bool = False
) -> int:
    """Run one batch layer by layer; each quantiser that learns from data sees its input first.

    Later layers thus see activations that are already quantised, and normalised by the batch, as in
    the first training step: with the float network's statistics, which no longer fit at 2 bits, the
    steps of deep layers would start at a multiple of their size. Returns how many were set.

    Args:
        search: steps and clip values, those of weights too, have the least squared error.
    """
    layers = [cell for _, cell in network.cells_and_names() if _learns_from_input(cell, search)]
    if not layers:
        return 0
    if search:
        _search_weights(network)
    # At the layer and not at its quantiser: some executions ask the quantiser for its grid alone.
    hooks = [cell.register_forward_pre_hook(_first_input(search)) for cell in layers]
    ms.set_context(mode=ms.PYNATIVE_MODE)  # hooks are called in this mode only
    normalise_by_batch(network)
    network(*[Tensor(x) for x in inputs])
    network.set_train(False)
    for hook in hooks:
        hook.remove()
    ms.set_context(mode=ms.GRAPH_MODE if runtime.graph else ms.PYNATIVE_MODE)
    broadcast_parameters(runtime, network)
    return len(layers)


def _learns_from_input(cell: nn.Cell, search: bool) -> bool:
    quantizer = getattr(cell, "input_quantizer", None)
    if not isinstance(quantizer, ActivationQuantizer):
        return False
    return quantizer.learns_from_data or (search and quantizer.ranges()[0] is not None)


def _search_weights(network: nn.Cell) -> None:
    for _, cell in network.cells_and_names():
        quantizer = getattr(cell, "weight_quantizer", None)
        if isinstance(quantizer, WeightQuantizer):
            search_range(quantizer, cell.weight.asnumpy())


def _first_input(search: bool):
    seen = []

    def hook(cell, inputs):
        if not seen:
            quantizer, x = cell.input_quantizer, inputs[0].asnumpy()
            if not (search and search_range(quantizer, sample([x]))):
                quantizer.init_from(x)
            seen.append(True)

    return hook
