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

import csv
import json
import logging
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

from src.config import Config, load_config, save_config
from src.errors import UserError
from src.layers.spec import format_table

LOG = logging.getLogger("dynquant")
COLUMNS = (
    "stage", "epoch", "step", "lr", "train_loss", "train_top1", "val_loss", "val_top1", "val_top5",
    "mean_bits", "bitops", "entropy", "budget_bits", "budget_bitops", "seconds", "data_seconds",
)  # fmt: skip


class RunFolder:
    """Paths of a run and what is written there; `quiet` workers (rank > 0) write nothing."""

    def __init__(self, path: Path, quiet: bool = False):
        self.path, self.quiet = path, quiet
        self.metrics_file = path / "metrics.csv"
        self.last, self.best = path / "ckpt" / "last.ckpt", path / "ckpt" / "best.ckpt"
        self.float_weights = path / "ckpt" / "float.ckpt"

    @property
    def model_checkpoint(self) -> Path:
        """The weights a run stands for: the best epoch on the held-out split, else the last."""
        return self.best if self.best.is_file() else self.last

    def start_log(self) -> None:
        """Log to the terminal and to log.txt (appended)."""
        LOG.setLevel(logging.INFO)
        LOG.propagate = False
        LOG.handlers.clear()
        if self.quiet:
            LOG.addHandler(logging.NullHandler())
            return
        file = logging.FileHandler(self.path / "log.txt", encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
        terminal = logging.StreamHandler(sys.stdout)
        terminal.setFormatter(logging.Formatter("%(message)s"))
        for handler in (file, terminal):
            LOG.addHandler(handler)

    def write_json(self, name: str, value) -> None:
        """Write `value` to a file of the run, whole or not at all."""
        if self.quiet:
            return
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(json.dumps(value, indent=1), encoding="utf-8")
        partial.replace(path)

    def write_layers(self, rows: list[dict], image_size: int) -> None:
        """layers.json, and the same table in the log."""
        self.write_json("layers.json", {"image_size": image_size, "layers": rows})
        LOG.info("%s", format_table(rows))

    def append_metrics(self, row: dict) -> None:
        """One line of metrics.csv; absent values stay empty."""
        if self.quiet:
            return
        is_new = not self.metrics_file.is_file()
        with self.metrics_file.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            if is_new:
                writer.writeheader()
            writer.writerow({k: f"{v:.8g}" if isinstance(v, float) else v for k, v in row.items()})

    def forget_after(self, stage: str, epoch: int) -> None:
        """Drop the metrics rows that a resumed run will write again."""
        if self.quiet or not self.metrics_file.is_file():
            return
        with self.metrics_file.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        kept, passed = [], False
        for row in rows:
            passed = passed or (row["stage"] == stage and int(row["epoch"]) > epoch)
            if not passed:
                kept.append(row)
        with self.metrics_file.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(kept)


def create_run(config: Config, recipe: str | None, is_main: bool = True) -> RunFolder:
    """Make the folder and write what is known at the start.

    Raises:
        UserError: the folder exists and holds a run, or cannot be written.
    """
    stem = Path(recipe).stem if recipe else config.method.name
    path = Path(config.run.dir or f"runs/{stem}-{time.strftime('%Y%m%d-%H%M%S')}")
    folder = RunFolder(path, quiet=not is_main)
    if not is_main:
        return folder
    if (path / "config.yaml").is_file():
        raise UserError(
            f"run.dir={path} already holds a run; continue it with train.py --resume {path}, or "
            "choose another run.dir"
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        config.run.dir = str(path)
        save_config(config, path / "config.yaml")
        folder.write_json("versions.json", _versions(config))
    except OSError as error:
        raise UserError(f"run.dir={path} cannot be written: {error}") from error
    return folder


def open_run(path: str | Path, overrides: list[str] = (), is_main: bool = True):
    """An existing run: (folder, its configuration with overrides).

    Raises:
        UserError: no such run.
    """
    path = Path(path)
    if not (path / "config.yaml").is_file():
        raise UserError(f"{path} is no run folder: it has no config.yaml; train.py makes one")
    config = load_config(path / "config.yaml", [*overrides, f"run.dir={path}"])
    return RunFolder(path, quiet=not is_main), config


def _versions(config: Config) -> dict:
    packages = ("mindspore", "numpy", "opencv-python-headless", "scikit-learn")
    return {
        "command": " ".join([Path(sys.executable).name, *sys.argv]),
        "commit": _commit(),
        "seed": config.train.seed,
        "machine": f"{platform.machine()}, {_processor()}, {os.cpu_count()} cores",
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "python": platform.python_version(),
        **{name: _version(name) for name in packages},
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    root = Path(__file__).resolve().parent
    try:
        return subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "no git"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown processor"
