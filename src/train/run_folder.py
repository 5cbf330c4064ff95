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
"""The folder of one run: configuration, versions, log, metrics, checkpoints, results."""

import contextlib
import itertools
import json
import logging
import shlex
import sys
import time
from pathlib import Path

from src.config import Config, load_config, missing_sections, save_config
from src.errors import UserError
from src.files import whole_file
from src.layers.spec import format_table
from src.next_step import python
from src.terminal import TerminalHandler
from src.train import metrics
from src.train.curves import Curves
from src.train.origin import CONTINUATIONS, VERSIONS, continued, describe_origin
from src.train.own_network import keep_network, kept_network
from src.train.resume import check_finished, check_overrides
from src.train.run_lock import claim

LOG = logging.getLogger("dynquant")


class RunFolder:
    """Paths of a run and what is written there; `quiet` workers (rank > 0) write nothing."""

    def __init__(self, path: Path, quiet: bool = False):
        self.path, self.quiet = path, quiet
        self.lock = None
        self.metrics_file = path / "metrics.csv"
        self.last, self.best = self.checkpoint("last.ckpt"), self.checkpoint("best.ckpt")
        self.curves: Curves | None = None

    def checkpoint(self, name: str) -> Path:
        """The file of that name in ckpt/."""
        return self.path / "ckpt" / name

    def claim(self) -> None:
        """Keep other training processes out, until `end`, or until this one ends."""
        if not self.quiet:
            self.lock = claim(self.path)

    def holds_training(self) -> bool:
        """True if something was trained and stored here."""
        return self.metrics_file.is_file() or self.last.is_file()

    def how_to_go_on(self, workers: int) -> str:
        """For somebody who stopped the training of so many workers."""
        if not self.holds_training():
            return "before anything was stored: nothing is kept; start the same command again"
        run = shlex.quote(str(self.path))
        if workers > 1:
            script = "bash scripts/run_distribute_train.sh"
            return f"after what is stored; continue with: {script} --resume {run} {workers}"
        return f"after what is stored; continue with: {python()} train.py --resume {run}"

    @property
    def model_checkpoint(self) -> Path:
        """The weights a run stands for: the best epoch on the held-out split, else the last."""
        return self.best if self.best.is_file() else self.last

    def start_log(self) -> None:
        """Log to the terminal and, down to the level of debugging, to log.txt (appended)."""
        LOG.setLevel(logging.DEBUG)
        LOG.propagate = False
        LOG.handlers.clear()
        if self.quiet:
            LOG.addHandler(logging.NullHandler())
            return
        file = logging.FileHandler(self.path / "log.txt", encoding="utf-8")
        file.handleError = _keep_quiet
        file.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
        for handler in (file, TerminalHandler(lambda: sys.stdout)):
            LOG.addHandler(handler)

    def end(self) -> None:
        """Close the log and let other training processes in, where this process goes on to other things."""
        for handler in (*LOG.handlers,):
            LOG.removeHandler(handler)
            with contextlib.suppress(OSError):  # a full disk, which a file that matters has told
                handler.close()
        if self.lock is not None:
            self.lock.close()

    def write_json(self, name: str, value) -> None:
        """Write `value` to a file of the run, whole or not at all."""
        if self.quiet:
            return
        with whole_file(self.path / name) as file:
            file.write_text(json.dumps(value, indent=1), encoding="utf-8")

    def note_continuation(self) -> None:
        """This process goes on with the run: versions.json says so, and by which commit. A file that is damaged
        stays as it is: it tells nothing of the start either. On another processor, or another number of cores,
        sums are added up in another order, which is told."""
        if self.quiet:
            return
        try:
            versions = continued(self.path / VERSIONS)
            self.write_json(VERSIONS, versions)
        except ValueError as error:
            LOG.warning("%s is damaged (%s): that the run goes on here is not noted", self.path / VERSIONS, error)
            return
        begun, here = versions.get("machine"), versions[CONTINUATIONS][-1]["machine"]
        if begun not in (None, here):
            LOG.warning(
                "the run was begun on %s, here it is %s: it goes on, but may end with other last bits than "
                "without the stop", begun, here,
            )  # fmt: skip

    def write_layers(self, table: list[dict], image_size: int) -> None:
        """layers.json, and the same table in the log."""
        self.write_json("layers.json", {"image_size": image_size, "layers": table})
        LOG.info("%s", format_table(table))

    def draw_curves(self) -> None:
        """From now on, what metrics.csv gets becomes curves too. UserError: a package is missing."""
        if not self.quiet:
            self.curves = Curves(self.path)

    def append_metrics(self, row: dict) -> None:
        """One line of metrics.csv."""
        if not self.quiet:
            metrics.append_row(self.metrics_file, row)
        if self.curves is not None:
            self.curves.follow(metrics.read_rows(self.metrics_file))

    def forget_after(self, stage: str, epoch: int) -> None:
        """Drop the metrics rows that this stage will write again."""
        if not self.quiet:
            metrics.forget_after(self.metrics_file, stage, epoch)

    def forget_best(self) -> None:
        """Of another stage: the run stands for the one that begins."""
        if not self.quiet:
            self.best.unlink(missing_ok=True)

    def store_config(self, config: Config) -> None:
        """config.yaml: what the next resume starts from."""
        if not self.quiet:
            save_config(config, self.path / "config.yaml")


