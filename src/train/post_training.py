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
"""A stage without epochs (`train.epochs=0`): the network is quantised, not trained (src/ptq)."""

import logging
import time

import numpy as np

from src.config import Config
from src.data import Dataset, Loader
from src.methods.base import FLOAT, Stage, System
from src.models.equalise import equalise
from src.models.geometry import describe
from src.models.network import Network
from src.ptq.quantise import quantise_network

LOG = logging.getLogger("dynquant")
BATCH = 32  # images that a cell gets at once
LARGEST = 3 << 30  # bytes that the values of both networks may take
HELD = 6  # values of the largest size at once: what a cell reads, a residual and what it gives, twice


def is_quantised_so(stage: Stage, system: System) -> bool:
    """Whether a stage is without epochs, and its network one with fixed widths."""
    fixed = system.controller is None and system.learned is None
    return stage.epochs == 0 and stage.builds != FLOAT and fixed


def quantise_untrained(config: Config, system: System, float_network: Network, train_set: Dataset) -> None:
    """Quantise the system's network, in place, from some training images, as evaluation sees them.

    Args:
        float_network: the network that it starts from, with the same weights.
    """
    quant, seed = config.quant, config.train.seed
    images = _images(config, float_network, train_set)
    count = sum(map(len, images))
    LOG.info("nothing is trained (train.epochs=0): quantising from %d training images ...", count)
    if config.model.weights is None:
        LOG.warning("WARNING: this network is random, and so are its answers: model.weights is not set")
    if quant.quantizer == "dorefa":
        LOG.warning(
            "quant.quantizer=dorefa has no steps to search: it clips inputs at 1, and expects a network "
            "that was trained so; lsq and nested fit any"
        )
    if quant.equalise:
        equalise(float_network.backbone)
    start = time.perf_counter()
    quantise_network(float_network, system.network, images, quant, seed)
    LOG.info("quantised in %.1f s", time.perf_counter() - start)


def _images(config: Config, float_network: Network, train_set: Dataset) -> list[np.ndarray]:
    """Batches of images, the same ones for every worker and whenever the seed is the same."""
    geometry = describe(float_network.backbone, train_set.image_size)
    largest = 4 * max(value.size for value in geometry.values)
    most = max(1, LARGEST // (HELD * largest))
    count = min(config.quant.ptq_images, most, len(train_set))
    batch = min(BATCH, count)
    loader = Loader(
        train_set, batch, train=True, seed=config.train.seed, workers=config.data.workers, augment=False
    )
    return [b.images for _, b in zip(range(count // batch), loader.epoch(0), strict=False)]
