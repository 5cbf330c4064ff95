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
"""metrics.csv as TensorBoard shows it (train.tensorboard): a scalar for each of its columns.

The epochs of all stages are counted from 1, as rows of the file. A process begins an event file of its own with
all rows that there are, in place of the older ones: after a resume the curves are what the file says, whatever
came before it. (Times of earlier epochs are then those of the resume.) Written by tensorboardX, in the thread that
trains: a full disk is told like any other.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from src.errors import UserError

FOLDER = "tensorboard"
NO_SCALARS = ("stage",)


class Curves:
    """The event file of a run.

    Args:
        run: its folder; the file stands in `tensorboard/`.

    Raises:
        UserError: tensorboardX is not installed.
    """

    def __init__(self, run: Path):
        self.folder, self.writer, self.shown = run / FOLDER, None, 0
        self.packages = _packages()

    def follow(self, rows: Sequence[dict]) -> None:
        """Write the rows of metrics.csv (column -> cell, a number or empty) that are not written yet.

        Raises:
            UserError: the file cannot be written.
        """
        try:
            if self.writer is None:
                self._begin()
            for number in range(self.shown + 1, len(rows) + 1):
                self.writer.write_event(self._event(number, rows[number - 1]))
                self.shown = number
            self.writer.flush()
        except OSError as error:
            raise UserError(
                f"{self.folder} could not be written ({error.strerror or error}); free space, then continue with "
                "train.py --resume, or without curves: train.tensorboard=false"
            ) from error

    def _begin(self) -> None:
        self.folder.mkdir(exist_ok=True)
        for older in self.folder.glob("*.tfevents.*"):
            older.unlink()
        events, _, _ = self.packages
        self.writer = events.EventsWriter(str(self.folder / "events"))

    def _event(self, number: int, row: dict):
        _, event, summary = self.packages
        cells = ((name, cell) for name, cell in row.items() if name not in NO_SCALARS and cell not in ("", None))
        values = [summary.Summary.Value(tag=name, simple_value=float(cell)) for name, cell in cells]
        return event.Event(wall_time=time.time(), step=number, summary=summary.Summary(value=values))


def _packages():
    try:
        from tensorboardX import event_file_writer
        from tensorboardX.proto import event_pb2, summary_pb2
    except ImportError as error:
        raise UserError(
            f"train.tensorboard=true: {error}; install it with pip install -r requirements-tensorboard.txt, or "
            "leave the curves to metrics.csv: train.tensorboard=false"
        ) from error
    return event_file_writer, event_pb2, summary_pb2
