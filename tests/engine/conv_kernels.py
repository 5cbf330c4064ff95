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
"""The engine's kernels for convolutions of codes, one at a time, through ctypes (engine/conv_step.h)."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from src import kernels
from src.engine import integers

BLOCK, SLACK = 16, 64
_TYPES = {
    "int": ctypes.c_int, "long": ctypes.c_int64, "byte": ctypes.c_uint8, "bool": ctypes.c_bool,
    "ptr": ctypes.c_void_p, "text": ctypes.c_char_p,
}  # fmt: skip


def _fields(layout: str, **types) -> list:
    """Of a ctypes.Structure, from "int a b; ptr c"."""
    lines = [line.split() for line in layout.split(";")]
    return [(name, (_TYPES | types)[kind]) for kind, *names in lines for name in names]


class CodeTensor(ctypes.Structure):
    _fields_ = _fields("ptr data; int h w c border; byte zero")


class CodeOutput(ctypes.Structure):
    _fields_ = _fields("to to; int multiplier; long half; int shift low high", to=CodeTensor)


class Lines(ctypes.Structure):
    _fields_ = _fields("bool exact; ptr slope start sure; int low high added")


class Finish(ctypes.Structure):
    _fields_ = _fields(
        "int c left right; ptr multiplier bias; int low high; bool narrow; ptr residual; int sum_low sum_high;"
        "bool roomy; ptr wide; bool sums_alone; int outputs; codes output; lines lines",
        codes=CodeOutput * 3,
        lines=ctypes.POINTER(Lines),
    )


class Value(ctypes.Structure):
    _fields_ = _fields("long multiplier bias; int left right low high")


class Line(ctypes.Structure):
    _fields_ = [("slope", ctypes.c_float), ("start", ctypes.c_float)]


def find_line(
    value: Value, output: CodeOutput, least: int, most: int
) -> tuple[Line, list[int]] | None:
    """engine/straight.h: (the line, [lowest, highest, middle code]), or None where none was found."""
    found, line, steps = _find_line(value, output, least, most)
    return (line, steps) if found else None


def code_steps(value: Value, output: CodeOutput) -> list[int]:
    """[lowest, highest, middle code]"""
    return _find_line(value, output, 0, 0)[2]


def _find_line(
    value: Value, output: CodeOutput, least: int, most: int
) -> tuple[bool, Line, list[int]]:
    find, line, steps = kernels.handle().dq_find_line, Line(), (ctypes.c_int * 3)()
    find.restype = ctypes.c_bool
    found = find(ctypes.byref(value), ctypes.byref(output), ctypes.c_int64(least), ctypes.c_int64(most),
                 ctypes.byref(line), steps)  # fmt: skip
    return found, line, list(steps)


class NearLine(ctypes.Structure):
    _fields_ = _fields("line line; int sure", line=Line)


def find_near_line(value: Value, output: CodeOutput, least: int, most: int) -> NearLine | None:
    """engine/near_line.h: None where none was found."""
    find, near = kernels.handle().dq_find_near_line, NearLine()
    find.restype = ctypes.c_bool
    found = find(ctypes.byref(value), ctypes.byref(output), ctypes.c_int64(least), ctypes.c_int64(most),
                 ctypes.byref(near))  # fmt: skip
    return near if found else None


class CodeConv(ctypes.Structure):
    _fields_ = _fields(
        "int c_in c_out groups kernel stride padding h w ho wo code_low code_high; ptr weight"
    )


class ConvJob(ctypes.Structure):
    _fields_ = _fields(
        "conv conv; x x; ptr packed; finish finish", conv=CodeConv, x=CodeTensor, finish=Finish
    )


_CONV = ctypes.POINTER(CodeConv)


class ConvKernel(ctypes.Structure):
    _fields_ = _fields(
        "text name; can can; size packed_bytes; pack pack; size scratch_bytes; run run",
        can=ctypes.CFUNCTYPE(ctypes.c_bool, _CONV),
        size=ctypes.CFUNCTYPE(ctypes.c_size_t, _CONV),
        pack=ctypes.CFUNCTYPE(None, _CONV, ctypes.c_void_p),
        run=ctypes.CFUNCTYPE(
            None, ctypes.POINTER(ConvJob), ctypes.c_int, ctypes.c_int, ctypes.c_void_p
        ),
    )


def conv_kernels() -> Iterator[ConvKernel]:
    """Those of the active instruction set."""
    listed = kernels.handle().dq_conv_kernels
    listed.restype = ctypes.POINTER(ctypes.POINTER(ConvKernel))
    table, i = listed(), 0
    while table[i]:
        yield table[i].contents
        i += 1


@dataclass
class Memory:
    """Codes with a border and slack, as CodeTensor describes; slack holds anything."""

    codes: np.ndarray  # (H, W, C), without zero
    border: int
    zero: int
    bytes: np.ndarray = field(init=False)
    tensor: CodeTensor = field(init=False)

    def __post_init__(self):
        h, w, c = self.codes.shape
        row = (w + 2 * self.border) * c
        self.bytes = np.full(2 * SLACK + (h + 2 * self.border + 2) * row, 0xA5, np.uint8)
        self.inside()[:] = self.zero
        first = SLACK + self.border * (row + c)
        self.tensor = CodeTensor(self.bytes.ctypes.data + first, h, w, c, self.border, self.zero)
        self.pixels()[:] = self.codes + self.zero

    def inside(self) -> np.ndarray:
        """All but the slack: (H + 2 border, W + 2 border, C)."""
        h, w, c = self.codes.shape
        shape = (h + 2 * self.border, w + 2 * self.border, c)
        return self.bytes[SLACK : SLACK + int(np.prod(shape))].reshape(shape)

    def pixels(self) -> np.ndarray:
        h, w, _ = self.codes.shape
        return self.inside()[self.border : self.border + h, self.border : self.border + w]


@dataclass
class Convolution:
    """A convolution of codes and what follows it: as a kernel does it, and as the oracle would."""

    x: np.ndarray  # codes, int64 (C, H, W)
    weight: np.ndarray  # codes, int8 (O, C / groups, k, k)
    stride: int
    padding: int
    groups: int
    limits: tuple[int, int]  # of the codes
    finish: dict  # left, right, multiplier, bias, bounds, residual or None, outputs, wide, near (_lines)

    def __post_init__(self):
        o, c_in, k, _ = self.weight.shape
        self.zero = -self.limits[0]
        self.memory = Memory(self.x.transpose(1, 2, 0), self.padding, self.zero)
        self.sums = integers.convolve(
            self.x, self.weight.astype(np.int64), self.stride, self.padding, self.groups
        )
        self.weight = np.ascontiguousarray(self.weight)
        self.conv = CodeConv(
            c_in, o, self.groups, k, self.stride, self.padding, *self.x.shape[1:], *self.sums.shape[1:],
            *self.limits, self.weight.ctypes.data,
        )  # fmt: skip

    def expected(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """(values (H, W, O), codes for each output) by 64-bit arithmetic."""
        f, sums = self.finish, self.sums.transpose(1, 2, 0)
        v = ((sums << f["left"]) * f["multiplier"] + f["bias"]) >> f["right"]
        v = np.clip(v, *f["bounds"])
        if f["residual"] is not None:
            v = np.clip(v + f["residual"], *f["sum_bounds"])
        codes = [
            np.clip((v * m + half) >> shift, low, high)
            for m, half, shift, low, high, _ in f["outputs"]
        ]
        return v, codes

    def found(self, kernel: ConvKernel, parts: int, in_place: bool):
        """The same by a kernel, in parts; a residual may be overwritten by the result. Values are None
        where `wide` asks for codes alone."""
        f, (o, h, w) = self.finish, self.sums.shape
        multiplier, bias = self._in_blocks(f["multiplier"]), self._in_blocks(f["bias"])
        residual = None if f["residual"] is None else f["residual"].astype(np.int32)
        wide = residual if in_place and residual is not None else np.full((h, w, o), 77, np.int32)
        written = [
            Memory(np.zeros((h, w, o), np.int64), out[5], -min(out[3], 0)) for out in f["outputs"]
        ]
        outputs = [
            CodeOutput(memory.tensor, *out[:5])
            for memory, out in zip(written, f["outputs"], strict=True)
        ]
        narrow = f["right"] <= 32 and bool(
            np.all(self._unclipped() == integers.saturate(self._unclipped()))
        )
        finish = Finish(
            o, f["left"], f["right"], multiplier.ctypes.data, bias.ctypes.data, *f["bounds"], narrow,
            None if residual is None else residual.ctypes.data, *f["sum_bounds"], self._roomy(),
            wide.ctypes.data if f["wide"] else None, False, len(outputs), (CodeOutput * 3)(*outputs),
        )  # fmt: skip
        lines = self._lines(finish, outputs)
        if lines:
            finish.lines = ctypes.pointer(lines)
        packed = _aligned(kernel.packed_bytes(self.conv))
        kernel.pack(self.conv, packed.ctypes.data)
        job = ConvJob(self.conv, self.memory.tensor, packed.ctypes.data, finish)
        for part in range(parts):
            scratch = _aligned(kernel.scratch_bytes(self.conv))
            kernel.run(job, part, parts, scratch.ctypes.data)
        for memory in written:
            around = memory.inside().copy()
            border = memory.border
            around[border : border + h, border : border + w] = memory.zero
            assert (around == memory.zero).all(), "a border was written"
        return wide if f["wide"] else None, [m.pixels().astype(np.int64) - m.zero for m in written]

    def _lines(self, finish: Finish, outputs: list[CodeOutput]) -> Lines | None:
        """Codes straight from the sums that there are, where nothing else is wanted of them: by lines that are
        exact, or else, or where `near` asks for them, by lines that are near."""
        if len(outputs) != 1 or finish.residual or finish.wide or outputs[0].multiplier <= 0:
            return None
        f, found = self.finish, []
        least, most = self.sums.min((1, 2)), self.sums.max((1, 2))
        for o in range(len(self.sums)):
            value = Value(f["multiplier"][o], f["bias"][o], f["left"], f["right"], *f["bounds"])
            exact = find_line(value, outputs[0], least[o], most[o])
            near = find_near_line(value, outputs[0], least[o], most[o])
            found.append((exact and exact[0], near and near.line, near and near.sure))
        exact, near, sure = zip(*found, strict=True)
        use_near = None not in near and (f["near"] or None in exact)
        if None in exact and not use_near:
            return None
        low, high, middle = code_steps(value, outputs[0])
        lines = near if use_near else exact
        self.held = [
            self._blocks(np.array([line.slope for line in lines])).astype(np.float32),
            self._blocks(np.array([line.start for line in lines]), 2**15).astype(np.float32),
            self._blocks(np.array(sure if use_near else [0] * len(lines)), 2**15).astype(np.int32),
        ]
        added = middle + outputs[0].to.zero
        return Lines(
            not use_near,
            *(array.ctypes.data for array in self.held),
            low - middle,
            high - middle,
            added,
        )

    def _roomy(self) -> bool:
        f, v = self.finish, self._unclipped()
        if f["residual"] is None or (v < f["bounds"][0]).any() or (v > f["bounds"][1]).any():
            return False
        total = v + f["residual"]
        return bool((total >= integers.INT32.min).all() and (total <= f["sum_bounds"][1]).all())

    def _unclipped(self) -> np.ndarray:
        f = self.finish
        return ((self.sums.transpose(1, 2, 0) << f["left"]) * f["multiplier"] + f["bias"]) >> f[
            "right"
        ]

    def _in_blocks(self, values: np.ndarray) -> np.ndarray:
        """Channels in blocks, even ones first."""
        blocks = self._blocks(values)
        return np.ascontiguousarray(np.concatenate([blocks[:, ::2], blocks[:, 1::2]], 1))

    def _blocks(self, values: np.ndarray, filler: int = 0) -> np.ndarray:
        """Channels in blocks of every group, or of all channels, if it is depthwise: (blocks, 16)."""
        groups = 1 if self.conv.c_in == 1 and self.conv.c_out == self.groups else self.groups
        per_group = values.reshape(groups, -1)
        pad = -per_group.shape[1] % BLOCK
        return np.pad(per_group, ((0, 0), (0, pad)), constant_values=filler).reshape(-1, BLOCK)


def _aligned(size: int) -> np.ndarray:
    """Bytes at a multiple of 64 that hold anything."""
    whole = np.full(size + 64, 0x5A, np.uint8)
    first = -whole.ctypes.data % 64
    return whole[first : first + size]
