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
"""What may change when a run is continued, and what would make it another run."""

from pathlib import Path

from src.config import Config, known_keys
from src.errors import UserError
from src.methods import METHODS
from src.methods.base import Stage
from src.train.checkpoints import read_state


def check_overrides(before: Config, now: Config) -> None:
    """Refuse what changes the network or its data: the keys that are not `resumable`.

    Raises:
        UserError: names the key, both values, and the way out.
    """
    for name, (_, item) in known_keys().items():
        section, leaf = name.split(".")
        old, new = (getattr(getattr(config, section), leaf) for config in (before, now))
        if old == new or item.metadata["resumable"]:
            continue
        raise UserError(
            f"{name}={new}: this run was begun with {name}={old}, and a resumed run keeps its "
            "network and its data; start a new run for it (model.weights=FILE takes float weights)"
        )


def check_finished(before: Config, now: Config, last: Path) -> None:
    """Refuse another length or rate of stages that are over: what they trained is done.

    The stage that was trained last may go on for more epochs, with another rate.

    Args:
        last: the checkpoint to go on from.

    Raises:
        UserError: names the key, both values, and the way out.
    """
    begun, asked = (METHODS[config.method.name].stages(config) for config in (before, now))
    asked = {stage.name: stage for stage in asked}
    changed = [
        (old, asked[old.name]) for old in begun if old.name in asked and _pace(old) != _pace(asked[old.name])
    ]
    if not changed or not last.is_file():
        return
    state, names = read_state(last), [stage.name for stage in begun]
    if state.stage not in names:
        return
    for old, new in changed:
        if old.name == state.stage:
            is_over = old.epochs == new.epochs == state.epoch
        else:
            is_over = names.index(old.name) < names.index(state.stage)
        if is_over:
            values = zip(old.keys, _pace(old), _pace(new), strict=True)
            key, had, value = next(row for row in values if row[1] != row[2])
            raise UserError(
                f"{key}={value}: stage {old.name} is over, it was trained with {key}={had}; leave that as it "
                "is, or start a new run"
            )


def _pace(stage: Stage) -> tuple[int, float]:
    """What its `keys` say."""
    return stage.epochs, stage.lr


def check_stored(rows: int, epochs_done: int, stage: Stage, last: Path) -> None:
    """Refuse to begin anew, or to shorten, what is stored.

    Args:
        rows: of metrics.csv.
        epochs_done: of the stage, stored.
        stage: to go on with, as it is asked for.
        last: the checkpoint to go on from.

    Raises:
        UserError: the checkpoint is gone, or holds more epochs than are asked for.
    """
    if rows > 1 and not last.is_file():  # one may be of an epoch that was killed before it was stored
        raise UserError(
            f"{last} is missing, but metrics.csv tells of {rows} epochs; put the checkpoint back, or start "
            "a new run"
        )
    if epochs_done > stage.epochs:
        raise UserError(
            f"{stage.keys[0]}={stage.epochs}: {epochs_done} are already stored; ask for as many, or more"
        )


def check_steps(images: tuple[int, int], batch: tuple[int, int]) -> None:
    """Refuse another number of training images, or of images per step, than before: the steps of
    the epochs that are done would not be those of the schedule.

    Args:
        images, batch: before (0: not recorded) and now; a batch is that of all workers together.

    Raises:
        UserError: says what the run was begun with.
    """
    if images[0] not in (0, images[1]):
        raise UserError(
            f"this run was begun with {images[0]} training images, now there are {images[1]}; give "
            "it the same data (data.path), or start a new run"
        )
    if batch[0] not in (0, batch[1]):
        raise UserError(
            f"this run was begun with {batch[0]} images per step, now they are {batch[1]}; choose "
            f"workers and data.batch_size whose product is {batch[0]}, or start a new run"
        )
