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
"""Nested codes (DQT): one master code of n bits, of which a lower width b is the rounded top bits.

    q   = floor(clip(x / s, bottom, top) + 0.5)                         the master
    q_b = clip(floor(q / 2^(n-b) + 0.5), low_b, high_b)                 its child        (eq. 4)
    x_b = q_b s_b,   s_b = s 2^(n-b)                                    the scale law    (eq. 3)
    dx_b/ds = q_b 2^(n-b) - x / s inside the master's range, q_b 2^(n-b) outside;  dx_b/dx = 1 inside

A child is an add, a shift and a clip of the master's integer, and the real-valued constants of a
layer do not depend on the width. Children are always taken from the master: rounding does not
compose (the 2-bit child of a 4-bit child is another number).

Activations are unsigned, 0 .. 2^b-1, or signed like weights, -2^(b-1) .. 2^(b-1)-1, which is the
paper's unsigned code less 2^(b-1) at every width. One learned step s for all widths.
Source: Shalby et al., "Dynamic Quantization Training", arXiv 2508.09176, eq. 3 and 4. The gradient
of s (LSQ's rule on the child's code), its factor, the first step and truncation (as an ablation)
are our choice. The factor 4^(b-n) / sqrt(N top_b) of the smallest width b makes s move, relative to
itself, no faster than the step of an LSQ quantiser of any of the widths would. It is one for all
widths: normalisation makes the widths' pulls on s cancel, which factors of their own would undo
(seen: steps ran away within an epoch).
"""

import numpy as np
from mindspore import Tensor, nn, ops

from src.errors import UserError
from src.parameters import assign
from src.quantizers.base import (
    FAKE_QUANT,
    FUSED,
    ActivationQuantizer,
    WeightQuantizer,
    at_slot,
    constant,
    constants,
    kept_positive,
    learned,
    top_code,
    top_signed,
)
from src.quantizers.integer_form import IntegerInputs, IntegerWeights, as_maps
from src.quantizers.lsq import first_step
from src.quantizers.rounding import round_half_up
from src.quantizers.step_search import Grid
from src.quantizers.uniform import codes, sum_like

TRUNCATED = 0.5


def child(q: Tensor, unit: Tensor, low: Tensor, high: Tensor, drop: Tensor) -> Tensor:
    """The code of a lower width: q / unit rounded and clipped.

    Args:
        q: master codes as float32.
        unit: 2^(n-b), master codes per code; q, unit, low and high broadcast.
        drop: 0; `TRUNCATED` takes the top bits as they are (a half is dropped before rounding).
    """
    rounded = round_half_up(q / unit - drop)  # exact: unit is a power of two
    return ops.minimum(ops.maximum(rounded, low), high)


class NestedQuantize(nn.Cell):
    """As `UniformQuantize`, with the master between; `inv` is 1 / s and `scale` s_b.

    Args:
        unit: 2^(n-b).
        truncate: top bits instead of rounding.
    """

    def __init__(self, unit: int, truncate: bool = False):
        super().__init__()
        self.truncate = truncate
        self.unit, self.drop = constant(unit), constant(TRUNCATED if truncate else 0.0)

    def construct(self, x, inv, scale, low, high, step, clip):
        q = codes(x, inv, low * self.unit, (high + 1) * self.unit - 1)
        return child(q, self.unit, low, high, self.drop) * scale

    def bprop(self, x, inv, scale, low, high, step, clip, out, dout):
        v = x * inv
        bottom, top = low * self.unit, (high + 1) * self.unit - 1
        inside = ops.logical_and(v > bottom, v < top).astype(x.dtype)
        above = (v >= top).astype(x.dtype)
        code = child(codes(x, inv, bottom, top), self.unit, low, high, self.drop)
        d_step = sum_like(dout * (code * self.unit - v * inside), step)
        d_clip = sum_like(dout * above, clip)
        z = ops.zeros_like
        return dout * inside, z(inv), z(scale), z(low), z(high), d_step, d_clip


