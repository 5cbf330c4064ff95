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
"""DDQ's budget: what gates that are learned may cost.

    zeta = BitOPs, or bits of all weights;  r = zeta / target
    power   L = L_task max(1, r)^alpha          hinge   L = L_task + alpha max(0, r - 1)

Gradients reach the gates through zeta, as if a width were a real number. At the end the gates are
*settled*: while the network is above its target, the gate nearest to closing closes, and then, while
something fits, the one nearest to opening opens; no quantiser a second time before all others.
Source: Zhang et al., ICML 2021, has a resource constraint with an exponent alpha; its exact form, the
hinge and how gates settle are our choice.
"""

import numpy as np
from mindspore import ParameterTuple, Tensor, nn, ops

from src.cost.bitops import LayerCost
from src.parameters import assign
from src.quantizers.level_table import ordered
from src.quantizers.levels import LevelTable

BITOPS, MEMORY = "bitops", "memory"
POWER, HINGE = "power", "hinge"
SETTLED = 1e4  # of a gate that no step can turn any more


class Widths(nn.Cell):
    """() -> the widths of several quantisers, (m,), with a gradient to their gates.

    Args:
        tables: alike in their largest and least bits.
    """

    def __init__(self, tables: list[LevelTable]):
        super().__init__(auto_prefix=False)
        self.is_gated = tables[0].is_gated
        self.least = Tensor(np.full(len(tables), tables[0].least, np.float32))
        if self.is_gated:
            self.gates = ParameterTuple([table.gates for table in tables])

    def construct(self):
        bits = self.least
        if self.is_gated:
            for opened in ordered(ops.stack(self.gates, 1)):
                bits = bits + opened.reshape(-1)
        return bits


class WidthBudget(nn.Cell):
    """() -> numbers: `factor` and `penalty` of the task loss, mean_bits, bitops.

    Args:
        layers: those that learn, in network order, with the widths that are their target.
        rest: BitOPs of all others.
        weights, inputs: their tables.
        resource: BITOPS or MEMORY. form: POWER or HINGE.
    """

    def __init__(
        self, layers: list[LayerCost], rest: int, weights: list[LevelTable],
        inputs: list[LevelTable], resource: str, form: str, alpha: float,
    ):  # fmt: skip
        super().__init__(auto_prefix=False)
        self.of_weights, self.of_inputs = Widths(weights), Widths(inputs)
        self.tables = weights, inputs
        self.macs = np.array([x.macs for x in layers], np.float64)
        self.sizes = np.array([x.weights for x in layers], np.float64)
        w, a = (np.array([getattr(x, k)[0] for x in layers]) for k in ("w_bits", "a_bits"))
        self.rest, self.resource, self.form, self.alpha = float(rest), resource, form, alpha
        self.target_bits = float((w.mean() + a.mean()) / 2)
        self.target_bitops = rest + float((self.macs * w * a).sum())
        self.target = self._zeta(w, a)
        self.targets = {"budget_bits": self.target_bits, "budget_bitops": self.target_bitops}
        # In units of the target, so that float32 holds the sums well.
        self.share = Tensor((self.macs / self.target_bitops).astype(np.float32))
        self.rest_share = self.rest / self.target_bitops
        self.size_share = Tensor((self.sizes / (self.sizes @ w)).astype(np.float32))

    def construct(self):
        w_bits, a_bits = self.of_weights(), self.of_inputs()
        relative = (w_bits * a_bits * self.share).sum() + self.rest_share
        ratio = relative if self.resource == BITOPS else (w_bits * self.size_share).sum()
        over = ops.relu(ratio - 1.0)
        factor, penalty = ops.ones_like(over), ops.zeros_like(over)
        if self.form == POWER:
            factor = (1.0 + over) ** self.alpha
        else:
            penalty = self.alpha * over
        mean_bits = (w_bits.mean() + a_bits.mean()) / 2
        bitops = ops.stop_gradient(relative) * self.target_bitops
        return {"factor": factor, "penalty": penalty, "mean_bits": mean_bits, "bitops": bitops}

    def is_settled(self) -> bool:
        """Whether no gate can turn any more."""
        gates = [np.abs(t.gates.asnumpy()).min() for t in self._gated()]
        return all(g > SETTLED / 2 for g in gates)

    def settle(self) -> None:
        """Decide on every gate, within the target, for good."""
        bits = [np.array([t.bits for t in tables]) for tables in self.tables]
        for step in (-1, 1):
            turns = [np.zeros(len(tables), int) for tables in self.tables]
            while (step > 0 or self._zeta(*bits) > self.target) and (
                turn := self._next(bits, turns, step)
            ):
                kind, place = turn
                bits[kind][place] += step
                turns[kind][place] += 1
        for tables, widths in zip(self.tables, bits, strict=True):
            for table, width in zip(tables, widths, strict=True):
                if table.is_gated:
                    number = np.arange(table.top_bits - table.least)
                    assign(table.gates, np.where(number < width - table.least, SETTLED, -SETTLED))

    def _gated(self) -> list[LevelTable]:
        return [t for tables in self.tables for t in tables if t.is_gated]

    def _zeta(self, w_bits: np.ndarray, a_bits: np.ndarray) -> float:
        if self.resource == MEMORY:
            return float(self.sizes @ w_bits)
        return self.rest + float(self.macs @ (w_bits * a_bits))

    def _next(
        self, bits: list[np.ndarray], turns: list[np.ndarray], step: int
    ) -> tuple[int, int] | None:
        """(0 of weights or 1 of inputs, place) of the next gate to close (step -1) or open; None: none
        can, or fits."""
        found = []
        for kind, tables in enumerate(self.tables):
            if self.resource == MEMORY and kind == 1:
                continue  # inputs cost no memory
            for place, table in enumerate(tables):
                number = bits[kind][place] - table.least - (step < 0)
                if not table.is_gated or not 0 <= number < table.top_bits - table.least:
                    continue
                others = [b.copy() for b in bits]
                others[kind][place] += step
                if step < 0 or self._zeta(*others) <= self.target:
                    value = float(table.gates.asnumpy()[number])
                    found.append((turns[kind][place], -step * value, kind, place))
        return min(found)[2:] if found else None
