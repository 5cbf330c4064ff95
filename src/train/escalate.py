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
"""Escalation in evaluation: every rung answers all images, and each image keeps the answer of the rung
at which it ends (cost/ladder.py), at the price of all the passes up to there.

A graph has a static shape, so no image is left out of a rung here; what only some images need to run
is left to the integer engines.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

import numpy as np

from src.cost.ladder import Ladder, Row, climb
from src.data import Loader
from src.methods.base import System
from src.models.network import Network
from src.runtime import Runtime
from src.train.evaluate import Answers, evaluate, rung_shares


@contextmanager
def at_width(system: System, bits: int) -> Iterator[None]:
    """Within the block all dynamic layers run at one of `system.widths`."""
    before = system.forced, system.climbing
    system.forced, system.climbing = system.widths.index(bits), None
    try:
        yield
    finally:
        system.forced, system.climbing = before


class Rungs(dict):
    """Answers to all images of a loader, by the uniform width; one that is asked for is run once."""

    def __init__(self, system: System, loader: Loader, runtime: Runtime):
        super().__init__()
        self.system, self.loader, self.runtime = system, loader, runtime

    def __missing__(self, bits: int) -> Answers:
        with at_width(self.system, bits):
            self[bits] = evaluate(self.system, self.loader, self.runtime)
        return self[bits]


def bare_ladder(system: System) -> Ladder:
    """What the rungs of a system cost; no rows."""
    costs = tuple(int(system.cost.with_dynamic_at(bits)) for bits in system.widths)
    shared = system.cost.before(_first_of_its_own(system.network))
    return Ladder(system.widths, costs, tuple(cost - shared for cost in costs), (), ())


def _first_of_its_own(network: Network) -> str:
    """The first layer that passes at other widths do not share: one of such a width, or whose
    normalisation takes another row of statistics."""
    for i, node in enumerate(network.nodes):
        if network.slots[i] >= 0:
            return node.name
        if i >= network.split and network.is_norm[i]:
            rows = node.cell.moving_mean.shape[:-1]  # (R,), or () without a bank
            if np.prod(rows) > 1:
                return network.nodes[node.inputs[0]].name
    raise ValueError("a network without dynamic layers has no rungs")


def escalated(ladder: Ladder, row: Row, rungs: Rungs) -> Answers:
    """The answers under a setting."""
    margins = np.stack([rungs[bits].margin for bits in row.bits])
    return ending_at(ladder, row, rungs, climb(margins, row.margins))


def ending_at(ladder: Ladder, row: Row, rungs: Rungs, ends: np.ndarray) -> Answers:
    """The answers if image n ends at rung `ends[n]` of a row."""
    passes = [rungs[bits] for bits in row.bits]
    images = np.arange(len(ends))

    def picked(name: str) -> np.ndarray:
        return np.stack([getattr(answers, name) for answers in passes])[ends, images]

    columns = {field.name: picked(field.name) for field in fields(Answers)}
    changes = np.cumsum([answers.width_changes for answers in passes], axis=0)
    return Answers(
        **columns
        | {
            "bitops": np.array(ladder.totals(row), np.float64)[ends],
            "width_changes": changes[ends, images],
            "rung": ends.astype(np.uint8),
        }
    )


def on_other_images(ladder: Ladder, rungs: Rungs) -> list[dict]:
    """For each row of a ladder, what it costs and gets right on other images than it was fitted to."""
    rows = []
    for row in ladder.rows:
        answers = escalated(ladder, row, rungs)
        rows.append(
            {
                "bits": row.bits,
                "margins": row.margins,
                "bitops": float(answers.bitops.mean()),
                "top1": float(answers.right.mean()),
                "shares": rung_shares(answers, row),
                "held_out_bitops": row.bitops,
                "held_out_top1": row.top1,
            }
        )
    return rows
