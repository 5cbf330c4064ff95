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
"""At which widths an export holds a network: the rungs of a ladder, or one width."""

import argparse

from src.cost.ladder import Ladder
from src.errors import UserError
from src.methods.base import System


def escalates(options: argparse.Namespace, system: System) -> bool:
    """Whether an export is of the rungs of a ladder, if there is one: where that is asked for, and a
    bundle of a network whose widths come from outside."""
    return options.escalate or (options.bundle and _are_given(system))


def settle(options: argparse.Namespace, system: System, ladder: Ladder | None) -> None:
    """Hold a network whose widths come from outside at its widest, where it becomes graphs without a
    ladder.

    Args:
        ladder: of the run, if `escalates`, else None.

    Raises:
        UserError: there is no ladder where one is asked for, or it was fitted to other statistics.
    """
    if ladder is None and options.escalate:
        raise UserError(
            "--escalate needs the ladder of a run (ladder.json), which says when an image goes on; "
            "python eval.py --run RUN --budget X makes it"
        )
    if ladder is not None and options.recalibrate is not None:
        raise UserError(
            f"--recalibrate {options.recalibrate}: the ladder's thresholds were set without it; leave it out, "
            "or export one width (--bits)"
        )
    if ladder is None and options.format != "int" and _are_given(system):
        system.forced = len(system.widths) - 1


def _are_given(system: System) -> bool:
    return system.forced is None and system.controller is not None and not system.controller.looks
