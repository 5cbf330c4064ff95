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

"""`build_system`: number of classes, seeds, float weights, and the method's name."""

import mindspore as ms
import numpy as np
import pytest

from src.config import load_config
from src.errors import UserError
from src.methods import build_system

BASE = ["model.name=resnet8", "dqnet.pool=2"]


def test_classes_come_from_the_data_unless_given():
    for overrides, expected in (([], 7), (["model.num_classes=9"], 9)):
        built, loaded = build_system(load_config(None, BASE + overrides), 7, 8, native=False)
        assert built.network.cell("fc").weight.shape == (expected, 64)
        assert loaded.table == []


def test_fewer_outputs_than_classes_are_refused():
    config = load_config(None, [*BASE, "model.num_classes=3"])
    with pytest.raises(UserError, match=r"model\.num_classes=3: the data set has 7 classes"):
        build_system(config, 7, 8, native=False)


def test_a_new_head_needs_weights_to_start_from():
    with pytest.raises(UserError, match=r"model\.head=new needs model\.weights"):
        load_config(None, ["model.head=new"])


def test_seed_decides_the_first_weights():
    def weights(seed):
        config = load_config(None, [*BASE, f"train.seed={seed}"])
        built, _ = build_system(config, 10, 8, native=False)
        return built.network.cell("layer3.0.conv1").weight.asnumpy().copy()

    np.testing.assert_array_equal(weights(3), weights(3))
    assert (weights(3) != weights(4)).any()


def test_float_weights_are_loaded_before_layers_are_swapped(tmp_path):
    """So that LSQ's first weight steps come from the loaded weights."""
    source = load_config(None, [*BASE, "train.seed=9"])
    start, _ = build_system(source, 10, 8, native=False, method="float")
    ms.save_checkpoint(start.network, str(tmp_path / "float.ckpt"))
    overrides = [*BASE, f"model.weights={tmp_path / 'float.ckpt'}", "quant.quantizer=lsq"]
    built, loaded = build_system(load_config(None, overrides), 10, 8, native=False)
    assert len(loaded.table) == len(list(start.network.get_parameters()))
    layer, first = built.network.cell("layer2.0.conv1"), start.network.cell("layer2.0.conv1")
    w = first.weight.asnumpy()
    np.testing.assert_array_equal(layer.weight.asnumpy(), w)
    steps = [[2 * np.abs(w).mean() / np.sqrt(top)] for top in (3, 7, 15)]
    np.testing.assert_allclose(layer.weight_quantizer.step.asnumpy(), steps, rtol=1e-5)
