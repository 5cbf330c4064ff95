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
from src.quantizers.base import ActivationQuantizer, WeightQuantizer


def swap_layers(
    layers: dict,
    specs: dict[str, LayerSpec],
    quant,
    *,
    signed_inputs: set[str] = frozenset(),
    tied: bool = True,
    execution: str = "auto",
    further: dict[str, tuple[type, type]] | None = None,
) -> None:
    """Replace, in place, every layer whose spec is not float.

    Args:
        layers: name -> node, whose `cell` is a float layer.
        specs: name -> spec.
        quant: the `quant` section; each quantiser takes of it the keys that its `options` name.
        signed_inputs: layers whose input may be negative.
        tied, execution: options of the dynamic layers.
        further: name -> quantisers of weights and of inputs that a method brings along.

    Raises:
        UserError: a spec names a layer that the model does not have, or a quantiser without signed
            codes for a layer that needs them; a dense layer is to be dynamic.
    """
    further = further or {}
    weight_kinds = WEIGHT | {name: kinds[0] for name, kinds in further.items()}
    input_kinds = ACTIVATION | {name: kinds[1] for name, kinds in further.items()}
    for name, spec in specs.items():
        if name not in layers:
            raise UserError(f"no layer {name} in the model; it has {', '.join(layers)}")
        if spec.kind == FLOAT:
            continue
        layer = layers[name].cell
        weight_quantizer = _weight_quantizer(weight_kinds[spec.quantizer], spec, layer, quant)
        input_kind = input_kinds[spec.quantizer]
        input_quantizer = _input_quantizer(input_kind, spec, name, quant, name in signed_inputs)
        if spec.kind == DYNAMIC:
            if not isinstance(layer, Conv2d):
                raise UserError(
                    f"layer {name}: only convolutions choose their width for each image; give it one "
                    "width (quant.exceptions)"
                )
            layers[name].cell = DynamicConv2d(
                layer, weight_quantizer, input_quantizer, spec.slot, tied, execution
            )
        else:
            kind = StaticConv2d if isinstance(layer, Conv2d) else StaticDense
            layers[name].cell = kind(layer, weight_quantizer, input_quantizer)


def _weight_quantizer(kind: type, spec: LayerSpec, layer: nn.Cell, quant) -> WeightQuantizer:
    return kind(spec.w_bits, layer.weight.asnumpy(), **_options(kind, quant))


def _input_quantizer(
    kind: type, spec: LayerSpec, name: str, quant, signed: bool
) -> ActivationQuantizer:
    options = _options(kind, quant)
    if signed and not kind.takes_signed:
        able = ", ".join(name for name, other in ACTIVATION.items() if other.takes_signed)
        raise UserError(
            f"layer {name}: its input may be negative, and {spec.quantizer} has no codes below 0; "
            f"quantise it with one of {able}, or leave it float (quant.exceptions)"
        )
    return kind(spec.a_bits, **options, **({"signed": True} if signed else {}))


def _options(kind: type, quant) -> dict:
    return {key: getattr(quant, key) for key in kind.options}
