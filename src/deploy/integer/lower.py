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
"""Lowering: a trained network becomes an integer program (engine/program.py).

Quantisers become integer codes and multipliers; batch normalisation, with its running statistics,
folds into one multiplier and bias per channel; what adds up (residual sums, pools, logits) is int32
with one binary point for the whole network. A layer that stayed float, and the controller, get
weights of up to 30 bits, which loses less than float32 does.

How the residual stream is held is our choice: with 8 bits, as integer runtimes do, the program would
differ from the trained network; with 32 it does not, for methods that know nothing of integers too.
"""

from dataclasses import dataclass

import numpy as np
from mindspore import Tensor, nn

from src.controllers.oneshot import OneShotHead
from src.deploy.integer.fixed_point import fixed_point, fixed_weights, round_half_up
from src.engine.integers import INT32, limits
from src.engine.program import (
    Add,
    Affine,
    Choose,
    Conv,
    Input,
    MaxPool,
    Operation,
    Pool,
    Program,
    Quantise,
    Subsample,
    Wide,
)
from src.errors import UserError
from src.layers.conv import Conv2d, Dense
from src.layers.norm import EPSILON, BatchNorm
from src.layers.shortcut import ShortcutA
from src.methods.base import Method
from src.quantizers.dorefa import DorefaWeight
from src.quantizers.nested import NestedWeight
from src.quantizers.uniform import codes

HEADROOM = 32  # sums may exceed the largest value that any quantiser keeps by this factor
_ANY = Tensor(np.zeros((1, 1, 1, 1), np.float32))  # a grid asks its input for its shape only


@dataclass(frozen=True)
class Picture:
    """The images that a network takes: pixel p of channel c is `values[c, p]` (float32, (3, 256))."""

    size: int
    values: np.ndarray


def lower(method: Method, picture: Picture, notes: dict) -> Program:
    """The program of a trained static, DQNet or DQT network on a ResNet.

    Raises:
        UserError: something that no integer program can hold (truncated nested codes).
    """
    model = method.network.model
    lowering = _Lowering(model, picture)
    head = getattr(method.network, "head", None)
    lowering.network(model, head, getattr(method.network, "sees", None))
    notes = notes | {"exponent": lowering.exponent, "layers": lowering.names,
                     "scales": lowering.scales, "widths": list(method.widths)}  # fmt: skip
    return Program(lowering.operations, lowering.rows, notes)


