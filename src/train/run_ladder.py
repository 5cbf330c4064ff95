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
"""The ladder of a run: fitted to held-out training images, never to the test set, and kept beside it."""

import json

import numpy as np

from src.config import Config
from src.cost.ladder import Ladder, fit
from src.errors import UserError
from src.methods.base import System
from src.runtime import Runtime
from src.train.batches import eval_loader, load_split
from src.train.escalate import Rungs, bare_ladder
from src.train.run_folder import RunFolder

LADDER = "ladder.json"


def can_be_fitted(config: Config, system: System) -> bool:
    """Whether the network runs at several uniform widths, and there are images to set thresholds on."""
    return len(system.widths) > 1 and config.data.val_split > 0


def fit_ladder(config: Config, system: System, runtime: Runtime) -> Ladder:
    """From the answers of the network at each of its widths.

    Raises:
        UserError: it has one width only, or no images were held out.
    """
    if not can_be_fitted(config, system):
        lacks = "no image was held out from training (data.val_split=0)"
        if len(system.widths) < 2:
            lacks = "this network does not run at several widths"
        raise UserError(f"escalation needs rungs and thresholds: {lacks}")
    loader = eval_loader(config, runtime, load_split(config, "val"))
    rungs = Rungs(system, loader, runtime)
    answers = [rungs[bits] for bits in system.widths]
    margins, right = (np.stack([getattr(a, name) for a in answers]) for name in ("margin", "right"))
    bare = bare_ladder(system)
    return fit(bare.bits, bare.costs, bare.again, margins, right)


def read_ladder(folder: RunFolder, system: System) -> Ladder | None:
    """What the run keeps, if anything.

    Raises:
        UserError: it is damaged, or another network's.
    """
    path = folder.path / LADDER
    if not path.is_file():
        return None
    way_out = "delete it, and eval.py --budget will make it again"
    try:
        ladder = Ladder.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, UserError) as error:
        raise UserError(f"{path} holds no ladder: {error}; {way_out}") from error
    bare = bare_ladder(system)
    if (ladder.bits, ladder.costs, ladder.again) != (bare.bits, bare.costs, bare.again):
        raise UserError(
            f"{path} is of another network: its widths or their costs differ; {way_out}"
        )
    return ladder


def write_ladder(folder: RunFolder, ladder: Ladder) -> None:
    """Keep it with the run."""
    folder.write_json(LADDER, ladder.as_dict())


def forget_ladder(folder: RunFolder) -> None:
    """Of weights that training goes on with."""
    if not folder.quiet:
        (folder.path / LADDER).unlink(missing_ok=True)


def stand_for(ladder: Ladder | None, system: System) -> None:
    """Let a network whose widths do not depend on the image escalate, where there is a ladder."""
    if ladder is not None and not system.chooses and system.forced is None:
        system.climbing = ladder.cheapest_like_top()
