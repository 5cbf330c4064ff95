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
"""The oracle: the definition of an integer program, in NumPy int64, one image after another.

Every other engine must give these integers, in every register. It is meant to be read, not to be
fast (a ResNet-20 image takes about a second).
"""

from dataclasses import dataclass

import numpy as np

from src.cost.ladder import margin_of
from src.engine import integers
from src.engine.declaration import Operation
from src.engine.operations import (
    Add,
    Affine,
    Bucketise,
    Budget,
    Choose,
    Conv,
    Input,
    MaxPool,
    Pool,
    Quantise,
    Subsample,
    Wide,
)
from src.engine.program import Program
from src.engine.rungs import Rungs


class Oracle:
    """Runs a checked program (check.py)."""

    threads = 1

    def __init__(self, program: Program):
        self.program = program

    def run(
        self, images: np.ndarray, plan: np.ndarray | None = None, row: int = 0,
        budget: int | None = None,
    ):  # fmt: skip
        """(logits int32 (N, classes), plan int64 (N, layers, columns) or None).

        Args:
            images: uint8 (N, 3, H, W).
            plan: candidate of each layer and column, instead of the controller's.
            row: of the statistics.
            budget: BitOPs that the controller minds for an image, instead of the program's.
        """
        registers = [self._registers(x, None if plan is None else plan[n], row, budget, keep=False)
                     for n, x in enumerate(images)]  # fmt: skip
        logits = np.stack([r[-1].reshape(-1) for r in registers]).astype(np.int32)
        if plan is None and (parts := self.program.choosers):
            plan = np.stack([np.concatenate([r[i] for i in parts]) for r in registers])
        return logits, plan

    def climb(self, images: np.ndarray, rungs: Rungs):
        """Escalation: (logits int32 (N, classes), the rung that each image ended at, int64 (N,)).

        An image whose margin, best minus second-best logit, is below the threshold of a rung is
        answered again at the next. What the passes have in common is computed once.

        Args:
            images: uint8 (N, 3, H, W).
            rungs: at least one.
        """
        logits, ends = zip(*(self._climbed(image, rungs) for image in images), strict=True)
        return np.stack(logits).astype(np.int32), np.array(ends, np.int64)

    def _climbed(self, image: np.ndarray, rungs: Rungs) -> tuple[np.ndarray, int]:
        begun = []
        for rung, (plan, row) in enumerate(zip(rungs.plans, rungs.rows.tolist(), strict=True)):
            registers = self._registers(image, plan, row, None, keep=True, begun=begun)
            logits = registers[-1].reshape(-1)
            last = rung == len(rungs.thresholds)
            if last or margin_of(logits[None])[0] >= rungs.thresholds[rung]:
                return logits, rung
            begun = registers[: self.program.steady]
        raise AssertionError("the last rung ends every image")

    def trace(
        self, image: np.ndarray, plan: np.ndarray | None = None, row: int = 0,
        budget: int | None = None,
    ) -> list:  # fmt: skip
        """All registers of one image (3, H, W), int64; None where nothing had to run."""
        return self._registers(image, plan, row, budget, keep=True)

    def _registers(
        self, image, plan: np.ndarray | None, row: int, budget: int | None, keep: bool, begun=()
    ) -> list:
        """keep: also what no later operation reads, the logits and the plan apart; begun: the first
        registers, of a pass whose plan and row did not change them."""
        shape = self.program.plan_shape
        made = np.zeros(shape[:2], np.int64) if plan is None and shape else plan
        context = _Context(self.program, made, row, budget)
        needed = self.program.needed(plan is not None)
        last_use = self.program.last_use(needed)
        registers: list[np.ndarray | None] = list(begun)
        for i, op in enumerate(self.program.operations):
            if i < len(begun):
                continue
            if not needed[i]:
                registers.append(None)
                continue
            inputs = [image] if isinstance(op, Input) else [registers[r] for r in op.reads]
            registers.append(_RUN[type(op)](op, *inputs, context))
            if isinstance(op, Choose):
                made[op.slot : op.slot + op.layers] = registers[-1]
            for register in op.reads if not keep else ():
                if last_use[register] == i:
                    registers[register] = None
        return registers


@dataclass(frozen=True)
class _Context:
    """What an operation has to know beside the registers that it reads; the plan is filled in while
    an image passes."""

    program: Program
    plan: np.ndarray | None
    row: int
    budget: int | None

    def choice(self, slot: int, column: int) -> int:
        return 0 if slot < 0 else int(self.plan[slot, column])

    def is_signed(self, register: int) -> bool:
        """Whether the codes of a register have a sign."""
        writer = self.program.operations[register]
        return bool(writer.bits if isinstance(writer, Input) else writer.signed)


