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
"""DQT: nested integer codes, whose width a light controller picks for each image and layer.

    L = L_task + alpha sum over b in K' of L_task(all layers at b) + beta C                (eq. 11)
        + gamma (1 - I)                           (ours, see budget.py; gamma: `dqt.diversity`)
    C = mean over layers of sum_k p_k d_k,  p = softmax(controller),  d_k the width        (bits)

All layers between the first and the last are dynamic, over nested codes (quantizers/nested.py), so
that a lower width is a shift of the stored 8-bit code. The controller is a two-layer MLP on the
pooled image or the pooled stem features. K' is a random subset of the widths at each step.
Source: Shalby et al., "Dynamic Quantization Training", arXiv 2508.09176, eq. 3, 4 and 11. Our
choice: how the choice is relaxed (hard Gumbel-softmax, falling temperature), the controller's
input, K', C in BitOPs and above a target as options, tied widths, the term in I, without which one
plan for all images is a stable end of training, and the batch statistics: mixed widths have a row
of running statistics, and each width that is used throughout another (`dqt.norm=per_width`) or
none, the static passes then leaving no trace (`shared`).
"""

from dataclasses import dataclass

import numpy as np
from mindspore import Tensor, nn, ops

from src.controllers.oneshot import OneShotHead
from src.cost.bitops import CostModel
from src.cost.latency import LatencyCost
from src.errors import UserError
from src.keys import Config, key
from src.layers.norm import keep_rows
from src.layers.spec import table_rows
from src.methods.base import Draws, FloatNet, Method, Stage, System
from src.methods.budget import BudgetPenalty
from src.methods.counterfactual import CounterfactualKeys, with_counterfactual
from src.methods.priced import LatencyKeys, price_of
from src.methods.rules import between_ends, count_slots, layer_costs, quantise
from src.methods.widths import check_candidates, check_master, master_of
from src.models.network import Network


@dataclass
class DqtOptions(LatencyKeys, CounterfactualKeys):
    candidates: list = key(
        [2, 4, 8], "widths that the controller picks from, children of the nested code"
    )
    input: str = key(
        "features", "what the controller sees: features (of the stem) | image",
        choices=("features", "image"),
    )  # fmt: skip
    tied: bool = key(True, "weights and activations of a layer share the choice")
    alpha: float = key(0.5, "weight of the task loss of the whole net at static widths", low=0.0)
    subset: int = key(1, "how many widths, drawn anew, that loss sees at each step; 0: none", low=0)
    beta: float = key(0.0, "weight of the expected cost", low=0.0)
    cost: str = key(
        "bits",
        "expected cost: bits (mean width) | bitops (share of those at the target, or the largest width)",
        choices=("bits", "bitops"),
    )
    target: float = key(
        0.0, "only the cost above that of this width counts; 0: all of it", low=0.0, high=8.0
    )
    diversity: float = key(
        0.0,
        "weight of 1 - mutual information of image and width: keeps widths dependent on the image",
        low=0.0,
    )
    norm: str = key(
        "per_width",
        "batch statistics: per_width (of mixed widths, and of each width by itself) | shared",
        choices=("shared", "per_width"),
    )
    tau_start: float = key(1.0, "Gumbel-softmax temperature at the first step ...", low=1e-3)
    tau_end: float = key(0.5, "... and at the last, falling geometrically between", low=1e-3)
    pool: int = key(8, "controller input is pooled to pool x pool", low=1, high=64)
    hidden: int = key(64, "units between the controller's two dense layers", low=1)
    head_lr: float = key(1.0, "the controller's learning rate as a multiple of train.lr", low=0.0)

    def check(self) -> None:
        widths = self.candidates
        check_candidates("dqt.candidates", widths)
        if self.subset > len(widths):
            raise UserError(
                f"dqt.subset={self.subset}: at most the {len(widths)} widths of dqt.candidates"
            )


class Dqt(Method):
    options = DqtOptions
    unread = (*Method.unread, "quant.quantizer")

    @staticmethod
    def check(config: Config) -> None:
        check_master("nested", config.quant, {"dqt.candidates": max(config.dqt.candidates)})

    @staticmethod
    def stages(config: Config) -> list[Stage]:
        return with_counterfactual(Method.stages(config), config)

    @staticmethod
    def build(config: Config, float_net: FloatNet) -> System:
        options, layers = config.dqt, float_net.layers
        widths = tuple(options.candidates)
        specs = between_ends(layers, config, "nested", widths, "chosen per image")
        quantise(float_net, specs, config.quant, options.tied)
        split, from_image = float_net.split_after(part=0), options.input == "image"
        head = OneShotHead(
            *float_net.seen(split, from_image),
            slots=count_slots(specs),
            columns=1 if options.tied else 2,
            choices=len(widths),
            pool=options.pool,
            hidden=options.hidden,
            dropout=0.0,
            relu=True,
            tau=(options.tau_start, options.tau_end),
            fading=True,
        )
        for parameter in head.trainable_params():
            parameter.lr_scale = options.head_lr
        draws = DqtDraws(head, options)
        network = DqtNetwork(float_net.backbone, head, split, from_image, options.subset, draws.rows)
        cost, columns = CostModel(layer_costs(layers, specs), head.macs), head.columns
        monitor = ExpectedCost(
            cost, widths, options.beta, options.cost, options.target, options.diversity,
            price_of(cost, "dqt.latency", options.latency, columns),
        )  # fmt: skip
        return System(
            "dqt", network, table_rows(layers, specs), cost, widths, monitor, draws,
            targets={"budget_bits": options.target or max(widths),
                     "budget_bitops": monitor.target_bitops},
            consistency=options.alpha if options.subset else 0.0,
            against_collapse=f"lower {'dqt.beta or ' if options.beta else ''}dqt.head_lr, or raise dqt.diversity",
            master=master_of("nested", config.quant),
            ways=(None, *range(len(widths))) if draws.rows > 1 else (),
        )  # fmt: skip


