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
"""DDQ: levels, range and width of every layer are learned; static in use.

    y = conv(Q_a(x), Q_w(weight)), each Q the nearest of its own learned levels     (quantizers/levels.py)
    width of a Q = its open gates; a budget closes them                                  (ddq_budget.py)

All layers between the first and the last learn. One stretch of training has three times: levels and
gates; gates settled within the budget, in the last `ddq.freeze` of the epochs; levels on the 8-bit grid
that an integer engine has, in the last `ddq.grid`.
Source: Zhang et al., "Differentiable Dynamic Quantization with Mixed Precision and Adaptive Resolution",
ICML 2021; what is our choice: ddq.md.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from src.cost.learned import LearnedCost
from src.errors import UserError
from src.keys import WIDTHS, Config, Section, key
from src.layers.spec import LayerInfo, LayerSpec, table_rows
from src.methods.base import FloatNet, Learned, Method, System, in_last
from src.methods.ddq_budget import BITOPS, HINGE, MEMORY, POWER, WidthBudget
from src.methods.rules import check_left, layer_costs, quantise, shared_specs, static_spec
from src.models.network import Network
from src.quantizers.level_starts import KMEANS, LEARNED, POWER_OF_TWO, UNIFORM
from src.quantizers.levels import (
    CHAIN_RULE,
    INTERPOLATED,
    LevelActivation,
    LevelOptions,
    LevelWeight,
)

LEVELS = "levels"  # the quantiser's name in the layer table
WEIGHTS, INPUTS, BOTH, NONE = "weights", "inputs", "both", "none"
MODES = (LEARNED, UNIFORM, POWER_OF_TWO)
BINS = 96  # of a histogram of weights


@dataclass
class DdqOptions(Section):
    w_bits: int = key(4, "weight bits: the width, or with gates what the budget allows on average",
                      low=1, high=WIDTHS[1])  # fmt: skip
    a_bits: int = key(4, "activation bits, likewise", low=1, high=WIDTHS[1])
    gates: str = key(
        BOTH, "whose widths are learned: {choices} (none: fixed widths)",
        choices=(BOTH, WEIGHTS, INPUTS, NONE),
    )  # fmt: skip
    headroom: int = key(
        1, "with gates: training begins so many bits above w_bits, a_bits", low=0, high=7
    )
    w_least: int = key(2, "with gates: smallest weight width", low=1, high=WIDTHS[1])
    a_least: int = key(2, "with gates: smallest activation width", low=1, high=WIDTHS[1])
    budget: str = key(
        BITOPS, "what gates may cost: {choices} (of the weights, with gates=weights)",
        choices=(BITOPS, MEMORY),
    )  # fmt: skip
    form: str = key(
        POWER, "{choices}: loss x (cost / budget)^alpha | loss + alpha (cost / budget - 1), above the budget",
        choices=(POWER, HINGE),
    )  # fmt: skip
    alpha: float = key(1.0, "exponent, or weight of the hinge", low=0.0)
    w_levels: str = key(LEARNED, "levels of weights: {choices}", choices=MODES)
    a_levels: str = key(LEARNED, "levels of activations: {choices}", choices=MODES)
    start: str = key(
        UNIFORM, "learned levels begin {choices} (of the weights, of the first batch)",
        choices=(UNIFORM, KMEANS),
    )  # fmt: skip
    correction: float = key(
        0.0, "gradient correction: weight of half the mean squared quantisation error in the levels' gradient",
        low=0.0,
    )  # fmt: skip
    gradient: str = key(
        INTERPOLATED, "of levels: {choices} (as published: the range hardly learns)",
        choices=(INTERPOLATED, CHAIN_RULE),
    )  # fmt: skip
    level_lr: float = key(
        1.0,
        "the levels' learning rate as a multiple of train.lr, of 30 times that with gradient=interpolated; with "
        "train.optimizer=adamw about 0.1",
        low=0.0,
    )
    gate_lr: float = key(0.1, "the gates' learning rate as a multiple of train.lr", low=0.0)
    freeze: float = key(
        0.4, "share of the epochs, at the end, in which gates no longer turn", low=0.0, high=1.0
    )
    grid: float = key(
        0.2, "share of the epochs, at the end, in which levels are on the 8-bit grid of an engine",
        low=0.0, high=1.0,
    )  # fmt: skip

    def check(self) -> None:
        for name, bits, least, top in (
            ("w", self.w_bits, self.w_least, self.top(self.w_bits, WEIGHTS)),
            ("a", self.a_bits, self.a_least, self.top(self.a_bits, INPUTS)),
        ):
            if top > bits and least > bits:
                raise UserError(
                    f"ddq.{name}_least={least}: gates could never meet ddq.{name}_bits={bits}; at most {bits}"
                )

        if self.budget == MEMORY and self.gates in (BOTH, INPUTS):
            raise UserError(
                f"ddq.budget=memory counts weights alone: nothing would bound the widths of inputs that "
                f"ddq.gates={self.gates} learns; take ddq.gates=weights, or ddq.budget=bitops"
            )
        if self.freeze == 0 and self.gates != NONE:
            raise UserError(
                f"ddq.freeze=0 with ddq.gates={self.gates}: gates would never settle within the budget; "
                "take a share above 0, or ddq.gates=none"
            )

    def gated(self, what: str) -> bool:
        """Whether WEIGHTS, or INPUTS, learn their widths."""
        return self.gates in (BOTH, what)

    def top(self, bits: int, what: str) -> int:
        """Largest width of WEIGHTS, or INPUTS, whose target is `bits`."""
        return min(WIDTHS[1], bits + self.headroom) if self.gated(what) else bits

    def targets(self, of_budget: dict) -> dict:
        """Those that a run is compared with: none where no gate spends BitOPs."""
        return of_budget if self.gates != NONE and self.budget == BITOPS else {}

    def of(self, what: str) -> LevelOptions:
        """What the levels of WEIGHTS, or INPUTS, may do."""
        mode, least = {
            WEIGHTS: (self.w_levels, self.w_least), INPUTS: (self.a_levels, self.a_least)
        }[what]  # fmt: skip
        return LevelOptions(
            mode, self.start, self.gated(what), least, self.correction, self.gradient,
            self.level_lr, self.gate_lr,
        )  # fmt: skip


class Ddq(Method):
    options = DdqOptions

    @staticmethod
    def build(config: Config, float_net: FloatNet) -> System:
        options, layers = config.ddq, float_net.layers
        specs = _specs(layers, config)
        asked = SimpleNamespace(
            **vars(config.quant), w_levels=options.of(WEIGHTS), a_levels=options.of(INPUTS)
        )
        quantise(float_net, specs, asked, further={LEVELS: (LevelWeight, LevelActivation)})
        network = Network(float_net.backbone)
        own = [layer for layer in layers if specs[layer.name].quantizer == LEVELS]
        check_left(own, config, "learns the levels of")
        learned = LearnedLevels(network, own, table_rows(layers, specs), config.ddq)
        costs, names = layer_costs(layers, specs), {layer.name for layer in own}
        rest = sum(
            x.macs * x.w_bits[0] * x.a_bits[0] for x in costs if x.w_bits and x.name not in names
        )
        target = static_spec(LEVELS, options.w_bits, options.a_bits, "budget")
        learned.budget = WidthBudget(
            layer_costs(own, dict.fromkeys(names, target)), rest,
            learned.of_weights, learned.of_inputs, options.budget, options.form, options.alpha,
        )  # fmt: skip
        return System(
            "ddq", network, learned.table, LearnedCost(costs, learned.widths),
            targets=options.targets(learned.budget.targets), learned=learned,
        )  # fmt: skip


class LearnedLevels(Learned):
    """The quantisers of a network that learn, as a run looks at them.

    Attributes:
        of_weights, of_inputs: their tables, in network order.
        table: of the layers (`layers.json`), with the widths that the network had when `tell` was last asked.
    """

    def __init__(
        self, network: Network, own: list[LayerInfo], table: list[dict], options: DdqOptions
    ):
        self.cells = {layer.name: network.cell(layer.name) for layer in own}
        self.of_weights = [cell.weight_quantizer.table for cell in self.cells.values()]
        self.of_inputs = [cell.input_quantizer.table for cell in self.cells.values()]
        self.table, self.options = table, options

    def widths(self) -> dict[str, tuple[int, int]]:
        """(weight bits, activation bits) by layer."""
        pairs = zip(self.of_weights, self.of_inputs, strict=True)
        return {name: (w.bits, a.bits) for name, (w, a) in zip(self.cells, pairs, strict=True)}

    def before_epoch(self, epoch: int, epochs: int) -> None:
        if in_last(self.options.freeze, epoch, epochs) and not self.budget.is_settled():
            self.budget.settle()
        if in_last(self.options.grid, epoch, epochs):
            self.become_integral()

    def become_integral(self) -> None:
        for table in (*self.of_weights, *self.of_inputs):
            table.go_to_grid()

    def is_final(self) -> bool:
        on_grid = all(table.is_on_grid for table in (*self.of_weights, *self.of_inputs))
        return self.budget.is_settled() and (on_grid or self.options.grid == 0)

    def tell(self) -> dict[str, dict]:
        widths = self.widths()
        for row in self.table:
            if row["name"] in widths:
                row["w_bits"], row["a_bits"] = widths[row["name"]]
        return {"levels.json": {"layers": [self._levels(name) for name in self.cells]}}

    def _levels(self, name: str) -> dict:
        """The levels of a layer, and the histogram of its weights."""
        cell = self.cells[name]
        counts, edges = np.histogram(cell.weight.asnumpy(), BINS)
        return {
            "name": name,
            "weights": cell.weight_quantizer.table.effective().tolist(),
            "inputs": cell.input_quantizer.table.effective().tolist(),
            "histogram": {
                "counts": counts.tolist(),
                "from": float(edges[0]),
                "to": float(edges[-1]),
            },
        }


def _specs(layers: list[LayerInfo], config: Config) -> dict[str, LayerSpec]:
    options = config.ddq
    widest = options.top(options.w_bits, WEIGHTS), options.top(options.a_bits, INPUTS)
    why = (
        "fixed width, learned levels"
        if options.gates == NONE
        else "width learned within the budget"
    )
    rest = static_spec(LEVELS, *widest, why)
    # Exceptions have a fixed width, and so `quant.quantizer` and not levels, whose widths are learned.
    return {layer.name: rest for layer in layers} | shared_specs(layers, config.quant)
