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
"""`bench.py levels`: its forms give the same integers, on every instruction set; who runs when."""

import numpy as np
import pytest

from src import kernels
from src.bench import levels
from src.bench.level_forms import FORMS, SUMS, call, stored
from src.kernels.errors import KernelError
from tests.kernels.conftest import isa  # noqa: F401

needs_kernels = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")


@needs_kernels
@pytest.mark.parametrize("bits", levels.WIDTHS)
def test_forms_give_the_same_integers(bits, isa):  # noqa: F811
    """Outputs that fill no whole group of four, extreme levels and inputs."""
    rng = np.random.default_rng(bits)
    x = rng.choice(np.array([0, 1, 254, 255], np.uint8), (3, 768))
    indices = rng.integers(0, 2**bits, (7, 768), dtype=np.uint8)
    table = np.r_[-128, np.sort(rng.choice(np.arange(-127, 127), 2**bits - 2, replace=False)), 127]
    expected = x.astype(np.int64) @ table[indices].T
    for form in FORMS:
        found = call(form, x, indices, table.astype(np.int8))()
        np.testing.assert_array_equal(found, expected, err_msg=form)


@pytest.mark.parametrize("bits", levels.WIDTHS)
def test_indices_take_their_bits(bits):
    indices = np.zeros((2, 512), np.uint8)
    sizes = {form: stored(form, indices, np.zeros(2**bits, np.int8)).shape[1] for form in FORMS}
    assert list(sizes.values()) == [512, 64 * (4 if bits == 3 else bits), 64 * bits]


@needs_kernels
def test_sizes_that_no_block_holds_are_refused():
    indices = np.zeros((1, 64), np.uint8)
    with pytest.raises(KernelError):
        call(SUMS, np.zeros((1, 64), np.uint8), indices, np.zeros(4, np.int8))()


def test_forms_take_turns():
    seen = []
    calls = {form: lambda form=form: seen.append(form) for form in FORMS}
    times = levels.in_turn(calls, 3)
    assert seen == list(FORMS) * 3 and all(len(ms) == 3 for ms in times.values())


@needs_kernels
def test_rows_and_table(monkeypatch):
    monkeypatch.setattr(levels, "SHAPES", {"fc": (1, 300, 8)})
    rows = levels.rows_of("fc", 3, runs=2)
    assert [row["form"] for row in rows] == list(FORMS) and rows[0]["vs_products"] == 1
    assert all(row["median_ms"] >= row["min_ms"] > 0 and row["inputs"] == 300 for row in rows)
    text = levels.format_rows(rows).splitlines()
    assert len(text) == 2 and text[1].split()[:2] == ["fc", "3"]
