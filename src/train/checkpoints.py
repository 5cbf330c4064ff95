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
"""Checkpoints: everything an exact resume needs, in one `.ckpt` file that is never half there.

A file is written under another name, flushed to the disk and then renamed; it carries a CRC.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Parameter, nn

from src.errors import UserError, reason
from src.files import check_readable
from src.models.ckpt_file import read_ckpt
from src.models.weights import RUN_STATE as STATE
from src.parameters import assign
from src.train.guard import LARGE_STEPS

_FORMER = re.compile(r"^((?:moments\.|accum\.|stat\.)?)(model\.|head\.)")  # of the optimizer, too
_TODAY = {"model.": "", "head.": "controller."}


@dataclass
class RunState:
    """Where a run stands.

    Attributes:
        stage: name of the stage.
        images, batch: training images, and those of one step of all workers; 0: not recorded.
        epoch: epochs of this stage that are done.
        step: steps of the next epoch that are done, too.
        sums: over these, of the scalars of a step.
        best_top1: best validation accuracy of the stage so far, -1 before the first.
        float_top1: test accuracy of the float network the run started from, -1 if not measured.
    """

    stage: str
    images: int = 0
    batch: int = 0
    epoch: int = 0
    best_top1: float = -1.0
    float_top1: float = -1.0
    step: int = 0
    sums: list[float] = field(default_factory=list)

    def go_to(self, epoch: int, step: int = 0, sums: Iterable[float] = ()) -> None:
        """So many epochs are done, and so many steps of the next."""
        self.epoch, self.step, self.sums = epoch, step, [float(value) for value in sums]

    @property
    def has_begun(self) -> bool:
        """Whether a step of the stage is done."""
        return self.epoch > 0 or self.step > 0

    @property
    def place(self) -> str:
        return f"epoch {self.epoch + 1}, step {self.step}" if self.step else f"epoch {self.epoch}"


def save_checkpoint(
    path: Path, network: nn.Cell, state: RunState, optimizer: nn.Optimizer | None = None
) -> None:
    """Write `network` (and `optimizer`) and `state` to `path`, whole or not at all.

    Raises:
        UserError: a value is not finite, the disk is full or the folder cannot be written; an older
            file stays.
    """
    parameters = {p.name: p for p in network.get_parameters()}
    if optimizer is not None:
        # get_parameters of an optimizer names the network's own parameters again.
        for parameter in optimizer.get_parameters():
            parameters.setdefault(parameter.name, parameter)
    for name, parameter in parameters.items():
        if not np.isfinite(parameter.asnumpy()).all():
            raise UserError(
                f"{name} is not finite after {state.place} of {state.stage}, which is not "
                f"stored; {path} stays as it was; {LARGE_STEPS}, then continue with train.py --resume"
            )
    rows = [{"name": name, "data": p} for name, p in parameters.items()]
    partial = path.with_name(f".{path.stem}.partial.ckpt")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        partial.touch()
        rights = partial.stat().st_mode  # of any new file; MindSpore lets even the owner only read
        about = {STATE: json.dumps(asdict(state))}
        ms.save_checkpoint(rows, str(partial), append_dict=about, crc_check=True)
        partial.chmod(rights)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError, ValueError) as error:
        for leftover in (partial, partial.with_suffix(".tmp")):  # MindSpore writes .tmp, then renames
            with contextlib.suppress(OSError):
                leftover.unlink()
        raise UserError(
            f"checkpoint {path} could not be written ({reason(error)}); free space or choose another run.dir; "
            + ("the one there is whole, continue with train.py --resume" if path.is_file() else "nothing is stored yet")
        ) from error


def load_checkpoint(
    path: Path, network: nn.Cell, optimizer: nn.Optimizer | None = None
) -> RunState:
    """Copy a checkpoint into `network` (and `optimizer`).

    Raises:
        UserError: missing or damaged file, not one of ours, or of another network.
    """
    stored, state = _read(path)
    wanted = {p.name: p for p in network.get_parameters()}
    if optimizer is not None:
        for parameter in optimizer.get_parameters():
            wanted.setdefault(parameter.name, parameter)
    # The rates follow from the configuration, which may have changed: a run may be prolonged.
    needed = {n: p for n, p in wanted.items() if "learning_rate" not in n}
    missing = [n for n in needed if n not in stored]
    misfit = [n for n in needed if n in stored and stored[n].shape != needed[n].shape]
    if missing or misfit:
        first = (missing or misfit)[0]
        raise UserError(
            f"checkpoint {path} is of another network: {len(missing)} tensors are missing and "
            f"{len(misfit)} have another shape, the first is {first}; use the configuration that "
            "it was trained with (config.yaml in its run folder)"
        )
    for name, parameter in needed.items():
        assign(parameter, stored[name].asnumpy())
    return state


def take_over(path: Path, network: nn.Cell) -> None:
    """Copy the network that an earlier stage left into one that may have more: all of it is used.

    Raises:
        UserError: missing or damaged file, or a tensor that `network` lacks.
    """
    stored, _ = _read(path)
    own = {p.name: p for p in network.get_parameters()}
    lost = [n for n, p in stored.items() if n not in own or own[n].shape != p.shape]
    if lost:
        raise UserError(
            f"checkpoint {path} is of another network: {len(lost)} of its tensors have no place, the first "
            f"is {lost[0]}; a stage has to begin with the network that the one before left"
        )
    for name, value in stored.items():
        assign(own[name], value.asnumpy())


def read_state(path: Path) -> RunState:
    """Only the state of a checkpoint."""
    return _read(path)[1]


def _by_todays_names(stored: dict[str, Parameter]) -> dict[str, Parameter]:
    """Older files call the network `model.` and its controller `head.`."""
    if not any(name.startswith("model.") for name in stored):
        return stored
    return {_FORMER.sub(lambda found: found[1] + _TODAY[found[2]], name): p for name, p in stored.items()}


def _read(path: Path) -> tuple[dict[str, Parameter], RunState]:
    if not path.is_file():
        raise UserError(f"checkpoint {path} does not exist; train first (train.py)")
    check_readable(path)
    try:
        stored = read_ckpt(path, crc_check=True)
    except (ValueError, RuntimeError, TypeError, OSError) as error:
        raise UserError(
            f"checkpoint {path} is damaged and cannot be read; delete it, and the run stands for its other one "
            "(best.ckpt or last.ckpt), or train again"
        ) from error
    state = stored.pop(STATE, None)
    if state is None:
        raise UserError(f"checkpoint {path} was not written by this project; see model.weights")
    try:
        return _by_todays_names(stored), RunState(**json.loads(str(state)))
    except (TypeError, ValueError) as error:
        raise UserError(
            f"checkpoint {path} was written by another version of this project; use that one, or "
            "train again"
        ) from error
