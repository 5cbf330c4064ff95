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
"""Which cases of inference take turns."""

import pytest

from src.bench.arguments import parse
from src.bench.infer_case import list_groups
from src.errors import UserError


def groups(*arguments: str) -> list:
    return list_groups(parse("", ["infer", *arguments]))


def test_a_group_for_each_model_batch_and_count_of_threads():
    found = groups("--model", "resnet20,resnet50", "--threads", "1,2")
    heads = [(group[0].model, group[0].image_size, group[0].batch, group[0].threads) for group in found]
    assert heads == [
        ("resnet20", 32, 1, 1), ("resnet20", 32, 1, 2), ("resnet20", 32, 64, 1), ("resnet20", 32, 64, 2),
        ("resnet50", 224, 1, 1), ("resnet50", 224, 1, 2), ("resnet50", 224, 8, 1), ("resnet50", 224, 8, 2),
    ]  # fmt: skip


def test_all_kinds_with_peers_where_they_can_run():
    (group,) = groups("--batch", "1", "--threads", "1", "--peers", "litert,torch")
    assert [(case.kind, case.runner, case.bits, case.plan) for case in group] == [
        ("static", "native", 8, ""), ("static", "native", 4, ""), ("static", "native", 2, ""),
        ("static", "litert", 8, ""), ("static", "torch", 8, ""),
        ("dynamic", "native", 4, ""), ("dynamic", "native", 8, ""), ("dynamic", "native", 6, "mix"),
        ("escalating", "native", 2, ""), ("escalating", "native", 4, ""), ("escalating", "native", 3, "mix"),
        ("float", "litert", 32, ""), ("float", "torch", 32, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--model", "resnet9"], "--model resnet9: allowed are resnet8"),
        (["--kinds", "fixed"], "--kinds fixed: allowed are static"),
        (["--peers", "tvm"], "--peers tvm: allowed are onnxruntime"),
        (["--batch", "0"], "--batch 0: must be at least 1"),
        (["--threads", "0"], "--threads 0"),
        (["--bits", "9"], "--bits 9: allowed are 2 to 8"),
    ],
)
def test_what_cannot_be_asked(arguments, words):
    with pytest.raises(UserError, match=words):
        groups(*arguments)
