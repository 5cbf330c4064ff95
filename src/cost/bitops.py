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

A MAC is one operation, as in the papers of ABN's authors (ResNet-18 at 224 pixels with 8-bit ends: 34.7 G at
4 bits). First and last layers count at their own widths; float layers have no width and are listed apart, in
MACs. A plan is given by its choices, int (N, layers, columns), a candidate for each slot and column,
or by its widths, two arrays of bits, int (N, dynamic layers). Prices are exact: int, or int64 for a
whole data set at once. NumPy only.
"""

from dataclasses import dataclass

import numpy as np

from src.cost.widths import mean_bits

STATIC_WIDTHS = (2, 3, 4, 8)  # of the static networks that a dynamic one is compared with


@dataclass(frozen=True)
class LayerCost:
    """One layer for one image.

    Attributes:
        name: layer.
        macs: multiply-accumulates.
        weights, inputs: elements that a change of width touches.
        w_bits, a_bits: widths; () float, one value static, several the candidates of `slot`.
        slot: place of a dynamic layer in the plan, else None.
        w_column, a_column: the column of the plan that chooses weights and inputs; -1: the last, so
            that by default a plan of one column decides on both, and one of two on each.
    """

    name: str
    macs: int
    weights: int
    inputs: int
    w_bits: tuple[int, ...] = ()
    a_bits: tuple[int, ...] = ()
    slot: int | None = None
    w_column: int = 0
    a_column: int = -1


class PlanCost:
    """Prices plans: layers that a plan decides on, and a sum that no plan changes.

    Args:
        dynamic: layers with a slot; several may share one.
        fixed: BitOPs of the other layers of one image.

    Attributes:
        dynamic: in slot order.
        macs: of each dynamic layer, int64.
    """

    def __init__(self, dynamic: list[LayerCost], fixed: int = 0):
        self.dynamic = sorted(dynamic, key=lambda layer: layer.slot)
        self.macs = np.array([layer.macs for layer in self.dynamic], np.int64)
        self._fixed = fixed

    def fixed(self) -> int:
        """BitOPs of one image that no plan changes."""
        return self._fixed

    def widths(self, plan: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """(w_bits, a_bits) of a plan's choices, int64 (N, dynamic layers); of None (1, 0)."""
        if plan is None:
            return np.zeros((1, 0), np.int64), np.zeros((1, 0), np.int64)
        w_bits = [np.array(x.w_bits)[plan[:, x.slot, x.w_column]] for x in self.dynamic]
        a_bits = [np.array(x.a_bits)[plan[:, x.slot, x.a_column]] for x in self.dynamic]
        return np.stack(w_bits, 1), np.stack(a_bits, 1)

    def of_widths(self, w_bits: np.ndarray, a_bits: np.ndarray) -> np.ndarray:
        """BitOPs of each image, int64 (N,)."""
        products = np.asarray(w_bits, np.int64) * np.asarray(a_bits, np.int64)
        return self.fixed() + products @ self.macs

    def of_plan(self, plan: np.ndarray | None) -> np.ndarray:
        """BitOPs of each image, int64 (N,); of None, without a plan, (1,)."""
        return self.of_widths(*self.widths(plan))

    def with_dynamic_at(self, bits: float) -> float:
        """BitOPs of one image whose dynamic layers all run at `bits`."""
        return self.fixed() + int(self.macs.sum()) * bits**2

    def prices(self, slot: int, columns: int) -> np.ndarray:
        """BitOPs of the layers of a slot for every choice: int64, K along each of the columns."""
        layers = [layer for layer in self.dynamic if layer.slot == slot]
        choices = np.indices((len(self.dynamic[0].w_bits),) * columns)
        total = np.zeros(choices.shape[1:], np.int64)
        for x in layers:
            bits = np.array(x.w_bits)[choices[x.w_column]] * np.array(x.a_bits)[choices[x.a_column]]
            total += x.macs * bits
        return total


class CostModel(PlanCost):
    """Prices one network, layer by layer.

    Args:
        layers: in network order.
        controller_macs: float multiply-accumulates that choosing a plan costs.
    """

    def __init__(self, layers: list[LayerCost], controller_macs: int = 0):
        self.layers, self.controller_macs = layers, controller_macs
        static = [x for x in layers if x.slot is None and x.w_bits]
        fixed = sum(x.macs * x.w_bits[0] * x.a_bits[0] for x in static)
        super().__init__([x for x in layers if x.slot is not None], fixed)

    def before(self, name: str) -> int:
        """BitOPs of one image in the layers before that of a name, which no plan decides on."""
        place = [layer.name for layer in self.layers].index(name)
        quantised = [layer for layer in self.layers[:place] if layer.w_bits]
        return sum(layer.macs * layer.w_bits[0] * layer.a_bits[0] for layer in quantised)

    def uniform(self, bits: int) -> int:
        """BitOPs of one image if every quantised layer between the ends ran at `bits`.

        The static layers outside the plan that are not at the ends count at `bits` too, so that
        this is the price of the static network that the dynamic one is compared with.
        """
        total = 0
        for place, layer in enumerate(self.layers):
            if layer.w_bits:
                is_end = place in (0, len(self.layers) - 1)
                price = layer.w_bits[0] * layer.a_bits[0] if is_end else bits * bits
                total += layer.macs * price
        return total

    def float_macs(self) -> int:
        """Multiply-accumulates of the float layers of one image (the controller apart)."""
        return sum(layer.macs for layer in self.layers if not layer.w_bits)

    def controller_bitops(self) -> int:
        """The controller's price if its float MACs count 32 x 32 bits."""
        return self.controller_macs * 32 * 32

    def width_changes(self, w_bits: np.ndarray, a_bits: np.ndarray, master: int = 8) -> np.ndarray:
        """Elements that leave the master width for each image, int64 (N,).

        Counting rule: a layer's weights, plus its input elements, where their width is not
        `master`. Nested codes need one shift for each, a dequantise / requantise pair two
        multiplications.
        """
        weights = np.array([layer.weights for layer in self.dynamic], np.int64)
        inputs = np.array([layer.inputs for layer in self.dynamic], np.int64)
        return (np.asarray(w_bits) != master) @ weights + (np.asarray(a_bits) != master) @ inputs

    def mean_bits(self, w_bits: np.ndarray, a_bits: np.ndarray, axis: int | None = None):
        """As `widths.mean_bits`; of a network without a plan (no columns), over its quantised layers
        between the ends, or 32 if none is quantised."""
        if self.dynamic:
            return mean_bits(w_bits, a_bits, axis)
        inner = [(x.w_bits[0], x.a_bits[0]) for x in self.layers[1:-1] if x.w_bits]
        return np.mean(inner) if inner else np.float64(32.0)
