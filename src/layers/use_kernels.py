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
A quantiser says which kernel it fits (`kernel`, src/quantizers/base.py). What no kernel does stays
portable: untied dynamic layers, and convolutions whose inputs are not FUSED codes (signed ones: an
8-bit first layer; the fused kernels' codes begin at 0).
"""

from mindspore import nn

from src.kernels import conv_ops
from src.kernels import ops as kernels
from src.layers.conv import Conv2d
from src.layers.dynamic import DynamicConv2d
from src.layers.norm import BatchNorm
from src.layers.pool import MaxPool
from src.layers.shortcut import ShortcutA
from src.layers.static import StaticConv2d
from src.quantizers.base import (
    DOREFA,
    FAKE_QUANT,
    FUSED,
    LEVELS,
    ActivationQuantizer,
    WeightQuantizer,
)

# What stands in for a quantiser by itself: of weights, of an input that no kernel quantises as it multiplies.
_ALONE = {
    FAKE_QUANT: kernels.fake_quant, FUSED: kernels.fake_quant, DOREFA: kernels.dorefa_weight,
    LEVELS: kernels.levels,
}  # fmt: skip


def use_native(
    network: nn.Cell, short_gradients: bool = False, plan_is_given: bool = False
) -> None:
    """Attach kernels, in place, before the network is first compiled.

    Args:
        short_gradients: quantised convolutions may round dL/dy to 16-bit codes.
        plan_is_given: no controller learns from the widths' gradients, so none are computed.
    """
    for _, cell in network.cells_and_names():
        if isinstance(cell, Conv2d):
            cell.multiply = conv_ops.conv2d(*_geometry(cell), needs_dx=not cell.is_first)
        elif isinstance(cell, StaticConv2d):
            _static(cell, short_gradients)
        elif isinstance(cell, DynamicConv2d):
            _dynamic(cell, short_gradients, plan_is_given)
        elif isinstance(cell, BatchNorm):
            cell.fused = kernels.batch_norm(cell.activation.name, residual=False)
            cell.fused_add = kernels.batch_norm(cell.activation.name, residual=True)
            cell.follow = kernels.running_statistics()
        elif isinstance(cell, ShortcutA):
            cell.fused = kernels.subsample(cell.stride, cell.before, cell.after)
        elif isinstance(cell, MaxPool):
            cell.fused = kernels.max_pool(cell.kernel, cell.stride, cell.padding)
        elif isinstance(cell, (WeightQuantizer, ActivationQuantizer)) and cell.kernel is not None:
            cell.attach(_ALONE[cell.kernel])
            if isinstance(cell, WeightQuantizer) and cell.kernel == FAKE_QUANT:
                cell.fused = kernels.fake_quant_slots()


def _static(cell: StaticConv2d, short_gradients: bool) -> None:
    if cell.input_quantizer.kernel == FUSED:
        cell.fused = conv_ops.quant_conv2d(*_geometry(cell), short_gradients)
    else:
        cell.multiply = conv_ops.conv2d(*_geometry(cell))  # its input's step needs the gradient


def _dynamic(cell: DynamicConv2d, short_gradients: bool, is_given: bool) -> None:
    if cell.tied and cell.input_quantizer.kernel == FUSED:
        cell.fused = conv_ops.dynamic_conv2d(
            *_geometry(cell), short_gradients=short_gradients, is_given=is_given
        )


def _geometry(cell) -> tuple[int, int, int]:
    return cell.stride, cell.padding, cell.groups
