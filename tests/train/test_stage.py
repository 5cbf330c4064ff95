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

"""What a stage says of its controller."""

import logging
from types import SimpleNamespace

from src.train.stage import Stage


def test_a_collapse_is_told_once_and_so_is_its_end(caplog):
    stage = SimpleNamespace(is_collapsed=False)
    with caplog.at_level(logging.INFO, logger="dynquant"):
        for is_collapsed in (False, True, True, False, False, True):
            Stage._tell_collapse(stage, is_collapsed)
    told = [record.message.split(":")[0] for record in caplog.records]
    again = "the controller chooses between images again"
    assert told == ["the controller has collapsed", again, "the controller has collapsed"]
