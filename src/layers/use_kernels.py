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
"""Let the layers of a network run on the native CPU kernels where those can do what the layer does.

The layers keep their definition; a kernel is only another way to the same numbers and gradients.
What no kernel does stays portable: signed inputs (an 8-bit first layer; the kernels' codes begin at 0),
untied dynamic layers, and truncated children of nested codes.
"""

from mindspore import nn

from src.kernels import ops as kernels
from src.layers.conv import Conv2d
from src.layers.dynamic import DynamicConv2d
from src.layers.norm import BatchNorm
from src.layers.pool import MaxPool
from src.layers.shortcut import ShortcutA
from src.layers.static import StaticConv2d
from src.quantizers.base import ActivationQuantizer
from src.quantizers.dorefa import DorefaWeight
from src.quantizers.nested import NestedActivation, NestedWeight
from src.quantizers.uniform import UniformQuantize


def use_native(network: nn.Cell, short_gradients: bool = False) -> None:
    """Attach kernels, in place, before the network is first compiled.

    Args:
        short_gradients: quantised convolutions may round dL/dy to 16-bit codes.
    """
    for _, cell in network.cells_and_names():
        if isinstance(cell, Conv2d):
            cell.multiply = kernels.conv2d(*_geometry(cell), needs_dx=not cell.is_first)
        elif isinstance(cell, StaticConv2d):
            _static(cell, short_gradients)
        elif isinstance(cell, DynamicConv2d) and cell.tied and _fits(cell.input_quantizer):
            cell.fused = kernels.dynamic_conv2d(*_geometry(cell), short_gradients)
        elif isinstance(cell, BatchNorm):
            cell.fused = kernels.batch_norm(cell.relu, residual=False)
            cell.fused_add = kernels.batch_norm(cell.relu, residual=True)
            cell.moved = kernels.running_statistics()
        elif isinstance(cell, ShortcutA):
            cell.fused = kernels.subsample(cell.stride, cell.before, cell.after)
        elif isinstance(cell, MaxPool):
            cell.fused = kernels.max_pool(cell.kernel, cell.stride, cell.padding)
        elif isinstance(cell, DorefaWeight):
            cell.fused = kernels.dorefa_weight()
        else:
            _quantize(cell)


def _static(cell: StaticConv2d, short_gradients: bool) -> None:
    if _fits(cell.input_quantizer):
        cell.fused = kernels.quant_conv2d(*_geometry(cell), short_gradients)
    else:
        cell.multiply = kernels.conv2d(*_geometry(cell))  # its input's step needs the gradient


def _fits(quantizer: ActivationQuantizer) -> bool:
    """Whether the fused kernels quantise an input as `quantizer` does: codes from 0, rounded children."""
    return not (quantizer.signed or getattr(quantizer, "truncate", False))


def _quantize(cell: nn.Cell) -> None:
    """Of a quantiser that stands alone: of weights, of a dense layer's input."""
    quantize = getattr(cell, "quantize", None)
    if isinstance(quantize, UniformQuantize):
        cell.quantize = kernels.fake_quant()
    elif isinstance(cell, (NestedWeight, NestedActivation)) and not quantize[0].truncate:
        cell.quantize = nn.CellList([kernels.fake_quant() for _ in quantize])


def _geometry(cell) -> tuple[int, int, int]:
    return cell.stride, cell.padding, cell.groups