class _Lowering:
    def __init__(self, model: nn.Cell, picture: Picture):
        self.picture, self.stem_norm = picture, model.bn1
        self.rows = model.bn1.moving_mean.shape[0] if model.bn1.moving_mean.ndim == 2 else 1
        self.exponent = _exponent(model, picture)
        self.unit = 2.0**self.exponent
        self.operations: list[Operation] = []
        self.names: dict[int, str] = {}
        self.scales: dict[str, list] = {}

    def add(self, op: Operation, name: str) -> int:
        """Append an operation; returns its register."""
        self.operations.append(op)
        self.names[len(self.operations) - 1] = name
        return len(self.operations) - 1

    def network(self, model: nn.Cell, head: OneShotHead | None, source: str | None) -> None:
        """All of it; the controller comes as soon as what it sees is there."""
        if head is not None and source == "image":
            self.head(head, self.image(0, None))
        x = self.stem(model)
        if head is not None and source == "stem":
            self.head(head, x)
        for i in range(1, 5 if model.has_layer4 else 4):
            for j, block in enumerate(getattr(model, f"layer{i}")):
                x = self.block(block, x, f"layer{i}.{j}")
            if head is not None and source == "early" and i == 1:
                self.head(head, x)
        x = self.add(Pool(x, 1), "mean")
        self.dense(model.fc, x)

    def image(self, bits: int, inv: np.float32 | None) -> int:
        """Pixels as codes, or, with bits 0, as real values."""
        values, size = self.picture.values, self.picture.size
        if bits:
            scaled = np.clip(values * inv, *limits(bits, True))
            table = round_half_up(scaled)  # in float32, as the network does
        else:
            table = round_half_up(values.astype(np.float64) * self.unit)
        arrays = {"table": table.astype(np.int32)}
        return self.add(Input(size, size, bits, arrays=arrays), "image")

    def stem(self, model: nn.Cell) -> int:
        conv = model.conv1
        if isinstance(conv, Conv2d):
            x = self.float_conv(conv, self.image(0, None), "conv1", model.bn1, relu=1)
        else:
            inv = conv.input_quantizer.grid(_ANY, 0)[0].asnumpy()[0]
            codes_of_image = self.image(conv.input_quantizer.widths[0], inv)
            x = self.conv_of_codes(conv, codes_of_image, "conv1", *self.fold(model.bn1), relu=1)
        if model.pool is None:
            return x
        pool = model.pool
        return self.add(MaxPool(x, pool.kernel, pool.stride, pool.padding), "pool")

    def block(self, block: nn.Cell, x: int, name: str) -> int:
        shortcut = x
        if isinstance(block.downsample, ShortcutA):
            a = block.downsample
            shortcut = self.add(Subsample(x, a.stride, a.before, a.after), f"{name}.downsample")
        elif block.downsample is not None:
            b = block.downsample
            shortcut = self.conv(b.conv, x, f"{name}.downsample.conv", b.bn, relu=0)
        leaves = [leaf for leaf in ("1", "2", "3") if hasattr(block, f"conv{leaf}")]
        y = x
        for leaf in leaves:
            cells = getattr(block, f"conv{leaf}"), getattr(block, f"bn{leaf}")
            y = self.conv(cells[0], y, f"{name}.conv{leaf}", cells[1], int(leaf != leaves[-1]))
        return self.add(Add(y, shortcut, *_bounds(1)), name)

    def conv(self, conv: nn.Cell, x: int, name: str, bn: BatchNorm, relu: int) -> int:
        """A convolution and its normalisation, on a wide register."""
        if isinstance(conv, Conv2d):
            return self.float_conv(conv, x, name, bn, relu)
        return self.conv_of_codes(conv, self.quantise(conv, x, name), name, *self.fold(bn), relu)

    def float_conv(self, conv: Conv2d, x: int, name: str, bn: BatchNorm, relu: int) -> int:
        factor, offset = self.fold(bn)
        y = self.wide(conv.weight.asnumpy(), x, name, conv.stride, conv.padding, conv.groups)
        return self.affine(y, factor, offset * self.unit, name, relu)

    def wide(self, weight: np.ndarray, x: int, name: str, stride=1, padding=0, groups=1) -> int:
        values, shift = fixed_weights(weight)
        c_out, _, kernel, _ = weight.shape
        op = Wide(x, c_out, kernel, stride, padding, groups, shift, arrays={"weight": values})
        return self.add(op, name)

    def affine(self, x: int, factor, offset, name: str, relu: int) -> int:
        multiplier, bias, shift = fixed_point(factor, offset)
        arrays = {"multiplier": multiplier, "bias": bias}
        return self.add(Affine(x, shift, *_bounds(relu), arrays=arrays), name)

    def dense(self, layer: nn.Cell, x: int) -> int:
        weight, bias = layer.weight.asnumpy()[:, :, None, None], layer.bias.asnumpy()
        ones = np.ones((self.rows, len(bias)))
        offset = np.tile(bias.astype(np.float64), (self.rows, 1))
        if isinstance(layer, Dense):
            y = self.wide(weight, x, "fc")
            return self.affine(y, ones, offset * self.unit, "fc", 0)
        return self.conv_of_codes(layer, self.quantise(layer, x, "fc"), "fc", ones, offset, 0)

    def quantise(self, layer: nn.Cell, x: int, name: str) -> int:
        """The codes of a layer's input, of the master's where there is one."""
        quantizer = layer.input_quantizer
        widths, slots = quantizer.widths, range(len(quantizer.widths))
        inverses = [float(quantizer.grid(_ANY, k)[0].asnumpy()[0]) for k in slots]
        if master := _master(layer):
            widths, inverses = (master,), inverses[:1]
        multiplier, _, shift = fixed_point(np.array(inverses) / self.unit)
        slot, columns = getattr(layer, "slot", -1), getattr(layer, "columns", (0, 0))
        arrays = {"multiplier": multiplier, "bits": np.array(widths, np.int64)}
        signed = int(quantizer.signed)
        return self.add(Quantise(x, shift, signed, slot, columns[1], arrays=arrays), name)

    def conv_of_codes(self, layer: nn.Cell, x: int, name: str, factor, offset, relu: int) -> int:
        """factor, offset (R, O): what follows the convolution, in real units."""
        weights, w_scales, odd = _weight_codes(layer)
        quantizer = layer.input_quantizer
        tied = getattr(layer, "tied", True)
        a_scales = [
            float(quantizer.grid(_ANY, k)[1].asnumpy()[0]) for k in range(len(quantizer.widths))
        ]
        master = _master(layer)
        if master:
            a_scales = [a_scales[0] / 2 ** (master - quantizer.widths[0])]
        scales = _pairs(w_scales, a_scales, tied)  # (V, A, 1 or O)
        self.scales[name] = {"weights": [np.ravel(s).tolist() for s in w_scales],
                             "inputs": a_scales}  # fmt: skip
        real = factor[:, None, None, :] * scales[None] * self.unit
        multiplier, bias, shift = fixed_point(real, offset[:, None, None, :] * self.unit)
        arrays = {"multiplier": multiplier, "bias": bias}
        arrays["bits"] = np.array([layer.weight_quantizer.widths, quantizer.widths], np.int64)
        arrays |= {f"weight.{v}": w for v, w in enumerate(weights)}
        shape, columns = weights[0].shape, getattr(layer, "columns", (0, 0))
        op = Conv(
            x, shape[0], shape[1], shape[2], getattr(layer, "stride", 1),
            getattr(layer, "padding", 0), getattr(layer, "groups", 1), getattr(layer, "slot", -1),
            *columns, master, odd, shift, *_bounds(relu), arrays=arrays,
        )  # fmt: skip
        return self.add(op, name)

    def head(self, head: OneShotHead, x: int) -> None:
        """The controller: pool, two dense layers, arg-max."""
        pooled = self.add(Pool(x, head.pool), "controller.pool")
        first = head.fc1.weight.asnumpy().reshape(head.hidden, head.channels, head.pool, head.pool)
        second = head.fc2.weight.asnumpy()[:, :, None, None]
        h = self.wide(first, pooled, "controller.fc1")
        h = self.biased(h, head.fc1.bias.asnumpy(), "controller.fc1", int(head.relu))
        y = self.biased(self.wide(second, h, "controller.fc2"), head.fc2.bias.asnumpy(),
                        "controller.fc2", 0)  # fmt: skip
        op = Choose(y, 0, head.layers, head.columns, head.choices, int(head.shared))
        self.add(op, "controller.choice")

    def biased(self, x: int, bias: np.ndarray, name: str, relu: int) -> int:
        offset = np.tile(bias.astype(np.float64) * self.unit, (self.rows, 1))
        return self.affine(x, np.ones_like(offset), offset, name, relu)

    def fold(self, bn: BatchNorm) -> tuple[np.ndarray, np.ndarray]:
        """Factor and offset (R, C) in float64: y = factor x + offset."""
        mean, variance, gamma, beta = (
            p.asnumpy().astype(np.float64)
            for p in (bn.moving_mean, bn.moving_variance, bn.gamma, bn.beta)
        )
        factor = np.atleast_2d(gamma / np.sqrt(variance + EPSILON))
        offset = beta - mean * factor
        if bn is self.stem_norm:  # the stem knows no widths and always uses the first row
            factor, offset = factor[:1], offset[:1]
        tiles = (self.rows // len(factor), 1)
        return np.tile(factor, tiles), np.tile(offset, tiles)


def _exponent(model: nn.Cell, picture: Picture) -> int:
    """Binary point of all sums: int32 with HEADROOM above the largest value that a quantiser keeps."""
    largest = float(np.abs(picture.values).max())
    for _, cell in model.cells_and_names():
        quantizer = getattr(cell, "input_quantizer", None)
        if quantizer is not None:
            for k in range(len(quantizer.widths)):
                _, scale, low, high, *_ = (v.asnumpy()[0] for v in quantizer.grid(_ANY, k))
                largest = max(largest, float(scale) * max(-float(low), float(high)))
    return 30 - int(np.ceil(np.log2(HEADROOM * largest)))


def _bounds(relu: int) -> tuple[int, int]:
    """Least and largest value that an operation writes."""
    return 0 if relu else INT32.min, INT32.max


def _master(layer: nn.Cell) -> int:
    """Bits of a nested layer's master codes, else 0."""
    quantizer = layer.weight_quantizer
    return quantizer.master if isinstance(quantizer, NestedWeight) else 0


def _weight_codes(layer: nn.Cell) -> tuple[list[np.ndarray], list[np.ndarray], int]:
    """int8 codes (O, I, k, k) and scales (1,) or (O,) of each stored weight; whether code c means
    2 c + 1."""
    quantizer, weight = layer.weight_quantizer, layer.weight
    if isinstance(quantizer, NestedWeight):
        return _master_codes(quantizer, weight)
    odd = isinstance(quantizer, DorefaWeight)
    stored, scales = [], []
    for k in range(len(quantizer.widths)):
        values, scale = (v.asnumpy().astype(np.float64) for v in quantizer(weight, k))
        wide = scale.reshape((-1,) + (1,) * (values.ndim - 1))
        number = np.rint(values / wide)
        stored.append(_four_axes(((number - 1) / 2 if odd else number).astype(np.int8)))
        scales.append(scale)
    return stored, scales, int(odd)


def _master_codes(quantizer: NestedWeight, weight):
    if quantizer.quantize[0].truncate:
        raise UserError("quant.truncate=true is for experiments; no engine runs truncated codes")
    _, scale = quantizer(weight, 0)
    scale = scale / quantizer.units[0]
    low, high = limits(quantizer.master, True)
    wide = scale.reshape(quantizer.broadcast)
    number = codes(weight, 1 / wide, Tensor(np.float32(low)), Tensor(np.float32(high)))
    return [_four_axes(number.asnumpy().astype(np.int8))], [scale.asnumpy().astype(np.float64)], 0


def _four_axes(number: np.ndarray) -> np.ndarray:
    return number if number.ndim == 4 else number[:, :, None, None]


def _pairs(w_scales: list[np.ndarray], a_scales: list[float], tied: bool) -> np.ndarray:
    """Products of scales by weight and input choice, (V, A, 1 or O); tied choices are one."""
    if len(w_scales) == len(a_scales) and tied:
        return np.stack([[w * a] for w, a in zip(w_scales, a_scales, strict=True)])
    return np.stack([[w * a for a in a_scales] for w in w_scales])
