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
"""What a command line wishes for."""

import argparse
import json

import pytest

from src.cost.latency import LatencyTable
from src.engine.wish import Wish, add_options, as_wish, wish_of
from src.errors import UserError

TABLE = LatencyTable("a machine", "avx2", 1, 0.5, 0.1, ())


def test_wishes_of_a_command_line():
    assert as_wish(None, "250M", "1G") == Wish(None, 250e6, 1e9)
    assert as_wish(4, None, None) == Wish(bits=4)
    with pytest.raises(UserError, match="--bits 4 and --budget 1M"):
        as_wish(4, "1M", None)
    with pytest.raises(UserError, match="--budget much"):
        as_wish(None, "much", None)


def test_from_python_amounts_may_be_texts():
    assert Wish(budget="250M", max_bitops=1e9) == Wish(budget=250e6, max_bitops=1e9)
    with pytest.raises(UserError, match="budget much: expected a number above 0"):
        Wish(budget="much")


def test_a_plan_goes_with_nothing_else():
    assert as_wish(None, None, None, plan="p.json") == Wish(plan="p.json")
    with pytest.raises(UserError, match="--bits 4 and --plan p.json"):
        as_wish(4, None, None, plan="p.json")
    with pytest.raises(UserError, match="--plan p.json and --budget 1M: fixed widths have one cost"):
        as_wish(None, "1M", None, plan="p.json")


def test_a_cap_in_milliseconds_needs_a_table(tmp_path):
    assert as_wish(None, None, None, "0.3", TABLE) == Wish(max_ms=0.3, table=TABLE)
    with pytest.raises(UserError, match="--max-ms 0.3 needs this machine's latencies"):
        as_wish(None, None, None, "0.3")
    with pytest.raises(UserError, match="--max-bitops 1M and --max-ms 2: an image has one cap"):
        as_wish(None, None, "1M", "2", TABLE)
    parser = argparse.ArgumentParser()
    add_options(parser)
    (tmp_path / "table.json").write_text(json.dumps({"table": TABLE.as_dict()}))
    options = parser.parse_args(["--max-ms", "0.3", "--latency", str(tmp_path / "table.json")])
    assert wish_of(options) == Wish(max_ms=0.3, table=TABLE)
