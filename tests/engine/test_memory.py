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
"""What the native engine takes of memory stays within what bounds.py counts. Each case is a process of its own."""

import os
import subprocess
import sys

import pytest

from src import kernels
from src.engine.artefact import save_artefact
from src.engine.program import Program
from tests.engine.builder import Builder
from tests.project.files import ROOT

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")

HEAD = """
import itertools, re, sys
import numpy as np
from pathlib import Path
from src import kernels
from src.engine.native import Native

def most() -> int:
    return int(re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]) << 10

engine = Native(Path(sys.argv[1]))
image = np.zeros((1, *engine.image), np.uint8)
"""


def run(program: Program, folder, code: str, **variables: str) -> None:
    """Ends well: what a process does that has the program as an engine, and an image of zeros."""
    path = folder / "model.safetensors"
    save_artefact(program, path)
    subprocess.run(
        [sys.executable, "-c", HEAD + code, path], cwd=ROOT, env={**os.environ, **variables}, check=True, timeout=60
    )  # fmt: skip


def test_codes_that_wait_for_their_convolution_are_counted(tmp_path):
    """Twelve layers write codes, with much padding around, that are read when all of them have run."""
    b = Builder()
    x = b.affine(b.wide(b.image(8), 4))
    first = b.quantise(x)
    made = [b.conv(first, 4, 1, 1, 0) for _ in range(12)]
    results = [b.conv(b.quantise(x), 4, 1, 64, 500) for x in made]
    total = results[0]
    for result in results[1:]:
        total = b.add(total, result)
    run(b.logits(total), tmp_path, """
before = most()
engine.run(image)
grown = most() - before
assert 12 * 4 * 1008**2 < engine.memory
assert grown < 2 * engine.memory + (8 << 20), (grown, engine.memory)
""")  # fmt: skip


def test_threads_that_pool_sums_keep_few_of_them(tmp_path):
    """Windows of 256 rows: the sums that one part of the result is made of take 8 MiB."""
    b = Builder()
    x = b.conv(b.image(512, bits=8), 16, 3, 1, 1, w_bits=(8,), a_bits=(8,))
    program = b.logits(b.max_pool(x, 256, 16, 0))
    run(program, tmp_path, """
kernels.set_threads(8)
before = most()
engine.run(image)
grown = most() - before
assert grown < engine.memory + (48 << 20), (grown, engine.memory)
""")  # fmt: skip


def test_weights_are_packed_once_for_all_widths_of_unsigned_codes(tmp_path):
    """2^19 weights, of two bytes each as plain C++ packs them, at 4 widths, with inputs of 4 widths."""
    b = Builder()
    x = b.subsample(b.image(4), 4, 0, 509)
    b.controller(x, 1, columns=2, widths=(2, 4, 6, 8))
    program = b.logits(b.dynamic(x, 1024, 1, 1, 0, master=8))
    run(program, tmp_path, """
engine.run(image, np.zeros((1, 1, 2), np.int64))
before = most()
for widths in itertools.product(range(4), repeat=2):
    engine.run(image, np.array([[widths]]))
grown = most() - before
assert grown < 8 << 20, grown
assert 16 << 20 < engine.packed
""", DYNQUANT_ISA="portable")  # fmt: skip
