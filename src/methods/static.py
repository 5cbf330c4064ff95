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
"""The static baselines: the float network, and one fixed width for all layers between the ends."""

from src.cost.bitops import CostModel
from src.keys import Config
from src.layers.spec import FLOAT, LayerSpec, table_rows
from src.methods.base import FloatNet, Method, Stage, System, head_stages
from src.methods.rules import layer_costs, quantise, shared_specs, static_spec
from src.methods.widths import check_static
from src.models.network import Network


class Float(Method):
    """Every layer stays float."""

    check = staticmethod(check_static)

    @staticmethod
    def build(config: Config, float_net: FloatNet) -> System:
        specs = {layer.name: LayerSpec(FLOAT, "method.name=float") for layer in float_net.layers}
        return _system("float", float_net, specs)

    @staticmethod
    def stages(config: Config) -> list[Stage]:
        return [*head_stages(config), Stage("float", "float", config.train.epochs, config.train.lr)]


class Static(Method):
    """DoReFa, PACT, LSQ or nested codes at quant.w_bits / quant.a_bits."""

    unread = ()
    check = staticmethod(check_static)

    @staticmethod
    def build(config: Config, float_net: FloatNet) -> System:
        quant, layers = config.quant, float_net.layers
        rest = static_spec(quant.quantizer, quant.w_bits, quant.a_bits, "quant.w_bits, quant.a_bits")
        specs = {layer.name: rest for layer in layers} | shared_specs(layers, quant)
        quantise(float_net, specs, quant)
        return _system("static", float_net, specs)


def _system(name: str, float_net: FloatNet, specs: dict[str, LayerSpec]) -> System:
    layers = float_net.layers
    cost = CostModel(layer_costs(layers, specs))
    return System(name, Network(float_net.backbone), table_rows(layers, specs), cost)
