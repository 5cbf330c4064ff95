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
"""A fake run of an escalating super-network: answers at 2, 3 and 4 bits, a ladder fitted to half of
them, its settings on the other half, plans that a search tried."""

import json
from pathlib import Path

import numpy as np

from src.cost.ladder import Ladder, climb, fit
from tests.report.fake_run import MACS, Fake, write_run

WIDTHS = (2, 3, 4)
LAYERS = 6
COSTS = tuple(width**2 * MACS * LAYERS for width in WIDTHS)
LIFT = (-0.9, 0.2, 0.4)  # of the right class's lead, by width


def write_escalating_run(
    path: Path, labels: np.ndarray | None = None, images: int = 400, searched: bool = True
) -> Path:
    """The folder; the run stands for the cheapest setting as good as 4 bits."""
    write_run(path, Fake(method="abn", dynamic=LAYERS, images=images), labels)
    rng = np.random.default_rng(3)
    ladder = fit(WIDTHS, COSTS, COSTS, *answers(rng, 4000))
    (path / "ladder.json").write_text(json.dumps(ladder.as_dict()))
    with np.load(path / "eval/test.npz") as archive:
        arrays = dict(archive)
    margins, right = answers(rng, len(arrays["label"]))
    rows = [_on_test(ladder, row, margins, right) for row in ladder.rows]
    (path / "eval/ladder.json").write_text(json.dumps(rows))
    for rung, width in enumerate(WIDTHS):
        totals = {"top1": float(right[rung].mean()), "bitops": float(COSTS[rung])}
        (path / f"eval/test_{width}bit.json").write_text(json.dumps(totals))
    if searched:
        (path / "search.json").write_text(json.dumps(_search(rng)))
    _stand_for(path, ladder, arrays, margins, right)
    return path


def answers(rng: np.random.Generator, images: int) -> tuple[np.ndarray, np.ndarray]:
    """(margins (3, N), right bool (3, N)): the right class leads by more on easy images and at more
    bits; where it does not lead, the answer is wrong."""
    lead = rng.normal(6, 3.6, images) + rng.normal(0, 1.0, (3, images)) + np.array(LIFT)[:, None]
    return np.abs(lead), lead > 0


def _on_test(ladder: Ladder, row, margins: np.ndarray, right: np.ndarray) -> dict:
    path = [ladder.bits.index(width) for width in row.bits]
    ends = climb(margins[path], row.margins)
    return {
        "bits": row.bits,
        "margins": row.margins,
        "bitops": float(np.array(ladder.totals(row))[ends].mean()),
        "top1": float(right[path][ends, np.arange(len(ends))].mean()),
        "shares": (np.bincount(ends, minlength=len(path)) / len(ends)).tolist(),
    }


def _search(rng: np.random.Generator) -> dict:
    def plan(method: str, share: float, lift: float) -> dict:
        cost = COSTS[0] + share * (COSTS[2] - COSTS[0])
        top1 = 0.915 + 0.036 * share**0.6 - 0.008 * (1 - lift) + rng.normal(0, 0.0008)
        row = {"method": method, "bitops": cost, "loss": 0.3, "top1": top1}
        return {**row, "plan": {"block0.layer1.0.conv1": 2}}

    tried = [plan("random", share, 0.0) for share in rng.random(40)]
    tried += [plan("greedy", share, 0.7) for share in np.linspace(0.05, 0.95, 12)]
    tried += [plan("evolution", share, 1.0) for share in rng.random(60)]
    front = sorted(tried[-60::6], key=lambda row: row["bitops"])
    return {"tried": tried, "front": [{**row, "test_top1": row["top1"] - 0.002} for row in front]}


def _stand_for(path, ladder: Ladder, arrays: dict, margins: np.ndarray, right: np.ndarray) -> None:
    """eval/test.* of the default setting of at least two rungs."""
    row = next(row for row in ladder.rows if len(row.bits) > 1 and row.top1 >= ladder.top1[-1] - 0.001)
    rungs = [ladder.bits.index(width) for width in row.bits]
    ends = climb(margins[rungs], row.margins)
    images, label = np.arange(len(ends)), arrays["label"]
    hit = right[rungs][ends, images]
    widths = np.array(row.bits, np.uint8)[ends]
    bits = np.repeat(widths[:, None], LAYERS, axis=1)
    arrays |= {
        "predicted": np.where(hit, label, (label + 1) % 10).astype(np.int32),
        "bitops": np.array(ladder.totals(row), np.float64)[ends],
        "w_bits": bits,
        "a_bits": bits,
        "margin": margins[rungs][ends, images].astype(np.float32),
        "rung": ends.astype(np.uint8),
    }
    np.savez(path / "eval/test.npz", **arrays)
    file = path / "eval/test.json"
    totals = json.loads(file.read_text()) | {
        "top1": float(hit.mean()),
        "bitops": float(arrays["bitops"].mean()),
        "mean_bits": float(widths.mean()),
        "bitops_controller": 0.0,
        "shuffled_top1": float(hit.mean()) - 0.011,
        "hardness_correlation": 0.52,
        "rungs": {"bits": row.bits, "margins": row.margins},
        "shuffled_p": 0.01,
        "choice_pays": True,
    }
    file.write_text(json.dumps(totals))
