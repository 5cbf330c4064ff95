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
"""At which widths an export holds a network."""

from argparse import Namespace
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from src.cost.ladder import Ladder, Row
from src.deploy.settle import settle
from src.errors import UserError

LADDER = Ladder((2, 4), (1, 3), (1, 3), (0.5, 0.9), (Row((4,), (), 3, 0.9),))


@dataclass
class System:
    """What `settle` asks of one."""

    widths: tuple = (2, 4)
    forced: int | None = None
    controller: SimpleNamespace | None = field(default_factory=lambda: SimpleNamespace(looks=True))


def given(**options) -> System:
    """Its plans come from outside."""
    return System(controller=SimpleNamespace(looks=False), **options)


def asked(**options) -> Namespace:
    return Namespace(**{"format": "mindir", "bundle": False, "escalate": False, "recalibrate": None, **options})


@pytest.mark.parametrize(
    "options, system, ladder, held",
    [
        (asked(format="int"), System(), LADDER, (LADDER, None)),
        (asked(format="int"), given(), None, (None, None)),
        (asked(format="int", recalibrate=9), System(), LADDER, (None, None)),
        (asked(bundle=True), System(), LADDER, (None, None)),
        (asked(bundle=True, escalate=True), System(), LADDER, (LADDER, None)),
        (asked(format="onnx", escalate=True), given(), LADDER, (LADDER, None)),
        (asked(bundle=True), given(), LADDER, (LADDER, None)),
        (asked(bundle=True), given(), None, (None, 1)),
        (asked(bundle=True), given(forced=0), LADDER, (None, 0)),
        (asked(format="onnx"), given(), LADDER, (None, 1)),
        (asked(), given(), LADDER, (None, 1)),
        (asked(), System(widths=(), controller=None), None, (None, None)),
    ],
)
def test_what_is_held(options, system, ladder, held):
    assert (settle(options, system, ladder), system.forced) == held


@pytest.mark.parametrize(
    "options, ladder, words",
    [
        (asked(bundle=True, escalate=True), None, "--escalate needs .* eval.py --run RUN --budget X"),
        (asked(bundle=True, escalate=True, recalibrate=3), LADDER, "--recalibrate 3: .*--bits"),
    ],
)
def test_what_cannot_be(options, ladder, words):
    with pytest.raises(UserError, match=words):
        settle(options, System(), ladder)
