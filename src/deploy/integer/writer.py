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
"""Writes the operations of a program: real constants become integers on the way.

What adds up (residual sums, pools, logits) is int32 with one binary point for the whole program: a wide
register holds real values times `unit` = 2^exponent. A layer that stayed float gets weights of up to 30
bits, which loses less than float32 does.
"""

from dataclasses import dataclass

import numpy as np

from src.deploy.integer.fixed_point import fixed_point, fixed_weights, round_half_up
from src.deploy.integer.level_codes import nearest_level, thresholds
from src.engine.declaration import Operation
from src.engine.integers import INT32, limits
from src.engine.operations import Affine, Bucketise, Conv, Input, Quantise, Wide
from src.errors import UserError
from src.layers.activation import Activation
from src.quantizers.integer_form import IntegerInputs, IntegerWeights


@dataclass(frozen=True)
class Place:
    """Where a layer stands: the geometry of its windows, and its slot in the plan.

    Attributes:
        slot: -1: static.
        columns: of the plan, for its weights and for its inputs.
        tied: weights and inputs share the choice.
    """

    stride: int
    padding: int
    groups: int
    slot: int = -1
    columns: tuple[int, int] = (0, 0)
    tied: bool = True


class Writer:
    """Operations so far, and what is told of them.

    Attributes:
        unit: 2^exponent.
        operations: in order; operation i writes register i.
        names: of operations, by their place.
        scales: of quantised layers, by name: {"weights": of each variant, "inputs": likewise}.
    """

    def __init__(self, exponent: int):
        self.unit = 2.0**exponent
        self.operations: list[Operation] = []
        self.names: dict[int, str] = {}
        self.scales: dict[str, dict] = {}

    def add(self, op: Operation, name: str) -> int:
        """Append an operation; returns its register."""
        self.operations.append(op)
        self.names[len(self.operations) - 1] = name
        return len(self.operations) - 1

    def bounds(self, activation: Activation) -> tuple[int, int]:
        """Least and largest value that an operation writes into a wide register."""
        low = INT32.min if activation.low is None else round(activation.low * self.unit)
        high = INT32.max if activation.high is None else round(activation.high * self.unit)
        return low, high

    def image(self, values: np.ndarray, size: int, form: IntegerInputs | None) -> int:
        """Pixels as signed codes of one variant, or, without a form, as real values.

        Args:
            values: float32 (3, 256), of a pixel of each channel.
            size: pixels along each side.
        """
        bits = 0 if form is None else form.stored_bits[0]
        if form is None:
            table = round_half_up(values.astype(np.float64) * self.unit)
        else:  # in float32, as the network does
            scaled = values * np.float32(form.inverses[0])
            table = (
                round_half_up(np.clip(scaled, *limits(bits, True)))
                if form.levels is None
                else nearest_level(scaled, form.levels[0])
            )
        arrays = {"table": table.astype(np.int32)}
        return self.add(Input(size, size, bits, arrays=arrays), "image")

    def wide(self, weight: np.ndarray, x: int, name: str, at: Place = Place(1, 0, 1)) -> int:
        """A convolution with real weights (O, I / groups, k, k)."""
        values, shift = fixed_weights(weight)
        c_out, _, kernel, _ = weight.shape
        arrays = {"weight": values}
        op = Wide(x, c_out, kernel, at.stride, at.padding, at.groups, shift, arrays=arrays)
        return self.add(op, name)

    def affine(self, x: int, factor, offset, name: str, activation: Activation) -> int:
        """factor x + offset, both (R, C), offset in units of the register."""
        multiplier, bias, shift = fixed_point(factor, offset)
        arrays = {"multiplier": multiplier, "bias": bias}
        return self.add(Affine(x, shift, *self.bounds(activation), arrays=arrays), name)

    def quantise(self, form: IntegerInputs, x: int, name: str, at: Place) -> int:
        """The codes of a layer's input, of the master's where there is one."""
        if form.levels is not None:
            levels = form.levels[0].astype(np.int32)
            arrays = {"thresholds": thresholds(levels, form.scales[0], self.unit), "levels": levels}
            return self.add(Bucketise(x, int(form.signed), arrays=arrays), name)
        multiplier, _, shift = fixed_point(np.array(form.inverses) / self.unit)
        arrays = {"multiplier": multiplier, "bits": np.array(form.stored_bits, np.int64)}
        op = Quantise(x, shift, int(form.signed), at.slot, at.columns[1], arrays=arrays)
        return self.add(op, name)

    def conv(
        self, weights: IntegerWeights, inputs: IntegerInputs, x: int, name: str, at: Place,
        factor, offset, activation: Activation,
    ) -> int:  # fmt: skip
        """A convolution of codes, and what follows it.

        Args:
            factor, offset: (R, V or 1, A or 1, O), real: of the convolution's real values.

        Raises:
            UserError: weights with a master's code, and inputs with another's or none.
        """
        if weights.master != inputs.master:
            raise UserError(
                f"layer {name}: weights with a master's code of {weights.master} bits and inputs with one of "
                f"{inputs.master} (0: none); an integer program needs the same for both"
            )
        scales = _pairs(weights.scales, inputs.scales, at.tied)  # (V, A, 1 or O)
        self.scales[name] = {"weights": [np.ravel(s).tolist() for s in weights.scales],
                             "inputs": inputs.scales}  # fmt: skip
        real = factor * scales[None] * self.unit
        multiplier, bias, shift = fixed_point(real, offset * self.unit)
        arrays = {"multiplier": multiplier, "bias": bias}
        arrays["bits"] = np.array([weights.bits, inputs.bits], np.int64)
        arrays |= {f"weight.{v}": w for v, w in enumerate(weights.codes)}
        if weights.levels is not None:
            arrays["levels"] = weights.levels[0].astype(np.int32)
        op = Conv(
            x, *weights.codes[0].shape[:3], at.stride, at.padding, at.groups, at.slot, *at.columns,
            weights.master, int(weights.odd), shift, *self.bounds(activation), arrays=arrays,
        )  # fmt: skip
        return self.add(op, name)


def _pairs(w_scales: list[np.ndarray], a_scales: list[float], tied: bool) -> np.ndarray:
    """Products of scales by weight and input choice, (V, A, 1 or O); tied choices are one."""
    if len(w_scales) == len(a_scales) and tied:
        return np.stack([[w * a] for w, a in zip(w_scales, a_scales, strict=True)])
    return np.stack([[w * a for a in a_scales] for w in w_scales])
