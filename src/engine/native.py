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
"""The native engine: the C++ core runs an artefact, through ctypes. No float framework is loaded.

The C++ side reads and checks the file itself (kernels/csrc/engine), so that a program without Python
can do the same.
"""

import ctypes
from pathlib import Path

import numpy as np

from src import kernels
from src.engine import kernel_choice
from src.engine.artefact import load_artefact, read_file
from src.engine.check import check
from src.engine.declaration import LARGEST_BITOPS
from src.engine.rungs import Rungs
from src.errors import UserError

_TEXT = 512
_SIZES = 12
_NO_BUDGET = -1


class Native:
    """An artefact, loaded. Any thread may call it, and a forked child too. Calls run at once: one that finds the
    threads of the kernels free has all of them, another its own alone. close() or the end of the object frees it."""

    def __init__(self, path: Path):
        """UserError: no compiler, or a file that is missing, damaged or cannot be run."""
        self.path, self._handle = Path(path), ctypes.c_int64()
        self._library = kernels.handle()
        kernel_choice.use_remembered()
        content = read_file(self.path)
        text = ctypes.create_string_buffer(_TEXT)
        code = self._library.dq_program_open(
            content, ctypes.c_int64(len(content)), ctypes.byref(self._handle), text, _TEXT
        )
        if code:
            what = text.value.decode(errors="replace")
            raise UserError(f"artefact {path} is damaged or not one: {what}; export it again")
        sizes = (ctypes.c_int64 * _SIZES)()
        self._library.dq_program_sizes(self._handle, sizes)
        self.image = (3, sizes[0], sizes[1])
        self.classes = sizes[2]
        self.plan_shape = tuple(sizes[3:6]) if sizes[3] else None  # as the program's
        self.rows, self._values = sizes[6], sizes[7]
        self.memory, self.work, self.packed = sizes[8:11]  # see bounds.py
        self.budget = None if sizes[11] < 0 else sizes[11]  # as the program's

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

        Signals are dealt with every few seconds, between the calls that a batch is cut into.

        Raises:
            ValueError: an argument of the wrong shape, type or range, or the engine was closed.
        """
        images, plan = self._checked(images, plan)
        row, minded, count = self._row(row), self._budget(budget), len(images)
        logits = np.empty((count, self.classes), np.int32)
        chosen = np.empty((count, *self.plan_shape[:2]), np.int64) if self.plan_shape else None
        step = self._library.dq_program_batch(self._handle) if count > 1 else 1
        for x, given, y, made in _cut(step or count, images, plan, logits, chosen):
            self._call("dq_program_run", _pointer(x), ctypes.c_int64(len(x)), _pointer(given), row,
                       minded, _pointer(y), _pointer(made))  # fmt: skip
        return logits, chosen

    def climb(self, images: np.ndarray, rungs: Rungs):
        """Escalation, as the oracle's: (logits int32 (N, classes), rungs int64 (N,)).

        Raises:
            ValueError: as `run`.
        """
        images, plans = self._checked(images, None)[0], self._plans(rungs.plans, len(rungs.plans))
        count = len(images)
        rows, thresholds = (np.ascontiguousarray(x, np.int64) for x in (rungs.rows, rungs.thresholds))
        logits, ends = np.empty((count, self.classes), np.int32), np.empty(count, np.int64)
        step = self._library.dq_program_batch(self._handle) // len(plans) if count > 1 else 1
        for x, y, ended in _cut(step or 1, images, logits, ends):
            self._call("dq_program_climb", _pointer(x), ctypes.c_int64(len(x)), _pointer(plans),
                       _pointer(rows), _pointer(thresholds), len(plans), _pointer(y),
                       _pointer(ended))  # fmt: skip
        return logits, ends

    def trace(
        self, image: np.ndarray, plan: np.ndarray | None = None, row: int = 0,
        budget: int | None = None,
    ) -> list:  # fmt: skip
        """All registers of one image (3, H, W), as the oracle's; None where nothing had to run."""
        images, plans = self._checked(image[None], None if plan is None else plan[None])
        values = np.zeros(self._values, np.int32)
        self._call("dq_program_trace", _pointer(images), _pointer(plans), self._row(row), self._budget(budget),
                   _pointer(values))  # fmt: skip
        program = load_artefact(self.path)
        registers, at = [], 0
        needed = program.needed(plan is not None)
        for register, ran in zip(check(program), needed, strict=True):
            shape = register.shape[:2] if register.kind == "plan" else register.shape
            count = int(np.prod(shape))
            registers.append(values[at : at + count].reshape(shape) if ran else None)
            at += count
        return registers

    def times(
        self, image: np.ndarray, plan: np.ndarray | None = None, row: int = 0, runs: int = 1
    ) -> np.ndarray:
        """Seconds of each operation, float64 (runs, operations), in runs of one image (3, H, W), one after the
        other. What an operation does along with others counts as its own; 0: it did not run by itself."""
        images, plans = self._checked(image[None], None if plan is None else plan[None])
        seconds = np.zeros((runs, len(load_artefact(self.path).operations)))
        self._call("dq_program_times", _pointer(images), _pointer(plans), self._row(row), ctypes.c_int64(runs),
                   _pointer(seconds))  # fmt: skip
        return seconds

    def kernels(self, plan: np.ndarray | None = None, row: int = 0) -> list[str]:
        """What multiplies in each operation of an image under a plan (as `times` takes it; needed where the network
        has one): the name of a kernel (`csrc/engine/conv_kernels.cc`), "image", or "" where nothing does."""
        if plan is not None:
            plan = self._plans(plan[None], 1)
        return self._texts("dq_program_kernel", _pointer(plan), self._row(row))

    def choice_keys(self, plan: np.ndarray | None = None) -> list[str]:
        """What engine/kernel_choice.py calls each operation under a plan; "" where it has no say."""
        if plan is not None:
            plan = self._plans(plan[None], 1)
        return self._texts("dq_program_choice_key", _pointer(plan))

    def _texts(self, function: str, *arguments) -> list[str]:
        """What a function says of each operation."""
        texts = []
        for i in range(len(load_artefact(self.path).operations)):
            text = ctypes.create_string_buffer(_TEXT)
            self._call(function, ctypes.c_int64(i), *arguments, text, ctypes.c_int64(_TEXT))
            texts.append(text.value.decode())
        return texts

    @property
    def threads(self) -> int:
        """CPU threads of a call."""
        return kernels.threads()

    def close(self) -> None:
        """Free the program, as soon as no other thread runs it; a second call does nothing."""
        self._library.dq_program_close(self._handle)

    def __del__(self):
        if getattr(self, "_library", None):
            self.close()

    def _checked(self, images: np.ndarray, plan: np.ndarray | None):
        if images.dtype != np.uint8 or images.shape[1:] != self.image:
            raise ValueError(f"images {images.dtype} {images.shape}; expected uint8 (N, *{self.image})")
        if plan is not None:
            plan = self._plans(plan, len(images))
        return np.ascontiguousarray(images), plan

    def _plans(self, plan: np.ndarray, count: int) -> np.ndarray:
        if self.plan_shape is None:
            raise ValueError(f"plan {plan.shape}; this program has no choices")
        if plan.shape != (count, *self.plan_shape[:2]):
            raise ValueError(f"plan {plan.shape}; expected ({count}, *{self.plan_shape[:2]})")
        return np.ascontiguousarray(plan, np.int64)

    def _row(self, row: int) -> int:
        if not 0 <= row < self.rows:
            raise ValueError(f"row {row} is out of range; the statistics have 0..{self.rows - 1}")
        return int(row)

    def _budget(self, budget: int | None) -> ctypes.c_int64:
        if budget is None:
            return ctypes.c_int64(_NO_BUDGET)
        if self.budget is None:
            raise ValueError(f"budget {budget} is out of range; this program minds none")
        if not 0 <= budget <= LARGEST_BITOPS:
            raise ValueError(f"budget {budget} is out of range; allowed are 0..{LARGEST_BITOPS}")
        return ctypes.c_int64(budget)

    def _call(self, function: str, *arguments) -> None:
        code = getattr(self._library, function)(self._handle, *arguments)
        if code:
            raise ValueError(f"{self.path}: {kernels.describe(function, code)}")


def _cut(step: int, first: np.ndarray, *others: np.ndarray | None):
    """Arrays, as deep as the first one or None, in parts of up to `step` images."""
    count = len(first)
    if 0 < count <= step:
        yield first, *others
        return
    for at in range(0, count, step):
        yield first[at : at + step], *(x if x is None else x[at : at + step] for x in others)


def _pointer(array: np.ndarray | None):
    """The address of an array; by its buffer where NumPy allows, which takes a quarter of the time of
    `array.ctypes`: a small network answers an image in 100 us."""
    if array is None:
        return None
    if array.size and array.flags.writeable:
        return ctypes.byref(ctypes.c_char.from_buffer(array))
    return ctypes.c_void_p(array.ctypes.data)