class NestedFixed(nn.Cell):
    """x -> values of `NestedQuantize` on a grid that no longer changes; no gradient is defined.

    Args:
        inv, scale, low, high: as of `NestedQuantize`, NumPy float32 of shape (1,).
        unit, truncate: likewise.
    """

    def __init__(self, inv, scale, low, high, unit: int, truncate: bool):
        super().__init__()
        self.inv, self.scale, self.low, self.high = map(Tensor, (inv, scale, low, high))
        self.bottom, self.top = Tensor(low * unit), Tensor((high + 1) * unit - 1)
        self.unit, self.drop = constant(unit), constant(TRUNCATED if truncate else 0.0)

    def construct(self, x):
        q = codes(x, self.inv, self.bottom, self.top)
        return child(q, self.unit, self.low, self.high, self.drop) * self.scale


def gradient_factor(tops: list[int], units_: list[int], values: int) -> float:
    """The factor on the gradient of s, one for all widths.

    Args:
        tops: largest code of each width.
        units_: 2^(n-b) of each width.
        values: N, how many values share s.
    """
    pairs = zip(tops, units_, strict=True)
    return min(1.0 / (unit**2 * float(values * top) ** 0.5) for top, unit in pairs)


def units(widths: tuple[int, ...], master: int) -> list[int]:
    """2^(n-b) of each width. ValueError: a width above the master's."""
    if max(widths) > master:
        raise ValueError(f"widths {widths}: none may exceed the master's {master} bits")
    return [2 ** (master - bits) for bits in widths]


def _refuse_truncated(truncate: bool) -> None:
    if truncate:
        raise UserError("quant.truncate=true is for experiments; no engine runs truncated codes")


