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
"""The pass that replaces float layers of a model by the quantised ones that a method asked for."""

from mindspore import nn

from src.errors import UserError
from src.layers.conv import Conv2d
from src.layers.dynamic import DynamicConv2d
from src.layers.spec import DYNAMIC, FLOAT, LayerSpec
from src.layers.static import StaticConv2d, StaticDense
from src.quantizers import ACTIVATION, WEIGHT


def swap_layers(
    layers: dict,
    specs: dict[str, LayerSpec],
    *,
    signed_inputs: set[str] = frozenset(),
    per_channel: bool = False,
    pact_alpha: float = 10.0,
    master: int = 8,
    truncate: bool = False,
    tied: bool = True,
    execution: str = "auto",
) -> None:
    """Replace, in place, every layer whose spec is not float.

    Args:
        layers: name -> node, whose `cell` is a float layer.
        specs: name -> spec.
        signed_inputs: layers whose input may be negative (only lsq quantises such).
        per_channel: one weight step per output channel (lsq, nested).
        pact_alpha: first clip value (pact).
        master, truncate: bits of the master code, and how its children are taken (nested).
        tied, execution: options of the dynamic layers.

    Raises:
        UserError: a spec names a layer that the model does not have.
    """
    for name, spec in specs.items():
        if name not in layers:
            raise UserError(f"no layer {name} in the model; it has {', '.join(layers)}")
        if spec.kind == FLOAT:
            continue
        layer = layers[name].cell
        nested = {"master": master, "truncate": truncate}
        weight_quantizer = _weight_quantizer(spec, layer, per_channel, nested)
        input_quantizer = _input_quantizer(spec, name in signed_inputs, pact_alpha, nested)
        if spec.kind == DYNAMIC:
            layers[name].cell = DynamicConv2d(
                layer, weight_quantizer, input_quantizer, spec.slot, tied, execution
            )
        else:
            kind = StaticConv2d if isinstance(layer, Conv2d) else StaticDense
            layers[name].cell = kind(layer, weight_quantizer, input_quantizer)


def _weight_quantizer(
    spec: LayerSpec, layer: nn.Cell, per_channel: bool, nested: dict
) -> nn.Cell:
    options = {
        "lsq": {"per_channel": per_channel},
        "nested": {"per_channel": per_channel, **nested},
    }.get(spec.quantizer, {})
    return WEIGHT[spec.quantizer](spec.w_bits, layer.weight.asnumpy(), **options)


def _input_quantizer(spec: LayerSpec, signed: bool, pact_alpha: float, nested: dict) -> nn.Cell:
    options = {"lsq": {"signed": signed}, "pact": {"alpha": pact_alpha}, "nested": nested}
    return ACTIVATION[spec.quantizer](spec.a_bits, **options.get(spec.quantizer, {}))

