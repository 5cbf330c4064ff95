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

"""Which cases a run has, and their configuration."""

import pytest

from src.bench.arguments import parse
from src.bench.case import Case
from src.bench.cases import list_cases, overrides
from src.config import load_config
from src.cores import cores
from src.errors import UserError


def listed(**changes) -> list[Case]:
    options = {
        "model": "resnet20", "batch": 4, "image_size": None, "kinds": ["float", "static"],
        "bits": 4, "runners": ["native"], "peers": ["torch"], "threads": 0, "isa": "",
    }  # fmt: skip
    return list_cases(**{**options, **changes})


def test_kinds_by_runners_and_both_layouts_of_a_peer():
    names = [case.name for case in listed()]
    assert names == [
        "float native", "float torch", "float torch-channels_last",
        "static native", "static torch", "static torch-channels_last",
    ]  # fmt: skip


def test_short_gradients_are_timed_where_there_are_any():
    cases = listed(kinds=["float", "static"], runners=["native", "native-int16"], peers=[])
    assert [c.name for c in cases] == ["float native", "static native", "static native-int16"]
    types = [load_config(overrides=overrides(c)).device.gradient_dtype for c in cases]
    assert types == ["float32", "float32", "int16"]


def test_the_slow_operators_of_the_framework_are_timed_on_demand_alone():
    assert parse("", ["step"]).runners == ["native", "native-int16"]
    assert parse("", ["step", "--runners", "portable"]).runners == ["portable"]


def test_defaults_follow_model_and_machine():
    small, large = listed()[0], listed(model="resnet18")[0]
    assert (small.image_size, small.num_classes) == (32, 10)
    assert (large.image_size, large.num_classes) == (224, 1000)
    assert listed(model="resnet18_cifar")[0].image_size == 32
    assert small.threads == cores() and listed(threads=3)[0].threads == 3


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"model": "resnet21"}, ["--model resnet21", "resnet20"]),
        ({"kinds": ["floats"]}, ["--kinds floats", "static"]),
        ({"runners": ["torch"]}, ["--runners torch", "portable"]),
        ({"peers": ["jax"]}, ["--peers jax", "torch"]),
        ({"batch": 1}, ["--batch 1", "at least 2"]),
        ({"bits": 2}, ["--bits 2", "at least 3"]),
        ({"bits": 8}, ["--bits 8", "at most 7"]),
        ({"threads": -1}, ["--threads -1"]),
    ],
)
def test_bad_options_are_named(changes, words):
    with pytest.raises(UserError) as error:
        listed(**changes)
    assert all(word in str(error.value) for word in words)


def test_our_cases_are_configurations_of_training():
    case = Case("dynamic", "portable", "resnet8", 4, 32, 5, 2)
    config = load_config(overrides=overrides(case))
    assert (config.method.name, config.quant.quantizer, config.dqnet.target) == (
        "dqnet", "dorefa", 5,
    )  # fmt: skip
    assert (config.model.name, config.data.batch_size) == ("resnet8", 4)
    assert (config.device.native, config.device.threads) == ("off", 2)
    config = load_config(overrides=overrides(Case("static", "native", "resnet8", 4, 32, 3, 1)))
    assert (config.method.name, config.quant.quantizer) == ("static", "lsq")
    assert (config.quant.w_bits, config.quant.a_bits, config.device.native) == (3, 3, "on")
