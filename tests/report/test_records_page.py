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
import re

from src.report.records_page import page

ROW = {
    "record": "net", "top1": 0.912, "bitops": 250e6, "mean_bits": 2.5, "seed": 1, "commit": "abc", "artefact": None,
    "shuffled_top1": None, "float_top1": 0.92, "teacher": None, "epochs": 6, "bitops_controller": None, "plans": None,
    "most_frequent": None, "bitops_and_loss": None, "machine": "two cores", "command": "python train.py",
    "uniform": [], "ladder": [], "budgets": [],
}  # fmt: skip


def rungs(count: int) -> list[dict]:
    """A ladder: one width alone at either end, `count` settings of two rungs between them."""
    between = [
        {"bits": [2, 4], "bitops": (100 + n) * 1e6, "top1": 0.9, "budget": (101 + n) * 1e6} for n in range(count)
    ]
    ends = [{"bits": [bits], "bitops": cost, "top1": 0.9} for bits, cost in ((2, 9e7), (4, 5e8))]
    return [ends[0], *between, ends[1]]


def table(text: str, first: str) -> list[list[str]]:
    """The cells of the table whose first column is called that, and of the one with a second."""
    block = re.search(rf"(?m)^\| {re.escape(first)}.*\n(?:\|.*\n?)+", text)[0]
    return [line.strip("| ").split(" | ") for line in block.strip().splitlines()[2:]]


def test_the_shuffle_test_and_the_teacher_have_their_columns():
    text = page(None, [ROW | {"shuffled_top1": 0.9, "teacher": "resnet56"}, ROW])
    first, second = table(text, "record | top-1")
    assert first[1:5] == ["91.20", "90.00", "92.00", "resnet56"]
    assert second[1:5] == ["91.20", "-", "92.00", "-"]


def test_rows_with_an_artefact_are_told_with_the_command_that_checks_them():
    text = page(None, [ROW | {"artefact": "net/model.safetensors"}, ROW | {"record": "other"}])
    assert "python infer.py --model results/NAME/model.safetensors --test cifar10:FOLDER" in text
    assert "Rows with an artefact: `net`." in text
    assert "infer.py" not in page(None, [ROW])


def test_settings_are_listed_with_their_flags():
    uniform = [{"bits": [2], "bitops": 9e7, "top1": 0.88}, {"bits": [4], "bitops": 5e8, "top1": 0.91}]
    agent = [{"bitops": 2e8, "top1": 0.9, "budget": 2.1e8}]
    text = page(None, [ROW | {"uniform": uniform, "ladder": rungs(20), "budgets": agent}])
    lines = table(text, "record | widths")
    assert lines[0] == ["net", "2", "`--bits 2`", "88.00", "90.0"]
    assert lines[2] == ["net", "2 → 4", "`--budget 101.0M`", "90.00", "100.0"]
    assert lines[-2][4] == "119.0"  # the last of two rungs
    assert lines[-1] == ["net", "-", "`--budget 210.0M`", "90.00", "200.0"]
    assert len(lines) == 2 + 6 + 1


def test_a_short_ladder_is_listed_whole_and_without_one_there_is_no_table():
    assert len(table(page(None, [ROW | {"ladder": rungs(1)}]), "record | widths")) == 1
    assert "| setting |" not in page(None, [ROW])


def test_seeds_have_their_mean_and_deviation_at_each_shared_width():
    def of(record, seed, top1, *widths):
        uniform = [{"bits": [bits], "bitops": 1e7 * bits, "top1": top1 - 0.1} for bits in widths]
        return ROW | {"record": record, "seed": seed, "top1": top1, "bitops": top1 * 1e8, "uniform": uniform}

    rows = [of("net", 1, 0.914, 2, 4), of("net_seed2", 2, 0.916, 2), of("net_seed3", 3, 0.918, 2, 4), of("one", 1, 0.9)]
    text = page(None, rows)
    assert table(text, "record | setting | seeds") == [
        ["net", "-", "1, 2, 3", "91.60 ± 0.20", "91.6 ± 0.2"],
        ["net", "`--bits 2`", "1, 2, 3", "81.60 ± 0.20", "20.0 ± 0.0"],
    ]
    assert "| seeds |" not in page(None, rows[:1])
