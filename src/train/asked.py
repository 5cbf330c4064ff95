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
"""What eval.py may ask of a network beside its run's own way: a plan for all images, a budget, statistics taken
anew, other keys than the run's.

The functions that take one return what the names of the evaluation's files end in; "" is the run's own.
"""

import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.config import Config, known_keys
from src.cost.named_plans import read_plan
from src.errors import UserError
from src.methods.base import System
from src.runtime import Runtime
from src.train.loaded import renew_statistics
from src.train.results import evaluate_split
from src.train.run_folder import RunFolder, open_run
from src.train.run_ladder import fit_ladder, read_ladder, stand_for, write_ladder

# Sections and keys that say where a network runs and how its images are read, not what it answers.
WHERE = ("run", "device", "data.workers", "data.batch_size", "data.eval_batch_size", "data.max_errors")
LONGEST = 100  # characters of a file's name that tell keys


@dataclass(frozen=True)
class Asked:
    """An evaluation.

    Attributes:
        split: test, val or train.
        bits, plan: see `take_width`, `take_plan`; budget: see `take_budget`. At most one of the three.
        recalibrate: training batches that statistics are first estimated anew from, or None.
    """

    split: str = "test"
    bits: int | None = None
    plan: str | dict | None = None
    budget: float | None = None
    recalibrate: int | None = None


def evaluate_as_asked(
    config: Config, system: System, folder: RunFolder, runtime: Runtime, asked: Asked, float_top1: float
) -> dict:
    """The numbers of an evaluation, which are written to eval/ of the folder, too. UserError: this network
    has no such widths or budget."""
    suffix = take_choice(system, asked.bits, asked.plan)
    renew_statistics(config, system, runtime, asked.recalibrate)
    beside = ("" if asked.recalibrate is None else "_recalibrated") + other_keys(config, folder)
    suffix += take_budget(config, system, folder, runtime, asked.budget, is_run_own=not beside)
    return evaluate_split(config, system, folder, runtime, asked.split, float_top1, suffix + beside)


def other_keys(config: Config, folder: RunFolder) -> str:
    """`_section.key=value` of each key that is not the run's own, but for those that say where it runs and where
    its files lie. Of a network without a run there is nothing to keep apart."""
    if not (folder.path / "config.yaml").is_file():
        return ""
    own, now = open_run(folder.path)[1].as_dict(), config.as_dict()
    changed = [
        (name, now[section][leaf])
        for name, (_, item) in known_keys().items()
        for section, leaf in [name.split(".")]
        if now[section][leaf] != own[section][leaf]
        and not (section in WHERE or name in WHERE or item.metadata["is_path"])
    ]
    texts = (f"_{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in changed)
    suffix = re.sub(r"[^\w.=-]+", "-", "".join(texts))
    return suffix if len(suffix) <= LONGEST else f"{suffix[:LONGEST]}-{zlib.crc32(suffix.encode()):08x}"


def take_choice(system: System, bits: int | None, plan: str | dict | None) -> str:
    """What `--bits` or `--plan` asks for, if one of them was given.

    Raises:
        UserError: this network has no such width or plan.
    """
    if bits is not None:
        return take_width(system, "--bits", bits)
    return "" if plan is None else take_plan(system, plan)


def take_width(system: System, option: str, bits: int) -> str:
    """One width for all dynamic layers.

    Args:
        option: how it was asked for.

    Raises:
        UserError: no controller, or a width that is not among its candidates.
    """
    _check_choice(system, f"{option} {bits}")
    if bits not in system.widths:
        raise UserError(f"{option} {bits}: this network has only {', '.join(map(str, system.widths))}")
    system.forced = system.widths.index(bits)
    return f"_{bits}bit"


def take_plan(system: System, plan: str | dict) -> str:
    """One plan for all images: a width, or a file (cost/named_plans.py) or what it holds.

    Raises:
        UserError: it is no plan of this network.
    """
    if isinstance(plan, str) and plan.isdecimal():
        return take_width(system, "--plan", int(plan))
    _check_choice(system, f"--plan {plan}")
    system.forced = as_forced(read_plan(plan, system.cost, system.controller.columns))
    if isinstance(plan, dict):
        return f"_plan_{zlib.crc32(json.dumps(plan, sort_keys=True).encode()):08x}"
    return f"_plan_{Path(plan).stem}"


def _check_choice(system: System, asked: str) -> None:
    if not system.widths:
        raise UserError(
            f"{asked}: this network has no controller, its widths are fixed (a static run takes quant.plan=FILE when "
            "it is trained)"
        )


def as_forced(choices: np.ndarray) -> int | np.ndarray:
    """A plan, int (slots, columns), as `System.forced` takes it: of one candidate throughout an int, as
    a network may have running statistics of its own for that."""
    first = int(choices.flat[0])
    return first if (choices == first).all() else choices


def take_budget(
    config: Config, system: System, folder: RunFolder, runtime: Runtime, budget: float | None,
    is_run_own: bool,
) -> str:  # fmt: skip
    """A mean of `budget` BitOPs of an image: kept to by a controller that can be told so, else by escalation
    with the run's ladder, which is made where it is missing. None: what the run stands for.

    Args:
        is_run_own: the network is as the run left it; otherwise the ladder is fitted anew, and not kept.

    Raises:
        UserError: it cannot escalate, or the budget is too small.
    """
    if budget is None and (system.chooses or system.forced is not None):
        return ""
    suffix = "" if budget is None else f"_{budget / 1e6:g}M"
    if budget is not None and system.widths and system.controller.keep_to(budget):
        return suffix
    ladder = read_ladder(folder, system)
    if ladder is None and budget is None:
        return ""
    if ladder is None or not is_run_own:
        ladder = fit_ladder(config, system, runtime)
        if is_run_own and runtime.is_main:
            write_ladder(folder, ladder)
    if budget is None:
        stand_for(ladder, system)
        return ""
    system.climbing = ladder.at(budget)
    return suffix
