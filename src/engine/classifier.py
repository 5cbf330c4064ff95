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
"""Images in, answers out: class, probability, widths, BitOPs and time of each image."""

import time
from dataclasses import dataclass

import numpy as np

from src.cost.bitops import CostModel
from src.cost.latency import LatencyCost
from src.cost.named_plans import read_plan
from src.cost.spending import Spending
from src.engine.count import cost_of
from src.engine.notes import LARGEST_EXPONENT
from src.engine.operations import Input
from src.engine.plans import Cap, within_cap
from src.engine.program import Program
from src.engine.rungs import Rungs, alone, ladder_of, pass_costs, pick, rungs_of
from src.engine.wish import NO_WISH, Wish
from src.errors import UserError
from src.printable import printable


@dataclass(frozen=True)
class Answer:
    """What a network says of one image.

    Attributes:
        index, label: the class, and its name.
        probability: softmax of the logits, 0..1.
        mean_bits: over the layers that a plan decides on, or that are quantised in a static net.
        w_bits, a_bits: widths of weights and inputs of each dynamic layer, [] in a static net; of an
            image that escalated, in the pass that answered.
        passes: 1, or how many rungs it took.
        bitops: of this image, all passes counted.
        ms: of the engine, a batch's time divided by its images.
    """

    index: int
    label: str
    probability: float
    mean_bits: float
    w_bits: list[int]
    a_bits: list[int]
    passes: int
    bitops: int
    ms: float

    def __str__(self) -> str:
        sides = [self.w_bits] if self.w_bits == self.a_bits else [self.w_bits, self.a_bits]
        widths = "/".join("".join(map(str, side)) for side in sides) or "static"
        passes = f"  {self.passes} passes" if self.passes > 1 else ""
        return (
            f"{printable(self.label)}  {self.probability:.1%}  {self.mean_bits:.2f} bits ({widths})"
            f"{passes}  {self.bitops / 1e6:.1f} M BitOPs  {self.ms:.2f} ms"
        )


