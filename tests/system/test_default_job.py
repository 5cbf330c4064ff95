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

"""The default job, whole: what a stranger sees first is a network that answers hard images twice."""

import json

import numpy as np
import pytest

from tests.system.runs import ROOT, finished, last_json, script

RECIPE = ROOT / "config" / "resnet8_digits_abn_234bit.yaml"


@pytest.mark.slow
def test_the_default_job_learns_and_saves_bits(tmp_path):
    run = tmp_path / "run"
    numbers = last_json(finished(script("train.py", "--config", RECIPE, f"run.dir={run}")))
    assert numbers["top1"] > 0.97
    assert numbers["top1"] >= numbers["baseline"]["float"]["top1"] - 2.5 / numbers["images"]
    assert numbers["bitops"] < 0.5 * numbers["bitops_static"]["4"]
    ladder = json.loads((run / "ladder.json").read_text(encoding="utf-8"))
    assert ladder["bits"] == [2, 3, 4] and ladder["rows"]
    rung = np.load(run / "eval/test.npz")["rung"]
    assert (rung == 0).mean() > 0.5