def _keep_quiet(record: logging.LogRecord) -> None:
    """A full disk is told by who needs the space, once, and not by every line of the log."""


def create_run(config: Config, recipe: str | None, is_main: bool = True) -> RunFolder:
    """Make the folder, claim it and write what is known at the start.

    A folder in which nothing was trained yet, after a start that failed, is taken again.

    Raises:
        UserError: the folder holds a run, is in use, or cannot be written.
    """
    if not is_main:
        return RunFolder(Path(config.run.dir), quiet=True)
    try:
        path = Path(config.run.dir) if config.run.dir else _fresh(recipe or config.method.name)
        path.mkdir(parents=True, exist_ok=True)
        folder = RunFolder(path)
        folder.claim()
        if folder.holds_training():
            raise UserError(
                f"run.dir={path} already holds a run; continue it with train.py --resume {path}, "
                "or choose another run.dir"
            )
        config.run.dir = str(path)
        keep_network(config, path)
        folder.store_config(config)
        folder.write_json(VERSIONS, describe_origin(config))
    except OSError as error:
        raise UserError(f"run.dir={config.run.dir or 'null'} cannot be written: {error}") from error
    return folder


def _fresh(recipe: str) -> Path:
    """Make a folder of this second that nobody has yet."""
    stem = f"runs/{Path(recipe).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    for path in map(Path, names):
        with contextlib.suppress(FileExistsError):
            path.mkdir(parents=True)
            return path


def open_run(path: str | Path, overrides: list[str] = (), is_main: bool = True):
    """An existing run: (folder, its configuration with overrides).

    Raises:
        UserError: no such run, a configuration of which a part is gone, or a network of the user's own
            that is not what the run began with.
    """
    path = Path(path)
    if not (path / "config.yaml").is_file():
        raise UserError(f"{path} is no run folder: it has no config.yaml; train.py makes one")
    missing = missing_sections(path / "config.yaml")
    if missing:
        raise UserError(
            f"{path / 'config.yaml'} is incomplete: it lacks {', '.join(missing)}; put back the file that "
            "training wrote"
        )
    config = load_config(path / "config.yaml", [*kept_network(path), *overrides])
    config.run.dir = str(path)
    return RunFolder(path, quiet=not is_main), config


def continue_run(path: str | Path, overrides: list[str]):
    """An existing run to train on: like `open_run`, but refuses what would make it another run."""
    folder, before = open_run(path)
    _, config = open_run(path, overrides)
    check_overrides(before, config)
    check_finished(before, config, folder.last)
    return folder, config
