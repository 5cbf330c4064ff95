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
"""What a folder of records keeps of a run: the files a report needs and the artefact, without paths.

A path says where somebody's data lay, which is nobody else's business and helps nobody: each is cut to
its last part, in the configuration, in the command, and in the notes of the artefact.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from dataclasses import replace
from pathlib import Path

import yaml

from src.engine.artefact import load_artefact, save_artefact
from src.errors import UserError
from src.report.load import CONTINUATIONS, load_run
from src.report.records import ARTEFACT, check_committed, path_keys
from src.yaml_text import read_yaml

FILES = (
    *("config.yaml", "versions.json", "layers.json"),
    *("eval/test.json", "eval/test.npz"),
)
METRICS = "metrics.csv"  # of every run but one that was quantised without training
# Where the run has them: of a net that runs at several widths (`knob.py`), of one that learned levels, of one whose
# layers were timed (`latency.py`), of one whose agent was asked what it can foresee (`eval.py --foresight`).
MORE_FILES = (
    *("ladder.json", "eval/ladder.json", "search.json", "levels.json", "export/latency.json"),
    "eval/foresight_test.json",
)
MORE_TOTALS = "eval/test_*.json"
LARGEST_ARTEFACT = 2_000_000  # bytes
LOG = logging.getLogger("dynquant")


def keep(run: Path, target: Path) -> None:
    """Copy the record of one run.

    Raises:
        UserError: a file that a record needs is missing, or the run is of an uncommitted tree, or its network
            is not of the project.
    """
    missing = [name for name in FILES if not (run / name).is_file()]
    if not missing and not (run / METRICS).is_file() and load_run(run).setting("train.epochs"):
        missing = [METRICS]
    if missing:
        raise UserError(f"{run} has no {', '.join(missing)}; train it, or run eval.py --run {run}")
    check_committed(load_run(run))
    if load_run(run).setting("model.file"):
        raise UserError(f"{run}: its network is in a file of its own; a record is of one that the project has")
    more = [name for name in (METRICS, *MORE_FILES) if (run / name).is_file()]
    totals = [file.relative_to(run) for file in sorted(run.glob(MORE_TOTALS))]
    for name in (*FILES, *more, *totals):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run / name, target / name)
    config = read_yaml((target / "config.yaml").read_text(encoding="utf-8"))
    _cut_paths(config)
    (target / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    versions = json.loads((target / "versions.json").read_text(encoding="utf-8"))
    _cut_commands(versions)
    (target / "versions.json").write_text(json.dumps(versions, indent=1), encoding="utf-8")
    _keep_artefact(run / "export" / ARTEFACT, target / ARTEFACT)


def _keep_artefact(artefact: Path, target: Path) -> None:
    """Where the run was exported as integers, and to a file that a repository can carry."""
    if not artefact.is_file():
        return
    program = load_artefact(artefact)
    notes = json.loads(json.dumps(program.notes))
    _cut_paths(notes.get("config", {}))
    _cut_commands(notes.get("versions", {}))
    save_artefact(replace(program, notes=notes), target)
    size = target.stat().st_size
    if size > LARGEST_ARTEFACT:
        target.unlink()
        LOG.warning("%s is not kept: %d bytes, %d at most", artefact, size, LARGEST_ARTEFACT)


def _cut_paths(config: dict) -> None:
    for section, key in path_keys():
        path = config.get(section, {}).get(key)
        if path:
            config[section][key] = Path(path).name


def _cut_commands(versions: dict) -> None:
    """Of the start and of each resume."""
    for made in (versions, *versions.get(CONTINUATIONS, ())):
        if "command" in made:
            made["command"] = re.sub(r"(?<==)\S*/|(?<!\S)/\S*/", "", made["command"])
