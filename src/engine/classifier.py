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

from src.engine.count import cost_of
from src.engine.notes import LARGEST_EXPONENT
from src.engine.plans import uniform_plan, within_budget
from src.engine.program import Input, Program
from src.errors import UserError
from src.printable import printable


@dataclass(frozen=True)
class Answer:
    """What a network says of one image.

    Attributes:
        index, label: the class, and its name.
        probability: softmax of the logits, 0..1.
        mean_bits: over the layers that a plan decides on, or that are quantised in a static net.
        w_bits, a_bits: widths of weights and inputs of each dynamic layer, [] in a static net.
        bitops: of this image.
        ms: of the engine, a batch's time divided by its images.
    """

    index: int
    label: str
    probability: float
    mean_bits: float
    w_bits: list[int]
    a_bits: list[int]
    bitops: int
    ms: float

    def __str__(self) -> str:
        sides = [self.w_bits] if self.w_bits == self.a_bits else [self.w_bits, self.a_bits]
        widths = "/".join("".join(map(str, side)) for side in sides) or "static"
        return (
            f"{printable(self.label)}  {self.probability:.1%}  {self.mean_bits:.2f} bits ({widths})  "
            f"{self.bitops / 1e6:.1f} M BitOPs  {self.ms:.2f} ms"
        )


class Classifier:
    """Answers batches of images with one engine.

    Args:
        program: what the engine runs.
        engine: see choose_engine.py.
        bits: one width everywhere instead of the controller's choice.
        max_bitops: lower the controller's widths where an image would cost more (plans.py).

    Attributes:
        size: side of the square images in pixels.

    Raises:
        UserError: the network has no such width, no controller, or no plan that is cheap enough;
            or the artefact's notes do not tell the scale of its logits.
    """

    def __init__(
        self, program: Program, engine, bits: int | None = None, max_bitops: float | None = None
    ):
        self.engine, self.max_bitops = engine, max_bitops
        self.cost = cost_of(program)
        self.size, self.unit = _size(program), _unit(program.notes)
        self.classes = program.notes.get("classes") or []
        self.plan, self.row = None, 0
        if bits is not None:
            self.plan, self.row = uniform_plan(program, bits)
        if max_bitops is not None and program.plan_shape is None:
            raise UserError(
                f"--max-bitops {max_bitops:.4g}: this network has no controller; its cost is "
                f"{self.cost.fixed() / 1e6:.1f} M BitOPs for every image"
            )

    def __call__(self, images: np.ndarray) -> list[Answer]:
        """One answer per image, uint8 (N, 3, size, size)."""
        start = time.perf_counter()
        logits, plan = self._run(images)
        ms = 1e3 * (time.perf_counter() - start) / len(images)
        real = logits.astype(np.float64) * self.unit
        powers = np.exp(real - real.max(1, keepdims=True))
        probability = powers / powers.sum(1, keepdims=True)
        count = len(images)
        w_bits, a_bits = (
            np.broadcast_to(side, (count, side.shape[1])) for side in self.cost.widths(plan)
        )
        bitops = self.cost.of_widths(w_bits, a_bits)
        mean_bits = np.broadcast_to(self.cost.mean_bits(w_bits, a_bits, axis=1), count)
        return [
            Answer(
                k, self._label(k), float(probability[n, k]), float(mean_bits[n]),
                w_bits[n].tolist(), a_bits[n].tolist(), int(bitops[n]), ms,
            )
            for n, k in enumerate(logits.argmax(1).tolist())
        ]  # fmt: skip

    def _run(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        plan = self.plan
        if plan is not None:
            plan = np.tile(plan, (len(images), 1, 1))
        logits, plan = self.engine.run(images, plan, self.row)
        if self.max_bitops is not None:
            chosen, plan = plan, within_budget(self.cost, plan, self.max_bitops)
            lowered = np.flatnonzero((plan != chosen).any((1, 2)))
            if lowered.size:
                logits[lowered], _ = self.engine.run(images[lowered], plan[lowered], self.row)
        return logits, plan

    def _label(self, index: int) -> str:
        return self.classes[index] if index < len(self.classes) else str(index)


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
