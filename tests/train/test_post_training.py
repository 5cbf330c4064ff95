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
import numpy as np
import pytest

from src.config import load_config
from src.data import load
from src.methods import build_system
from src.models import build_model
from src.models.network import Network
from src.train import post_training

pytestmark = pytest.mark.usefixtures("pynative")


@pytest.mark.parametrize("even", [False, True])
def test_both_networks_have_even_channels_if_asked(even, monkeypatch):
    """Else the float network's values would not be those that the quantised one is to have."""
    networks = []
    monkeypatch.setattr(post_training, "quantise_network", lambda *given: networks.extend(given[:2]))
    config = load_config(None, [
        "method.name=static", "model.name=resnet8", "data.image_size=8", "device.native=off",
        "quant.quantizer=lsq", "quant.ptq_images=8", f"quant.equalise={even}",
    ])  # fmt: skip
    digits = load("digits", None, "train", image_size=8)
    system, float_network = build_system(config, 10, 8, native=False)[0], Network(build_model(config.model, 10))
    post_training.quantise_untrained(config, system, float_network, digits)
    for network in networks:
        peaks = np.abs(network.backbone.node("layer1.0.conv1").cell.weight.asnumpy()).max((1, 2, 3))
        assert (np.ptp(peaks) < 1e-6) == even
    assert [network.backbone for network in networks] == [float_network.backbone, system.network.backbone]
