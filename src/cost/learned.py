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
"""The price of a network whose widths are learned: always that of the widths that it has now."""

from collections.abc import Callable
from dataclasses import replace

from src.cost.bitops import CostModel, LayerCost


class LearnedCost(CostModel):
    """Prices one network, layer by layer.

    Args:
        layers: in network order, none of them dynamic.
        now: -> (weight bits, activation bits) by name, of the layers that learn them.
    """

    def __init__(self, layers: list[LayerCost], now: Callable[[], dict[str, tuple[int, int]]]):
        self._now = now
        super().__init__(layers)

    @property
    def layers(self) -> list[LayerCost]:
        now = self._now()
        return [
            replace(x, w_bits=(now[x.name][0],), a_bits=(now[x.name][1],)) if x.name in now else x
            for x in self._first
        ]

    @layers.setter
    def layers(self, layers: list[LayerCost]) -> None:
        self._first = layers

    def fixed(self) -> int:
        return sum(x.macs * x.w_bits[0] * x.a_bits[0] for x in self.layers if x.w_bits)
