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
"""The timing of a runner's steps."""

import math

import pytest

from src.bench.runner import Runner, take_turn
from src.errors import UserError
from tests.bench.counter import Counter


def test_a_turn_times_its_steps_alone():
    counter = Counter()
    answer = take_turn(counter.runner(), warm_up=2, steps=3)
    assert counter.steps == 5 and len(answer["ms"]) == 3
    assert answer["loss"] == 5.0
    assert answer["kernel_ms"] == {"conv": 6000.0}
    assert answer["peak_mb"] > 1


def test_a_loss_that_is_not_finite_is_no_time():
    with pytest.raises(UserError, match="not finite"):
        take_turn(Runner(lambda: math.nan), 0, 1)
