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
"""A controller as a device runs it: its decisions as products of matrices, arg-max, nothing drawn."""

import mindspore as ms
from mindspore import Tensor, nn, ops

from src.controllers.base import BEGIN, Controller, Decision
from src.controllers.oneshot import pooling_matrix
from src.errors import UserError


class FrozenDecision(nn.Cell):
    """features (N, C, S, S) -> choice logits (N, slots, columns, K); one slot where they are shared.

    Args:
        columns, choices: of its controller.
    """

    def __init__(self, decision: Decision, columns: int, choices: int):
        super().__init__()
        self.columns, self.choices = columns, choices
        self.bins = Tensor(pooling_matrix(decision.side, decision.bins).T.copy())  # (S, P), rows and columns alike
        self.multiply = ops.MatMul()
        self.dense = nn.CellList([
            nn.Dense(weight.shape[1], len(weight), weight_init=Tensor(weight), bias_init=Tensor(bias))
            for weight, bias, _ in decision.dense
        ])  # fmt: skip
        self.relus = [relu for *_, relu in decision.dense]

    def construct(self, features):
        n, c, s, _ = features.shape
        p = self.bins.shape[1]
        wide = self.multiply(features.reshape((-1, s)), self.bins)  # over columns
        turned = ops.transpose(wide.reshape((n * c, s, p)), (0, 2, 1))
        pooled = self.multiply(turned.reshape((-1, s)), self.bins)  # over rows
        h = ops.transpose(pooled.reshape((n * c, p, p)), (0, 2, 1)).reshape((n, -1))
        for i, dense in enumerate(self.dense):
            h = dense(h)
            if self.relus[i]:
                h = ops.relu(h)
        return h.reshape((n, -1, self.columns, self.choices))


class FrozenController(Controller):
    """state: choice logits and plan of each decision so far, (N, its slots, columns, K).

    Args:
        decisions: those at the begin come first, the others in the order of their slots.

    Raises:
        UserError: they mind a budget.
    """

    def __init__(self, decisions: list[Decision], columns: int, choices: int):
        if any(decision.purse is not None for decision in decisions):
            raise UserError(
                "bundles and ONNX files hold no controller that minds a budget: export this one with --format int, "
                "or as one MINDIR (without --bundle), which keeps to abn.budget; --bits or --escalate leave it out"
            )
        super().__init__(sum(decision.slots for decision in decisions), columns, choices)
        self.deciding = nn.CellList([FrozenDecision(d, columns, choices) for d in decisions])
        self.at_begin = sum(decision.sees == BEGIN for decision in decisions)
        self.sizes = [decision.slots for decision in decisions]
        before = [sum(self.sizes[:i]) for i in range(len(decisions))]
        self.pads = [_slots_around(b, self.slots - b - n) for b, n in zip(before, self.sizes, strict=True)]
        self.is_shared = [decision.shared for decision in decisions]
        self.places = [(i, k) for i, d in enumerate(decisions) for k in range(d.slots)]  # of each slot
        self.largest, self.one_hot = ops.Argmax(-1, ms.int32), ops.OneHot(-1)
        self.one, self.zero = Tensor(1.0, ms.float32), Tensor(0.0, ms.float32)

    def begin(self, x):
        logits, plans = (), ()
        for i in range(self.at_begin):
            logits = logits + (self.deciding[i](x),)
            plans = plans + (self.chosen(i, logits[i]),)
        return logits, plans

    def choose(self, slot, x, state):
        logits, plans = state
        i, k = self.places[slot]
        if i >= len(plans):
            logits = logits + (self.deciding[i](x),)
            plans = plans + (self.chosen(i, logits[i]),)
        return plans[i][:, k], (logits, plans)

    def chosen(self, i, logits):
        """The one-hot plan (N, slots, columns, K) of decision i."""
        plan = self.one_hot(self.largest(logits), self.choices, self.one, self.zero)
        return ops.tile(plan, (1, self.sizes[i], 1, 1)) if self.is_shared[i] else plan

    def logits(self, state):
        """Of all decisions; padded and added, since old runtimes were not seen to concatenate."""
        total = self.pads[0](state[0][0])
        for i in range(1, len(state[0])):
            total = total + self.pads[i](state[0][i])
        return total


def _slots_around(before: int, after: int):
    """Zeros for other slots around (N, slots, columns, K)."""
    if before == after == 0:
        return nn.Identity()
    return ops.Pad(((0, 0), (before, after), (0, 0), (0, 0)))
