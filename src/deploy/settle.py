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
"""At which widths an export holds a network: its controller's, the rungs of a ladder, or one plan."""

import argparse

from src.cost.ladder import Ladder
from src.errors import UserError
from src.methods.base import System


def settle(options: argparse.Namespace, system: System, ladder: Ladder | None) -> Ladder | None:
    """The ladder that an export holds, or None.

    An artefact holds one beside everything else. A bundle or ONNX files hold its rungs where they are
    asked for; so does a bundle of a network whose widths come from outside. Without a ladder such a
    network is held at its widest, here, where it becomes graphs.

    Args:
        ladder: of the run, if it has one.

    Raises:
        UserError: there is none where one is asked for, or it was fitted to other statistics.
    """
    given = system.forced is None and system.controller is not None and not system.controller.looks
    in_rungs = options.escalate or (options.bundle and given)
    if ladder is None and options.escalate:
        raise UserError(
            "--escalate needs the ladder of a run (ladder.json), which says when an image goes on; "
            "python eval.py --run RUN --budget X makes it"
        )
    if ladder is not None and in_rungs and options.recalibrate is not None:
        raise UserError(
            f"--recalibrate {options.recalibrate}: the ladder's thresholds were set without it; leave it out, "
            "or export one width (--bits)"
        )
    if options.format == "int":
        return ladder if options.recalibrate is None else None
    if in_rungs and ladder is not None:
        return ladder
    if given:
        system.forced = len(system.widths) - 1
    return None