def _input(op: Input, image, context):
    channels = np.arange(3)[:, None, None]
    return op.arrays["table"].astype(np.int64)[channels, image]


def _quantise(op: Quantise, v, context):
    k = context.choice(op.slot, op.column) if len(op.arrays["bits"]) > 1 else 0
    codes = integers.round_shift(v * int(op.arrays["multiplier"][k]), op.shift)
    return np.clip(codes, *integers.limits(int(op.arrays["bits"][k]), op.signed))


def _bucketise(op: Bucketise, v, context):
    return op.arrays["levels"].astype(np.int64)[(v[..., None] >= op.arrays["thresholds"]).sum(-1) - 1]


def _conv(op: Conv, x, context):
    w_choice = context.choice(op.slot, op.w_column)
    a_choice = context.choice(op.slot, op.a_column)
    w_bits, a_bits = int(op.arrays["bits"][0, w_choice]), int(op.arrays["bits"][1, a_choice])
    multiplier, bias = (
        _of_pair(op.arrays[name][context.row], w_choice, a_choice)
        for name in ("multiplier", "bias")
    )
    shift = 0
    if op.master:
        weight = op.arrays["weight.0"].astype(np.int64)
        weight = integers.child(weight, op.master, w_bits, True)
        x = integers.child(x, op.master, a_bits, context.is_signed(op.x))
        shift = (op.master - w_bits) + (op.master - a_bits)
    else:
        weight = op.arrays[f"weight.{w_choice}"].astype(np.int64)
    if op.odd:
        weight = 2 * weight + 1
    acc = integers.convolve(x, weight, op.stride, op.padding, op.groups) << shift
    return _affine_of(op, acc, multiplier, bias)


def _of_pair(table, w_choice: int, a_choice: int):
    """(1 or K, 1 or K, O) -> (O,), of a pair of choices."""
    return table[min(w_choice, len(table) - 1), min(a_choice, table.shape[1] - 1)]


def _wide(op: Wide, x, context):
    weight = op.arrays["weight"].astype(np.int64)
    acc = integers.convolve(x, weight, op.stride, op.padding, op.groups)
    return integers.saturate(integers.round_shift(acc, op.shift))


def _affine(op: Affine, x, context):
    multiplier, bias = (op.arrays[name][context.row] for name in ("multiplier", "bias"))
    return _affine_of(op, x, multiplier, bias)


def _affine_of(op: Conv | Affine, v, multiplier, bias):
    multiplier, bias = (t.astype(np.int64)[:, None, None] for t in (multiplier, bias))
    return np.clip(integers.round_shift(v * multiplier + bias, op.shift), op.low, op.high)


def _add(op: Add, x, y, context):
    return np.clip(x + y, op.low, op.high)


def _pool(op: Pool, x, context):
    return integers.rounded_means(x, op.bins)


def _max_pool(op: MaxPool, x, context):
    lowest = integers.INT32.min
    return integers.windows(x, op.kernel, op.stride, op.padding, lowest).max((3, 4))


def _subsample(op: Subsample, x, context):
    return np.pad(x[:, :: op.stride, :: op.stride], ((op.before, op.after), (0, 0), (0, 0)))


def _choose(op: Choose, x, context):
    layers = 1 if op.shared else op.layers
    choice = x.reshape(layers, op.columns, op.choices).argmax(-1)
    return np.tile(choice, (op.layers // layers, 1))


def _mind(op: Budget, x, context):
    budget = op.budget if context.budget is None else context.budget
    asked = min(max(budget - op.base, 0), op.range)
    paid = [_of_pair(op.arrays["prices"][j], *context.plan[j, [0, -1]]) for j in range(op.slot)]
    spent = min(int(sum(paid)), op.range)
    weighed = sum(op.arrays[name].astype(np.int64) * of for name, of in (("asked", asked), ("spent", spent)))
    return integers.saturate(x + integers.round_shift(weighed, op.shift)[:, None, None])


_RUN: dict[type[Operation], callable] = {
    Input: _input, Quantise: _quantise, Conv: _conv, Wide: _wide, Affine: _affine, Add: _add,
    Pool: _pool, MaxPool: _max_pool, Subsample: _subsample, Choose: _choose,
    Budget: _mind, Bucketise: _bucketise,
}  # fmt: skip