class NestedWeight(WeightQuantizer):
    """(weight (O, ...), slot) -> (values, scale (1,) or (O,)).

    Args:
        widths: width in bits of each slot, 2..master.
        weight: first weights; the first step is LSQ's for the smallest width.
        per_channel: one step per output channel.
        master: n, 2..8.
        truncate: top bits instead of rounding.
    """

    options = ("per_channel", "master", "truncate")

    def __init__(self, widths, weight: np.ndarray, per_channel=False, master=8, truncate=False):
        super().__init__(widths)
        self.kernel = None if truncate else FAKE_QUANT
        self.master, self.units, self.truncate = master, units(self.widths, master), truncate
        smallest = min(self.widths)
        channels = list(weight) if per_channel else [weight]
        first = [first_step(w, top_signed(smallest)) / max(self.units) for w in channels]
        self.step = learned(np.array([first]), "step")  # (1, 1 or O)
        self.broadcast = (len(channels),) + (1,) * (weight.ndim - 1) if per_channel else (1,)
        tops = [top_signed(b) for b in self.widths]
        self.factor = gradient_factor(tops, self.units, weight.size // len(channels))
        self.lows = [constant(-top_signed(b) - 1) for b in self.widths]
        self.highs = [constant(top_signed(b)) for b in self.widths]
        self.zero = constant(0.0)
        self.all_lows, self.all_highs = constants([-top - 1 for top in tops]), constants(tops)
        self.all_units = constants([[unit] for unit in self.units])
        self.quantize = nn.CellList([NestedQuantize(unit, truncate) for unit in self.units])

    def construct(self, weight, slot):
        step = at_slot(self.step, 0)
        scale = kept_positive(step)
        port = (step * self.factor).reshape(self.broadcast)  # its value is not used
        inv = 1 / scale.reshape(self.broadcast)
        scale = scale * self.units[slot]
        values = self.quantize[slot](
            weight, inv, scale.reshape(self.broadcast), self.lows[slot], self.highs[slot], port,
            self.zero,
        )  # fmt: skip
        return values, scale

    def all_slots(self, weight):
        if self.fused is None:
            return self.slot_by_slot(weight)
        step, shape = kept_positive(self.step), (len(self.units), self.step.shape[1])
        scales, ports = step * self.all_units, ops.broadcast_to(self.step * self.factor, shape)
        inv = ops.broadcast_to(1 / step, shape)
        return self.fused(weight, inv, scales, self.all_lows, self.all_highs, ports), scales

    def attach(self, make):
        self.quantize = nn.CellList([make() for _ in self.units])

    def ranges(self):
        tops = [top_signed(b) for b in self.widths]
        grids = zip(self.units, tops, strict=True)
        return self.step, [[Grid(float(unit), -top - 1, top) for unit, top in grids]]

    def integer_form(self, weight):
        _refuse_truncated(self.truncate)
        _, scale = self(weight, 0)
        scale = scale / self.units[0]  # exact: a power of two
        top = top_signed(self.master)
        inv = 1 / scale.reshape(self.broadcast)
        number = codes(weight, inv, constant(-top - 1), constant(top)).asnumpy()
        scale = scale.asnumpy().astype(np.float64)
        return IntegerWeights([as_maps(number)], [scale], self.widths, self.master)


class NestedActivation(ActivationQuantizer):
    """One learned step per tensor, shared by all slots.

    Args:
        widths: width in bits of each slot, 2..master.
        signed: codes begin at -2^(b-1), the master's at -2^(n-1).
        master: n, 2..8.
        truncate: top bits instead of rounding.
    """

    learns_from_data = True
    takes_signed = True
    options = ("master", "truncate")

    def __init__(self, widths, signed=False, master: int = 8, truncate: bool = False):
        super().__init__(widths, signed)
        self.kernel = None if truncate else FAKE_QUANT if signed else FUSED
        self.master, self.units, self.truncate = master, units(self.widths, master), truncate
        self.top = top_signed if signed else top_code  # of a width
        self.step = learned(np.array([[1.0 / self.top(master)]]), "step")  # (1, 1)
        tops = [self.top(b) for b in self.widths]
        self.factor = gradient_factor(tops, self.units, 1)
        self.quantize = nn.CellList([NestedQuantize(unit, truncate) for unit in self.units])
        self.drop = constant(TRUNCATED if truncate else 0.0)
        self.all_units = constants(self.units)

    def init_from(self, x: np.ndarray) -> None:
        """Set the first step from a batch of this layer's inputs: LSQ's for the smallest width."""
        step = first_step(x, self.top(min(self.widths))) / max(self.units)
        assign(self.step, np.array([[step]]))

    def grid(self, x, slot):
        step = at_slot(self.step, 0)
        scale = kept_positive(step)
        return (
            1 / scale, scale * self.units[slot], self.lows[slot], self.highs[slot], self._port(step, x), self.zero
        )  # fmt: skip

    def grids(self, x):
        step, shape = self.step.reshape((1,)), (len(self.units),)
        scale = kept_positive(step)
        inv, ports = ops.broadcast_to(1 / scale, shape), ops.broadcast_to(self._port(step, x), shape)
        return inv, scale * self.all_units, self.all_highs, ports, self.no_ports

    def _port(self, step, x):
        features = x.size // x.shape[0]
        return step * (self.factor / float(features) ** 0.5)

    def construct(self, x, slot):
        inv, scale, low, high, step, clip = self.grid(x, slot)
        return self.quantize[slot](x, inv, scale, low, high, step, clip)

    def attach(self, make):
        self.quantize = nn.CellList([make() for _ in self.units])

    def ranges(self):
        grids = zip(self.units, map(self.top, self.widths), strict=True)
        return self.step, [
            [Grid(float(unit), -top - 1 if self.signed else 0, top) for unit, top in grids]
        ]

    def fixed(self, slot):
        return NestedFixed(*self.grid_values(slot), self.units[slot], self.truncate)

    def integer_form(self):
        _refuse_truncated(self.truncate)
        inv, scale, *_ = (float(v[0]) for v in self.grid_values(0))
        scale = scale / self.units[0]
        return IntegerInputs([inv], [scale], self.widths, self.signed, self.master)

    def chosen_codes(self, x, choice, inv, low, high):
        unit = ops.matmul(choice, self.all_units).reshape((-1, 1, 1, 1))
        q = codes(x, inv, low * unit, (high + 1) * unit - 1)
        return child(q, unit, low, high, self.drop)
