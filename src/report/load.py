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
"""Reads a run folder into one dataclass.

A run in progress lacks files, and a file can be damaged. Neither stops the report: what is missing
is kept as a `Gap` (what, and the command that makes it), and the page prints it where the section
would stand. Only a folder that is not a run at all is an error.
"""

from __future__ import annotations

import csv
import json
import logging
import shlex
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml

from src.errors import UserError
from src.report.knob import Knob, read_knob
from src.report.level_file import LEVELS_FILE, LayerLevels, read_levels
from src.yaml_text import read_yaml

LOG = logging.getLogger("dynquant")
EVAL_ARRAYS = ("label", "predicted", "loss", "confidence", "bitops", "w_bits", "a_bits", "index")
CONFIG = "config.yaml"  # what makes a folder a run
CONTINUATIONS = "continuations"  # in versions.json, of a run that was resumed
LATER_ARRAYS = ("margin", "rung")  # not in every evaluation


@dataclass(frozen=True)
class Gap:
    """Something the run folder does not hold, and how to get it."""

    what: str
    how: str = ""


@dataclass(frozen=True)
class Metrics:
    """`metrics.csv` by column: `stage`, and float64 arrays with NaN where a cell is empty."""

    stage: list[str]
    columns: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.stage)

    @property
    def starts(self) -> list[tuple[int, str]]:
        """(row counted from 1, stage) of the first epoch of each stage."""
        before = [None, *self.stage]
        return [(row, name) for row, name in enumerate(self.stage, 1) if name != before[row - 1]]

    def column(self, name: str) -> np.ndarray:
        """float64[rows]; all NaN for a column the file does not have."""
        return self.columns.get(name, np.full(len(self.stage), np.nan))


@dataclass(frozen=True)
class Layer:
    """A row of `layers.json`: widths are an int, a list of choices, or None for a float layer."""

    name: str
    type: str
    kind: str
    w_bits: int | list[int] | None
    a_bits: int | list[int] | None
    macs: int | None
    weights: int | None
    slot: int | None
    why: str


@dataclass(frozen=True)
class Evaluation:
    """The test set as the net saw it: `totals` is eval/test.json, `arrays` eval/test.npz.

    label, predicted, index: int[N]. loss, confidence, bitops: float[N]. w_bits, a_bits: uint8[N,
    L] for the L dynamic layers, L = 0 for a float or static net. Newer ones also have margin:
    float[N], the best minus the second-best logit, and, of a net that climbs, rung: uint8[N], the
    rung that answered. `arrays` is None when only the totals are there.
    """

    totals: dict
    arrays: dict[str, np.ndarray] | None

    @property
    def n_dynamic(self) -> int:
        return 0 if self.arrays is None else self.arrays["w_bits"].shape[1]

    @property
    def class_names(self) -> list[str] | None:
        """In the order of the labels; None: the evaluation does not tell them."""
        classes = self.totals.get("classes")
        return list(classes) if isinstance(classes, dict) and classes else None

    @property
    def climbs(self) -> bool:
        """True if some images, not all, were answered again at a higher width."""
        return self.arrays is not None and np.ptp(self.arrays.get("rung", np.zeros(1))) > 0


@dataclass
class Run:
    """A run folder. `gaps` is keyed by section: metrics, layers, evaluation, images, knob, levels."""

    path: Path
    config: dict
    versions: dict
    metrics: Metrics | None = None
    layers: list[Layer] = field(default_factory=list)
    image_size: int | None = None
    evaluation: Evaluation | None = None
    knob: Knob = field(default_factory=Knob)
    levels: list[LayerLevels] = field(default_factory=list)
    gaps: dict[str, Gap] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def continuations(self) -> list[dict]:
        """Of each resume what `versions` tells of the start: command, commit, machine ...; older runs do not say."""
        found = self.versions.get(CONTINUATIONS)
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def made_by(self, key: str) -> list[str]:
        """The different `commit`s or `machine`s that trained the run, in their order."""
        told = (str(one[key]) for one in (self.versions, *self.continuations) if one.get(key))
        return list(dict.fromkeys(told))

    @property
    def dynamic_layers(self) -> list[Layer]:
        """The layers whose widths are chosen per image, in slot order."""
        found = [layer for layer in self.layers if layer.kind == "dynamic"]
        return sorted(found, key=lambda layer: -1 if layer.slot is None else layer.slot)

    def setting(self, key: str, default: object = None) -> object:
        """The config value under a dotted key, or `default` when the config has none."""
        value: object = self.config
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                return default
            value = value[part]
        return value

    def command(self, script: str) -> str:
        """The command that runs an entry script on this run."""
        return f"python {script} --run {shlex.quote(str(self.path))}"


def run_folders(path: Path) -> list[Path]:
    """`path` itself, or the run folders in it where it is none but holds some (a folder of records), by name.

    One of several whose configuration is damaged is left out, which is said.
    """
    inside = [] if (path / CONFIG).is_file() else sorted(path.glob(f"*/{CONFIG}"))
    if len(inside) > 1:
        inside = [file for file in inside if _is_sound(file)]
    return [file.parent for file in inside] or [path]