class Classifier:
    """Answers batches of images with one engine.

    By itself, a network's controller picks the widths where it looks at the image; without one, a
    network whose notes hold a ladder (cost/ladder.py) escalates.

    Args:
        program: what the engine runs.
        engine: see choose_engine.py.
        wish: see wish.py. With a cap a controller's widths are lowered where an image would cost
            more (plans.py), and rungs that would cost an image more are not climbed.

    Attributes:
        cap: what no image may cost, or None.
        size: side of the square images in pixels.
        data: name of the data set that it was trained for, by which a picture is read (data/views.py), or None.
        classes: their names, or [].
        unit: real value of a logit of 1.
        rungs: passes at widths from outside, or None: the controller chooses.

    Raises:
        UserError: the network has no such width, no controller, no ladder, or nothing that is cheap
            enough; the artefact's notes do not tell the scale of its logits; a table of another network.
    """

    def __init__(self, program: Program, engine, wish: Wish = NO_WISH):
        self.program, self.engine, self.cost = program, engine, cost_of(program)
        self.size, self.unit = _size(program), _unit(program.notes)
        self.data, self.classes = program.notes.get("data"), program.notes.get("classes") or []
        self.cap = _cap(program, self.cost, wish)
        if self.cap is not None and program.plan_shape is None:
            raise UserError(
                f"{self.cap.asked}: this network has no controller; its cost is "
                f"{self.cap.shown(self.cap.cost.fixed())} for every image"
            )
        self.rungs, self.budget = _rungs(program, wish, self.cap), _budget(program, wish)

    @property
    def controller_bitops(self) -> int:
        """What a controller costs for an image beside `Answer.bitops`, counted as in training; 0 where none runs."""
        return self.cost.controller_bitops() if self.program.plan_shape and self.rungs is None else 0

    def __call__(self, images: np.ndarray) -> list[Answer]:
        """One answer per image.

        Args:
            images: uint8 (N, 3, size, size), N >= 1, RGB.

        Raises:
            UserError: images of another shape or type.
        """
        self._check(images)
        start = time.perf_counter()
        logits, plan, ends = self._run(images)
        ms = 1e3 * (time.perf_counter() - start) / len(images)
        real = logits.astype(np.float64) * self.unit
        powers = np.exp(real - real.max(1, keepdims=True))
        probability = powers / powers.sum(1, keepdims=True)
        count = len(images)
        w_bits, a_bits = (
            np.broadcast_to(side, (count, side.shape[1])) for side in self.cost.widths(plan)
        )
        bitops = self.rungs.totals[ends] if self.rungs else self.cost.of_widths(w_bits, a_bits)
        mean_bits = np.broadcast_to(self.cost.mean_bits(w_bits, a_bits, axis=1), count)
        return [
            Answer(
                k, self._label(k), float(probability[n, k]), float(mean_bits[n]),
                w_bits[n].tolist(), a_bits[n].tolist(), int(ends[n]) + 1, int(bitops[n]), ms,
            )
            for n, k in enumerate(logits.argmax(1).tolist())
        ]  # fmt: skip

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Float64 (N, classes), of which `probability` is the softmax: the integers times `unit`. As `__call__`."""
        self._check(images)
        return self._run(images)[0] * self.unit

    def _check(self, images: np.ndarray) -> None:
        expected = (3, self.size, self.size)
        if images.dtype != np.uint8 or images.shape[1:] != expected or not len(images):
            raise UserError(
                f"images {images.dtype} {images.shape}: this network takes uint8 (N, 3, {self.size}, {self.size}), "
                "RGB, N at least 1"
            )

    def _run(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """(logits, plan, the rung that each image ended at)."""
        if self.rungs:
            logits, ends = self.engine.climb(images, self.rungs)
            return logits, self.rungs.plans[ends], ends
        logits, plan = self.engine.run(images, budget=self.budget)
        if self.cap is not None:
            chosen, plan = plan, within_cap(plan, self.cap)
            lowered = np.flatnonzero((plan != chosen).any((1, 2)))
            if lowered.size:
                logits[lowered], _ = self.engine.run(images[lowered], plan[lowered])
        return logits, plan, np.zeros(len(images), np.int64)

    def _label(self, index: int) -> str:
        return self.classes[index] if index < len(self.classes) else str(index)


def _cap(program: Program, cost: CostModel, wish: Wish) -> Cap | None:
    if wish.max_ms is not None:
        columns = program.plan_shape[1] if program.plan_shape else 1
        return Cap.in_ms(wish.max_ms, LatencyCost(wish.table, cost.dynamic, columns))
    if wish.max_bitops is not None:
        return Cap.in_bitops(wish.max_bitops, cost)
    return None


def _rungs(program: Program, wish: Wish, cap: Cap | None) -> Rungs | None:
    """The passes that a wish stands for; None: one, in the controller's plan."""
    if wish.bits is not None:
        return rungs_of(program, (wish.bits,))
    if wish.plan is not None:
        if program.plan_shape is None:
            raise UserError(f"--plan {wish.plan}: this network has no controller, its widths are fixed")
        return alone(program, read_plan(wish.plan, cost_of(program), program.plan_shape[1]))
    if program.budget is not None:
        return None
    ladder = ladder_of(program)
    if wish.budget is not None and ladder is None:
        raise UserError(
            f"--budget {wish.budget:.4g}: this artefact has no ladder; `eval.py --budget` makes one "
            "for a run whose data.val_split is above 0, then export it again"
        )
    if ladder is None or (wish.budget is None and program.notes.get("looks", True)):
        return None
    row = pick(ladder, wish.budget, cap, pass_costs(program, ladder.bits, cap.cost) if cap else None)
    return rungs_of(program, row.bits, row.margins)


def _budget(program: Program, wish: Wish) -> int | None:
    """What a controller that minds a budget is given, where a mean is asked for.

    Raises:
        UserError: it never spends so little, or the notes do not tell what it spends.
    """
    if wish.budget is None or program.budget is None:
        return None
    if "spending" not in program.notes:
        raise UserError(
            f"--budget {wish.budget:.4g}: the artefact's notes do not tell what its agent spends; export it again"
        )
    return Spending(**program.notes["spending"]).give(wish.budget)


def _size(program: Program) -> int:
    sides = {s for op in program.operations if isinstance(op, Input) for s in (op.height, op.width)}
    if len(sides) != 1:
        raise UserError(f"images of {sorted(sides)} pixels: only square ones of one size are taken")
    return sides.pop()


def _unit(notes: dict) -> float:
    """Real value of a logit of 1."""
    exponent = notes.get("exponent")
    if not isinstance(exponent, int) or abs(exponent) > LARGEST_EXPONENT:
        raise UserError(f"the artefact's notes have exponent {exponent!r}; export it again")
    return 2.0**-exponent
