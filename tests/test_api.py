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
"""The scripts from Python: what they are asked for. That they do it, tests/examples shows."""

from types import SimpleNamespace

from src import api
from src.train.asked import Asked


def test_an_evaluation_is_asked_for_what_the_script_can_be(monkeypatch):
    trained = (None, None, None, None, SimpleNamespace(float_top1=-1.0))
    monkeypatch.setattr(api, "open_trained", lambda run, keys: trained)
    monkeypatch.setattr(api, "evaluate_as_asked", lambda *arguments: arguments[4])
    assert api.evaluate("run") == Asked()
    assert api.evaluate("run", split="val", bits=4, recalibrate=3) == Asked("val", 4, None, None, 3)
    assert api.evaluate("run", budget="250M", recalibrate=3) == Asked("test", None, None, 250e6, 3)
