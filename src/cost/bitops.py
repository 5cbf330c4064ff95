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
"""BitOPs: what a plan costs.

    BitOPs = sum over layers of MACs x weight bits x activation bits

First and last layers count at their own widths; float layers have no width and are listed apart, in
MACs. The conventions found in papers are named presets:

    mac          the above (the ABN group's papers; ResNet-18 at 224 with 8-bit ends: 34.7 G at 4 bit)
    two_ops      a multiply and an add count as two operations: twice `mac`
    without_ends the first and the last layer are left out

NumPy only; widths are arrays so that a whole data set is priced at once.
"""

from dataclasses import dataclass

import numpy as np

CONVENTIONS = ("mac", "two_ops", "without_ends")


@dataclass(frozen=True)
class LayerCost:
    """One layer for one image.

    Attributes:
        name: layer.
        macs: multiply-accumulates.
        weights, inputs: elements that a change of width touches.
        w_bits, a_bits: widths; () float, one value static, several the candidates of `slot`.
        slot: place of a dynamic layer in the plan, else None.
    """

    name: str
    macs: int
    weights: int
    inputs: int
    w_bits: tuple[int, ...] = ()
    a_bits: tuple[int, ...] = ()
    slot: int | None = None


class CostModel:
    """Prices plans of one network.

    Args:
        layers: in network order.
        controller_macs: float multiply-accumulates that choosing a plan costs.
    """

    def __init__(self, layers: list[LayerCost], controller_macs: int = 0):
        self.layers = layers
        self.controller_macs = controller_macs
        dynamic = [layer for layer in layers if layer.slot is not None]
        self.dynamic = sorted(dynamic, key=lambda layer: layer.slot)

    def fixed(self, convention: str = "mac") -> float:
        """BitOPs of the static layers of one image."""
        total = 0
        for layer in self._counted(convention):
            if layer.slot is None and layer.w_bits:
                total += layer.macs * layer.w_bits[0] * layer.a_bits[0]
        return total * _operations(convention)

    def of_widths(self, w_bits: np.ndarray, a_bits: np.ndarray, convention: str = "mac"):
        """BitOPs of each image, float64 (N,), static layers included.

        Args:
            w_bits, a_bits: (N, dynamic layers) widths in bits, in slot order.
        """
        counted = {layer.name for layer in self._counted(convention)}
        macs = np.array([x.macs if x.name in counted else 0 for x in self.dynamic], np.float64)
        product = np.asarray(w_bits, np.float64) * np.asarray(a_bits, np.float64)
        return self.fixed(convention) + product @ macs * _operations(convention)

    def uniform(self, bits: int, convention: str = "mac") -> float:
        """BitOPs of one image if every quantised layer between the ends ran at `bits`.

        The static layers outside the plan that are not at the ends count at `bits` too, so that
        this is the price of the static network that the dynamic one is compared with.
        """
        total = 0
        for layer in self._counted(convention):
            if not layer.w_bits:
                continue
            is_end = layer.name in (self.layers[0].name, self.layers[-1].name)
            price = layer.w_bits[0] * layer.a_bits[0] if is_end else bits * bits
            total += layer.macs * price
        return total * _operations(convention)

    def float_macs(self) -> int:
        """Multiply-accumulates of the float layers of one image (the controller apart)."""
        return sum(layer.macs for layer in self.layers if not layer.w_bits)

    def controller_bitops(self) -> float:
        """The controller's price if its float MACs count 32 x 32 bits."""
        return self.controller_macs * 32 * 32

    def width_changes(self, w_bits: np.ndarray, a_bits: np.ndarray, master: int = 8) -> np.ndarray:
        """Elements that leave the master width for each image, float64 (N,).

        Counting rule: a layer's weights, plus its input elements, where their width is not
        `master`. Nested codes need one shift for each, a dequantise / requantise pair two
        multiplications.
        """
        weights = np.array([layer.weights for layer in self.dynamic], np.float64)
        inputs = np.array([layer.inputs for layer in self.dynamic], np.float64)
        return (np.asarray(w_bits) != master) @ weights + (np.asarray(a_bits) != master) @ inputs

    def _counted(self, convention: str) -> list[LayerCost]:
        if convention not in CONVENTIONS:
            raise ValueError(f"convention {convention!r}: allowed are {', '.join(CONVENTIONS)}")
        return self.layers[1:-1] if convention == "without_ends" else self.layers


def _operations(convention: str) -> int:
    return 2 if convention == "two_ops" else 1
