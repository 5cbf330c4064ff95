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
"""The stages of a record's training: how each learned by its method, and what metrics.csv says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.report.formats import known
from src.report.load import Run

OPTIMIZERS = {"sgd": "SGD with momentum", "adamw": "AdamW"}
TASK = "softmax cross entropy"
# Of stages whose loss is not the task's; an agent's depends on how it learns (abn.agent).
LOSSES = {
    "counterfactual": "cross entropy of the controller's widths against the best of each image",
    ("agent", "ppo"): "PPO's clipped surrogate",
    ("agent", "counterfactual"): "squared error of what each width is worth",
}


@dataclass(frozen=True)
class Stretch:
    """One stage, in the words of a table: `epochs` are those in metrics.csv, `step` is the median of their
    times, `loss` the last epoch's in training, "" where it has none."""

    name: str
    epochs: int
    lr: str
    optimizer: str
    objective: str
    loss: str
    step: str


def stretches(record: Run) -> list[Stretch]:
    """In the order in which they trained; [] without metrics.csv."""
    from src.config import load_config  # needs MindSpore, which a page does not
    from src.methods import METHODS

    if record.metrics is None:
        return []
    config = load_config(record.path / "config.yaml")
    stages = {stage.name: stage for stage in METHODS[config.method.name].stages(config)}
    return [_stretch(record, config.as_dict(), stages[name]) for _, name in record.metrics.starts if name in stages]


def by_stage(found: Sequence[Stretch], attribute: str) -> str:
    """What they have in common, else of each what it has, behind its name."""
    values = {one.name: getattr(one, attribute) for one in found}
    if len(set(values.values())) == 1:
        return getattr(found[0], attribute)
    return "; ".join(f"{name}: {value}" for name, value in values.items() if value)


def _stretch(record: Run, config: dict, stage) -> Stretch:
    metrics, train = record.metrics, {**config["train"], **stage.train}
    own = np.array(metrics.stage) == stage.name
    seconds, step, epoch, loss = (metrics.column(name)[own] for name in ("seconds", "step", "epoch", "train_loss"))
    milliseconds = 1e3 * np.median(seconds) / (step[-1] / epoch[-1])
    objective = LOSSES.get(stage.name) or LOSSES.get((stage.name, config["abn"]["agent"]))
    if objective is None:
        objective = TASK
        if train["distill_weight"] and stage.builds != "float":
            objective += " and distillation, of features too" if train["distill_features"] else " and distillation"
    return Stretch(
        name=stage.name,
        epochs=int(own.sum()),
        lr=f"{stage.lr:g}",
        optimizer=OPTIMIZERS[train["optimizer"]],
        objective=objective,
        loss=f"{loss[-1]:.3f}" if known(float(loss[-1])) else "",
        step=f"{milliseconds:.0f} ms/step (median of {own.sum()} epochs)",
    )
