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
"""metrics.csv: a row for each epoch. Rows of epochs that come again can be dropped."""

import csv
from pathlib import Path

from src.errors import UserError
from src.files import whole_file

COLUMNS = (
    "stage", "epoch", "step", "lr", "train_loss", "train_top1", "val_loss", "val_top1", "val_top5",
    "mean_bits", "bitops", "entropy", "budget_bits", "budget_bitops", "seconds", "data_seconds",
)  # fmt: skip


def append_row(path: Path, row: dict) -> None:
    """One line more; absent values stay empty.

    Raises:
        UserError: the file cannot be written.
    """
    cells = {k: f"{v:.8g}" if isinstance(v, float) else v for k, v in row.items()}
    try:
        is_new = not path.is_file() or path.stat().st_size == 0
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            if is_new:
                writer.writeheader()
            writer.writerow(cells)
    except OSError as error:
        raise UserError(
            f"{path} could not be written ({error.strerror or error}); free space, then continue "
            "with train.py --resume: the checkpoints are whole"
        ) from error


def forget_after(path: Path, stage: str, epoch: int) -> None:
    """Drop the rows of `stage` after `epoch`, all that follow them, and a line that was cut off."""
    if not path.is_file():
        return
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows, is_ours = list(reader), tuple(reader.fieldnames or ()) == COLUMNS
    if not is_ours:  # cut off in its first line: it holds no row
        path.unlink()
        return
    kept = []
    for row in rows:
        number = row["epoch"] or ""
        if None in row.values() or not number.isdigit():
            break
        if row["stage"] == stage and int(number) > epoch:
            break
        kept.append(row)
    if len(kept) == len(rows):
        return
    with whole_file(path) as new, new.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(kept)
