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
"""metrics.csv: a row for each epoch. Rows of epochs that come again can be dropped.

All runs have the columns COLUMNS; behind them stand those that a stage of the run has for itself, from its
first epoch on.
"""

import csv
import logging
from pathlib import Path

from src.errors import UserError
from src.files import whole_file

LOG = logging.getLogger("dynquant")
COLUMNS = (
    "stage", "epoch", "step", "lr", "train_loss", "train_top1", "val_loss", "val_top1", "val_top5",
    "mean_bits", "bitops", "entropy", "budget_bits", "budget_bitops", "seconds", "data_seconds",
)  # fmt: skip


def count_rows(path: Path) -> int:
    """Whole or cut off; 0 if there is no such file."""
    return max(0, len(path.read_bytes().splitlines()) - 1) if path.is_file() else 0


def append_row(path: Path, row: dict) -> None:
    """One line more; absent values stay empty, and a new name becomes a column.

    Raises:
        UserError: the file cannot be written.
    """
    cells = {k: f"{v:.8g}" if isinstance(v, float) else v for k, v in row.items()}
    try:
        is_new = not path.is_file() or path.stat().st_size == 0
        there = list(COLUMNS) if is_new else _read(path.read_text("utf-8"))[0]
        columns = list(dict.fromkeys((*there, *cells)))
        if not is_new and columns != there:
            _write(path, columns, _read(path.read_text("utf-8"))[1])
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            if is_new:
                writer.writeheader()
            writer.writerow(cells)
    except OSError as error:
        raise UserError(
            f"{path} could not be written ({error.strerror or error}); free space, then continue "
            "with train.py --resume: the checkpoints are whole"
        ) from error


def read_rows(path: Path) -> list[dict]:
    """Column -> cell of each row, in their order."""
    return _read(path.read_text("utf-8"))[1]


def _read(content: str) -> tuple[list[str], list[dict]]:
    """Names of the columns, and the rows."""
    reader = csv.DictReader(content.splitlines())
    return list(reader.fieldnames or []), list(reader)


def _write(path: Path, columns: list[str], rows: list[dict]) -> None:
    with whole_file(path) as new, new.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def forget_after(path: Path, stage: str, epoch: int) -> None:
    """Drop the rows of `stage` after `epoch`, all that follow them, and a line that was cut off.

    Raises:
        UserError: it is no metrics file.
    """
    if not path.is_file():
        return
    head, content = ",".join(COLUMNS), path.read_text(encoding="utf-8", errors="replace")
    is_cut = "\n" not in content and content.startswith(head)
    if head.startswith(content) or is_cut:  # in its first line: it holds no row
        path.unlink()
        return
    if not content.startswith(head):
        raise UserError(
            f"{path} is damaged: its first line is not {head[:30]}...; move it away to go on without it"
        )
    (columns, rows), kept = _read(content), []
    for row in rows:
        number = row["epoch"] or ""
        if None in row.values() or not number.isdigit():
            break
        if row["stage"] == stage and int(number) > epoch:
            break
        kept.append(row)
    if len(kept) == len(rows):
        return
    LOG.warning("metrics.csv: %d rows are dropped, of epochs that were not stored", len(rows) - len(kept))
    _write(path, columns, kept)