class DqtNetwork(Network):
    """(image, noise, keep, tau (1,), row (R,), static (S, K), static_rows (S, R)) -> outputs by name.

    The rows are those of the normalisation's bank. In training, where S > 0, also `others`, S logits:
    of the whole network at the width that each row of `static` chooses.
    """

    def __init__(
        self, backbone, controller: OneShotHead, split: int, from_image: bool, subset: int, rows: int
    ):
        super().__init__(backbone, controller, split, from_image)
        keep_rows(self, rows)
        self.subset = subset
        # The stem knows no widths, so one row of statistics is enough for it.
        self.stem_row = Tensor(np.eye(1, rows, dtype=np.float32)[0])

    def before(self, image, row=None):
        """At the stem's row, whatever the row of the rest."""
        return super().before(image, self.stem_row)

    def construct(self, image, noise, keep, tau, row, static, static_rows):
        features = self.before(image)
        state = self.begin(image, features, noise, keep, tau)
        embedding, state = self.embed(features, state, row)
        logits, state = self.classify(embedding, state, row)
        outputs = self.answer(logits, embedding, state)
        if self.training and self.subset > 0:
            plan, others = outputs["plan"], ()
            for s in range(self.subset):
                uniform = ops.tile(static[s].reshape((1, 1, 1, -1)), plan.shape[:3] + (1,))
                others = others + (self.after(features, (uniform, uniform), static_rows[s])[0],)
            outputs["others"] = others
        return outputs


class DqtDraws(Draws):
    """The head's noise and temperature, the static widths K' and which statistics each pass uses."""

    def __init__(self, head: OneShotHead, options: DqtOptions):
        self.head, self.options = head, options
        self.choices = np.eye(len(options.candidates), dtype=np.float32)

    @property
    def rows(self) -> int:
        """Rows of statistics: of mixed widths, then of each width by itself."""
        return 1 + (len(self.choices) if self.options.norm == "per_width" else 0)

    def draw(self, rng: np.random.Generator, images: int, done: float) -> tuple:
        of_head = self.head.draw(rng, images, done)
        chosen = np.sort(rng.choice(len(self.choices), self.options.subset, replace=False))
        static = self.choices[chosen]
        return *of_head, self._row(), static, static @ self._rows_of_widths()

    def still(self, images: int, forced: int | np.ndarray | None = None) -> tuple:
        static = np.zeros((self.options.subset, len(self.choices)), np.float32)
        row = self._row()
        if forced is not None and np.ndim(forced) == 0 and self.rows > 1:
            row = self._rows_of_widths()[forced]
        return *self.head.still(images, forced), row, static, static @ self._rows_of_widths()

    def _row(self) -> np.ndarray:
        return np.eye(1, self.rows, dtype=np.float32)[0]

    def _rows_of_widths(self) -> np.ndarray:
        """(K, R): one-hot where each width has a row, else zeros."""
        return np.eye(len(self.choices), self.rows, 1, dtype=np.float32)


class ExpectedCost(nn.Cell):
    """(plan, p) -> penalty beta max(0, C - C_t) + gamma (1 - I), mean_bits, bitops, entropy; C and I
    of p, the others of the plan.

    Args:
        kind: `bits`: C is the mean width; `bitops`: BitOPs as a share of those at the target, or what `price`
            counts in their place.
        target: C_t is the cost of this width everywhere; 0: all of C counts.
        diversity: gamma.
    """

    def __init__(
        self, cost: CostModel, widths, beta: float, kind: str, target: float, diversity: float,
        price: LatencyCost | None = None,
    ):  # fmt: skip
        super().__init__()
        self.monitor = BudgetPenalty(cost, widths, target or max(widths), 0.0, 0.0, diversity, price)
        self.target_bitops = self.monitor.target_bitops
        self.beta, self.in_bits = beta, kind == "bits"
        self.free = (target if self.in_bits else 1.0) if target else 0.0
        self.bits = Tensor(np.array(widths, np.float32))

    def join_workers(self, mean: nn.Cell) -> None:
        """As `BudgetPenalty.join_workers`."""
        self.monitor.join_workers(mean)

    def construct(self, plan, p):
        numbers = self.monitor(plan, p)
        expected = self._mean_bits(p) if self.in_bits else self.monitor.priced(p)
        numbers["penalty"] = self.beta * ops.relu(expected - self.free) + numbers["penalty"]
        return numbers

    def _mean_bits(self, p):
        return self.monitor.over_workers((p * self.bits).sum(-1).mean())
