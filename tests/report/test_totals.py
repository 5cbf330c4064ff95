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
"""What totals say, and that what they lack or hold in another form is unknown, not an error."""

import pytest

from src.report.totals import baselines, bitops_spread, float_top1, net_bitops, static_bitops

TOTALS = {
    "bitops": 30.0, "bitops_static": {"2": 10, "4": 40}, "bitops_p5": 20.0, "bitops_p95": 35.0,
    "baseline": {"float": {"top1": 0.9}, "other": 3},
}  # fmt: skip


def test_what_is_known():
    assert (net_bitops(TOTALS), static_bitops(TOTALS, 4)) == (30, 40)
    assert bitops_spread(TOTALS) == (20, 35)
    assert baselines(TOTALS) == {"float": {"top1": 0.9}}
    assert float_top1(TOTALS) == 0.9


@pytest.mark.parametrize(
    "totals",
    [
        {},
        {"bitops": None, "bitops_static": None, "bitops_p5": None, "baseline": None},
        {"bitops": float("nan"), "bitops_static": {"4": "x"}, "bitops_p5": 1, "baseline": [1]},
        {"bitops": 0.0, "bitops_p5": 0.0, "bitops_p95": 0.0, "baseline": {"float": {"top1": ""}}},
    ],
    ids=["empty", "nothing", "damaged", "a float net"],
)
def test_what_is_not(totals):
    assert net_bitops(totals) is None and static_bitops(totals, 4) is None
    assert bitops_spread(totals) is None
    assert float_top1(totals) is None
