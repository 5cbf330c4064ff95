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
"""Which layers are quantised at all: the rules that every method shares.

First and last layer are float or 8 bits (`quant.first_last`), named exceptions come next, with the
method's quantiser, and the method decides the rest. First and last layer, if quantised, are so by LSQ,
since an image and pooled features have no fixed range.
"""

import difflib

from src.cost.bitops import LayerCost
from src.errors import UserError
from src.keys import Config, QuantConfig
from src.layers.spec import DYNAMIC, FLOAT, STATIC, LayerInfo, LayerSpec
from src.layers.swap import swap_layers
from src.methods.base import FloatNet


def shared_specs(
    layers: list[LayerInfo], quant: QuantConfig, quantizer: str | None = None
) -> dict[str, LayerSpec]:
    """Specs of the layers that the shared rules decide; the others are left to the method.

    Args:
        quantizer: of exceptions between the ends; None: `quant.quantizer`.

    Raises:
        UserError: an exception names a layer that does not exist.
    """
    names = [layer.name for layer in layers]
    specs, ends = {}, (names[0], names[-1])
    for end in ends:
        why = f"{'first' if end == names[0] else 'last'} layer (quant.first_last)"
        specs[end] = (
            LayerSpec(FLOAT, why) if quant.first_last == "float" else static_spec("lsq", 8, 8, why)
        )
    for name, bits in quant.exceptions.items():
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"; did you mean {near[0]}? Layers" if near else "; layers"
            raise UserError(f"quant.exceptions: no layer {name}{hint}: {', '.join(names)}")
        why = "quant.exceptions"
        own = "lsq" if name in ends else quantizer or quant.quantizer
        w_bits, a_bits = bits if isinstance(bits, list) else (bits, bits)
        specs[name] = (
            LayerSpec(FLOAT, why) if bits == "float" else static_spec(own, w_bits, a_bits, why)
        )
    return specs


def between_ends(
    layers: list[LayerInfo], config: Config, quantizer: str, widths: tuple[int, ...], why: str
) -> dict[str, LayerSpec]:
    """All layers that the shared rules leave are dynamic, over the same widths. UserError: they leave none."""
    specs = shared_specs(layers, config.quant, quantizer)
    dynamic = [layer for layer in layers if layer.name not in specs]
    check_left(dynamic, config, "chooses the widths of")
    for slot, layer in enumerate(dynamic):
        specs[layer.name] = LayerSpec(DYNAMIC, why, quantizer, widths, widths, slot)
    return specs


def check_left(layers: list, config: Config, does: str) -> None:
    """UserError: a method has no layer for what it does."""
    if not layers:
        raise UserError(
            f"method.name={config.method.name} {does} the layers that quant.exceptions and quant.plan leave, and "
            "they leave none; name fewer there, or take method.name=static"
        )


def static_spec(quantizer: str, w_bits: int, a_bits: int, why: str) -> LayerSpec:
    """One fixed width for weights and one for inputs."""
    return LayerSpec(STATIC, why, quantizer, (w_bits,), (a_bits,))


def quantise(
    float_net: FloatNet, specs: dict[str, LayerSpec], quant: QuantConfig,
    tied: bool = True, execution: str = "auto", further: dict[str, tuple[type, type]] | None = None,
) -> None:
    """Put the layers that `specs` asks for into the network, with the options of the `quant` section.

    `tied`, `execution`, `further`: as of `swap_layers`.
    """
    swap_layers(
        float_net.backbone.layers,
        specs,
        quant,
        signed_inputs={layer.name for layer in float_net.layers if layer.signed_input},
        tied=tied,
        execution=execution,
        further=further,
    )


def count_slots(specs: dict[str, LayerSpec]) -> int:
    """How many layers a controller chooses for."""
    return sum(spec.kind == DYNAMIC for spec in specs.values())


def layer_costs(layers: list[LayerInfo], specs: dict[str, LayerSpec]) -> list[LayerCost]:
    """The cost model's view of the layers."""
    return [
        LayerCost(
            layer.name,
            layer.macs,
            layer.weights,
            layer.inputs,
            specs[layer.name].w_bits,
            specs[layer.name].a_bits,
            specs[layer.name].slot,
        )
        for layer in layers
    ]
