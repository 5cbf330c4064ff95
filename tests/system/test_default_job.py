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

"""The default job, whole: what a stranger sees first is a network that tells images apart."""

import numpy as np
import pytest

from tests.system.runs import ROOT, finished, last_json, script

RECIPE = ROOT / "config" / "resnet8_digits_dqnet_4bit.yaml"


@pytest.mark.slow
def test_the_default_job_learns_and_its_controller_chooses(tmp_path):
    numbers = last_json(
        finished(script("train.py", "--config", RECIPE, f"run.dir={tmp_path / 'run'}"))
    )
    assert numbers["top1"] > 0.97
    assert not numbers["collapsed"]
    assert numbers["mean_bits"] < 4.1
    plans = np.unique(np.load(tmp_path / "run/eval/test.npz")["w_bits"], axis=0)
    assert len(plans) > 5
