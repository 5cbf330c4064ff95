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
"""What an earlier search of the same network on the same images measured, so that it is not measured again.

A search goes its own way, whatever was measured before: it asks for plans in the same order, and ends with the
same answers as one that was never stopped. Loss and top-1 of a plan are exact, so a remembered one is as good
as a new one, whatever the budgets, the goal or the algorithms were.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np

from src.config import Config
from src.cost.bitops import PlanCost
from src.cost.named_plans import to_choices
from src.errors import UserError

JUDGE, EARLIER = "judge", "earlier"  # in search.json: who measured; rows of earlier searches that this one did not try


def judge_of(checkpoint: Path, config: Config, images: np.ndarray) -> str:
    """A digest of what the loss of a plan depends on: the weights, the configuration and the images that judge.

    Args:
        images: int (N,), which ones of the held-out part.
    """
    elsewhere = ("run", "device", "train", "model")  # a checkpoint has the network, and a place changes no answer
    kept = {name: keys for name, keys in config.as_dict().items() if name not in elsewhere}
    seed = config.train.seed  # draws the held-out part
    found = sha256(checkpoint.read_bytes())
    for part in (json.dumps([kept, seed]).encode(), np.asarray(images, np.int64).tobytes()):
        found.update(part)
    return found.hexdigest()[:16]


class Remembered:
    """plan -> (loss, top1), from what was measured before where that has it.

    Args:
        measure: plan, int64 (slots, columns) -> (loss, top1), means over the images.
        file: search.json; what it holds counts if it is of the same judge.
        cost, columns: of the network.

    Raises:
        UserError: the file cannot be read.
    """

    def __init__(self, measure: Callable, file: Path, judge: str, cost: PlanCost, columns: int):
        self.measure = measure
        self.rows: dict[bytes, dict] = {}
        try:
            for row in _rows(file, judge):
                plan = to_choices(_by_name(row["widths"], cost), cost, columns)
                self.rows[plan.tobytes()] = {**row, "loss": float(row["loss"]), "top1": float(row["top1"])}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, UserError) as error:
            raise UserError(
                f"{file} cannot be read as an earlier search ({error}); move it away or delete it"
            ) from error

    def __call__(self, plan: np.ndarray) -> tuple[float, float]:
        row = self.rows.get(plan.tobytes())
        return self.measure(plan) if row is None else (row["loss"], row["top1"])

    def others(self, plans: list[np.ndarray]) -> list[dict]:
        """The rows of all other plans."""
        tried = {plan.tobytes() for plan in plans}
        return [row for plan, row in self.rows.items() if plan not in tried]


def _rows(file: Path, judge: str) -> list[dict]:
    """What a search.json of that judge holds of plans."""
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return [*found["tried"], *found[EARLIER]] if found.get(JUDGE) == judge else []


def _by_name(widths: str, cost: PlanCost) -> dict:
    """`2 4/3 2`, in the order of the layers, as named_plans.py takes it."""
    pairs = [[int(bits) for bits in text.split("/")] for text in widths.split(" ")]
    return {
        layer.name: pair if len(pair) == 2 else pair[0] for layer, pair in zip(cost.dynamic, pairs, strict=True)
    }
