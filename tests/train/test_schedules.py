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

"""Learning rates of every step, against values worked out by hand."""

import numpy as np
import pytest

from src.keys import TrainConfig
from src.train.schedules import learning_rates


def rates(epochs=4, steps=5, **options):
    return learning_rates(TrainConfig(**options), 0.8, epochs, steps)


def test_constant():
    assert rates(schedule="constant") == [0.8] * 20


def test_cosine_starts_at_the_peak_and_ends_at_zero():
    got = rates(schedule="cosine", epochs=1, steps=5)
    expected = [0.8, 0.4 * (1 + 0.5**0.5), 0.4, 0.4 * (1 - 0.5**0.5), 0]
    np.testing.assert_allclose(got, expected, atol=1e-15)
    assert rates(schedule="cosine", epochs=1, steps=1) == [0.8]


def test_multistep_drops_after_each_milestone():
    got = rates(schedule="multistep", milestones=[2, 3], gamma=0.5)
    np.testing.assert_allclose(got, [0.8] * 10 + [0.4] * 5 + [0.2] * 5)


def test_warmup_rises_linearly_to_the_peak():
    got = rates(schedule="cosine", epochs=2, steps=4, warmup_epochs=1.0)
    np.testing.assert_allclose(got[:4], [0.2, 0.4, 0.6, 0.8])
    np.testing.assert_allclose(got[4:], 0.4 * (1 + np.cos(np.pi * np.arange(4) / 3)), atol=1e-15)
    assert rates(schedule="constant", warmup_epochs=0.4)[:3] == pytest.approx([0.4, 0.8, 0.8])


def test_warmup_longer_than_the_training():
    got = rates(schedule="cosine", epochs=1, steps=2, warmup_epochs=9)
    np.testing.assert_allclose(got, [0.4, 0.8])


def test_no_epochs_no_rates():
    assert rates(epochs=0) == []
