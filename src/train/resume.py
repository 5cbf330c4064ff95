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


def check_stored(rows: int, epochs_done: int, epochs: int, last: Path) -> None:
    """Refuse to begin anew, or to shorten, what is stored.

    Args:
        rows: of metrics.csv.
        epochs_done, epochs: of the method, stored and asked for.
        last: the checkpoint to go on from.

    Raises:
        UserError: the checkpoint is gone, or holds more epochs than are asked for.
    """
    if rows > 1 and not last.is_file():  # one may be of an epoch that was killed before it was stored
        raise UserError(
            f"{last} is missing, but metrics.csv tells of {rows} epochs; put the checkpoint back, or start "
            "a new run"
        )
    if epochs_done > epochs:
        raise UserError(f"train.epochs={epochs}: {epochs_done} are already stored; ask for as many, or more")


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
