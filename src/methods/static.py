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
"""Float and static networks: the baselines. One width per layer, the same for every image."""

from mindspore import nn

from src.cost.bitops import CostModel
from src.keys import Config
from src.layers.spec import FLOAT, LayerInfo, LayerSpec, table_rows
from src.layers.swap import name_parameters
from src.methods.base import Method
from src.methods.rules import layer_costs, quantise, shared_specs, static_spec
from src.methods.widths import check_static


class StaticNetwork(nn.Cell):
    """(image) -> logits."""

    def __init__(self, model: nn.Cell):
        super().__init__()
        self.model = model

    def construct(self, image):
        return self.model(image)


def build_float(config: Config, model: nn.Cell, layers: list[LayerInfo], early_size: int) -> Method:
    """Every layer stays float."""
    specs = {layer.name: LayerSpec(FLOAT, "method.name=float") for layer in layers}
    return _method("float", model, layers, specs)


def build_static(config: Config, model: nn.Cell, layers: list[LayerInfo], early_size: int) -> Method:
    """DoReFa, PACT or LSQ at quant.w_bits / quant.a_bits."""
    quant = config.quant
    rest = static_spec(quant.quantizer, quant.w_bits, quant.a_bits, "quant.w_bits, quant.a_bits")
    specs = {layer.name: rest for layer in layers} | shared_specs(layers, quant)
    quantise(model, layers, specs, quant)
    return _method("static", model, layers, specs)


def _method(name: str, model: nn.Cell, layers: list[LayerInfo], specs: dict) -> Method:
    network = StaticNetwork(model)
    name_parameters(network)
    cost = CostModel(layer_costs(layers, specs))
    return Method(name, network, table_rows(layers, specs), cost)


class Float:
    """What `METHODS` holds."""

    options = None
    check = staticmethod(check_static)
    build = staticmethod(build_float)


class Static:
    """What `METHODS` holds."""

    options = None
    check = staticmethod(check_static)
    build = staticmethod(build_static)