def _is_sound(config: Path) -> bool:
    try:
        _read_config(config)
    except UserError as error:
        LOG.warning("WARNING: left out: %s", error)
        return False
    return True


def load_run(path: Path) -> Run:
    """Read the run folder at `path`. UserError when there is no such folder or it is not a run."""
    if not path.is_dir():
        raise UserError(
            f"--run {path}: no such folder; give the folder that train.py wrote (runs/NAME)"
        )
    if not (path / CONFIG).is_file():
        raise UserError(
            f"--run {path}: not a run folder, it has no config.yaml; "
            "give the folder that train.py wrote (runs/NAME)"
        )
    run = Run(path, _read_config(path / CONFIG), _read_versions(path / "versions.json"))
    again = "It is written while the net trains; run train.py on this run again."
    run.metrics = _attempt(run, "metrics", path / "metrics.csv", _read_metrics, again)
    table = _attempt(run, "layers", path / "layers.json", _read_layers, again)
    run.layers, run.image_size = table or ([], None)
    evaluate = f"To get it: `{run.command('eval.py')}`, then `{run.command('report.py')}`"
    totals = _attempt(run, "evaluation", path / "eval/test.json", _read_totals, evaluate)
    if totals is not None:
        arrays = _attempt(run, "arrays", path / "eval/test.npz", _read_arrays, evaluate)
        run.evaluation = Evaluation(totals, arrays)
        _check_slots(run, evaluate)

    def read_if_there(name: str, read):
        file = path / name
        return _attempt(run, "knob", file, read, evaluate) if file.is_file() else None

    run.knob = read_knob(path, read_if_there)
    if (path / LEVELS_FILE).is_file():
        run.levels = _attempt(run, "levels", path / LEVELS_FILE, read_levels, again) or []
    return run


def _attempt(run: Run, section: str, file: Path, read, how: str):
    """`read(file)`, or None and a Gap when the file is missing or damaged."""
    name = file.relative_to(run.path)
    if not file.is_file():
        run.gaps[section] = Gap(f"This run has no {name} yet.", how)
        return None
    try:
        return read(file)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        csv.Error,
        zipfile.BadZipFile,
    ) as error:
        run.gaps[section] = Gap(f"{name} cannot be read ({type(error).__name__}: {error}).", how)
        return None


def _read_config(file: Path) -> dict:
    try:
        config = read_yaml(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise UserError(f"{file}: not a run's config (expected sections such as data: and model:)")
    return config


def _read_versions(file: Path) -> dict:
    try:
        versions = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return versions if isinstance(versions, dict) else {}


def _read_metrics(file: Path) -> Metrics:
    with file.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    if not rows:
        raise ValueError("it holds no epoch")
    names = [name for name in reader.fieldnames or [] if name != "stage"]
    columns = {name: np.array([_number(row[name]) for row in rows]) for name in names}
    return Metrics([row.get("stage") or "" for row in rows], columns)


def _number(cell: str | None) -> float:
    """A cell of the table; NaN when empty or cut short by a kill in mid-write."""
    try:
        return float(cell) if cell else float("nan")
    except ValueError:
        return float("nan")


def _read_layers(file: Path) -> tuple[list[Layer], int | None]:
    table = json.loads(file.read_text(encoding="utf-8"))
    layers = [
        Layer(
            name=str(row["name"]),
            type=str(row.get("type", "")),
            kind=str(row["kind"]),
            w_bits=row.get("w_bits"),
            a_bits=row.get("a_bits"),
            macs=row.get("macs"),
            weights=row.get("weights"),
            slot=row.get("slot"),
            why=str(row.get("why") or ""),
        )
        for row in table["layers"]
    ]
    return layers, table.get("image_size")


def _read_totals(file: Path) -> dict:
    totals = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(totals, dict):
        raise ValueError("expected one JSON object")
    return totals


def _read_arrays(file: Path) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as archive:
        later = [name for name in LATER_ARRAYS if name in archive]
        arrays = {name: archive[name] for name in (*EVAL_ARRAYS, *later)}
    images = len(arrays["label"])
    for name, array in arrays.items():
        dimensions = 2 if name in ("w_bits", "a_bits") else 1
        if array.ndim != dimensions or len(array) != images:
            raise ValueError(f"`{name}` has shape {array.shape}, expected {images} images")
    if images == 0:
        raise ValueError("it holds no image")
    if arrays["w_bits"].shape != arrays["a_bits"].shape:
        raise ValueError(
            f"w_bits {arrays['w_bits'].shape} and a_bits {arrays['a_bits'].shape} differ"
        )
    return arrays


def _check_slots(run: Run, how: str) -> None:
    """The evaluation must be of this net: as many dynamic layers as layers.json lists."""
    evaluation = run.evaluation
    if (
        evaluation.arrays is None
        or not run.layers
        or evaluation.n_dynamic == len(run.dynamic_layers)
    ):
        return
    run.gaps["arrays"] = Gap(
        f"eval/test.npz has {evaluation.n_dynamic} dynamic layers and layers.json has "
        f"{len(run.dynamic_layers)}: it is the evaluation of another net.",
        how,
    )
    run.evaluation = Evaluation(evaluation.totals, None)
