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
"""The two tables on performance that the model zoo asks for, training and inference: of the machine that the record
was made on, from what it logged. Other columns (Ascend, GPU) have no numbers here, and are left out."""

from __future__ import annotations

import numpy as np

from src.report.load import Run
from src.report.records import ARTEFACT
from src.report.records_page import markdown_table
from src.report.stretches import Stretch, by_stage, stretches

LOGGED = (
    "Times are the run's own log, whatever else the machine did then; measured ones are in "
    "[`bench/`](../bench/README.md)."
)


def performance(record: Run) -> str:
    """Both tables; of a network that was quantised without training the second one alone."""
    parts = [_table("Inference", _inference(record))]
    if trained := _training(record):
        parts = [_table("Training", trained), *parts, LOGGED]
    return "\n\n".join(parts)


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    return markdown_table((title, "CPU"), [row for row in rows if row[1]])


def _made(record: Run) -> list[tuple[str, str]]:
    versions = record.versions
    return [
        ("Resource", "; ".join(record.made_by("machine"))),
        ("Date", str(versions.get("started", ""))[:10]),
        ("MindSpore version", str(versions.get("mindspore", ""))),
        ("Data set", str(record.setting("data.name"))),
    ]


def _training(record: Run) -> list[tuple[str, str]]:
    """Empty without epochs in metrics.csv."""
    found = stretches(record)
    if not found:
        return []
    return [
        *_made(record),
        ("Training parameters", _parameters(found, record.setting("data.batch_size"))),
        ("Optimizer", by_stage(found, "optimizer")),
        ("Loss function", by_stage(found, "objective")),
        ("Outputs", "probability"),
        ("Loss", by_stage(found, "loss")),
        ("Speed", by_stage(found, "step")),
        ("Total time", f"{np.nansum(record.metrics.column('seconds')) / 60:.1f} min"),
        ("Weights (M)", f"{sum(layer.weights or 0 for layer in record.layers) / 1e6:.3f}"),
        ("Scripts", "`scripts/run_train.sh`"),
    ]


def _parameters(found: list[Stretch], batch_size: object) -> str:
    if len(found) == 1:
        return f"epochs={found[0].epochs}, batch_size={batch_size}, lr={found[0].lr}"
    return "; ".join((f"batch_size={batch_size}", *(f"{one.name}: epochs={one.epochs}, lr={one.lr}" for one in found)))


def _inference(record: Run) -> list[tuple[str, str]]:
    totals = record.evaluation.totals
    file = record.path / ARTEFACT
    return [
        *_made(record),
        ("Batch size", str(record.setting("data.eval_batch_size", ""))),
        ("Outputs", "probability"),
        ("Accuracy", f"{100 * totals['top1']:.2f} %"),
        ("Model for inference", f"{file.stat().st_size / 1e6:.2f} MB ({ARTEFACT})"),
        ("Scripts", "`scripts/run_eval.sh`, `infer.py`"),
    ]
