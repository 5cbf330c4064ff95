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
"""The network that a run has trained, built again and filled from its checkpoint."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from src.config import Config
from src.methods import METHODS, build_system
from src.methods.base import Stage, System
from src.models.weights import LoadedWeights
from src.runtime import Runtime, start
from src.train.batches import load_split, open_loaders
from src.train.checkpoints import RunState, load_checkpoint, read_state
from src.train.recalibrate import recalibrate
from src.train.run_folder import RunFolder, open_run

LOG = logging.getLogger("dynquant")
RANDOM = "random"  # in place of the file that weights came from


class Trained(NamedTuple):
    """A run with its network."""

    folder: RunFolder
    config: Config
    runtime: Runtime
    system: System
    state: RunState


def open_trained(run: str | Path, overrides: Sequence[str] = ()) -> Trained:
    """A run folder and `load_trained` of it, on the device that its configuration names. UserError: as
    `open_run`, or there is no checkpoint that can be read."""
    folder, config = open_run(run, overrides)
    runtime = start(config.device, config.train.seed)
    return Trained(folder, config, runtime, *load_trained(folder, config, runtime))


def load_trained(folder: RunFolder, config: Config, runtime: Runtime) -> tuple[System, RunState]:
    """The system with the run's best (or last) weights, and where the run stands.

    Of a run that stopped in an earlier stage of its method, that stage's network.
    """
    config.model.weights = config.model.head_weights = None  # the checkpoint holds everything
    stages = {stage.name: stage for stage in METHODS[config.method.name].stages(config)}
    reached = stages.get(read_state(folder.model_checkpoint).stage)
    if reached is not None and reached.builds != config.method.name and runtime.is_main:
        LOG.warning(
            "WARNING: this run stopped in stage %s: its network is float, method.name=%s has not begun",
            reached.name, config.method.name,
        )  # fmt: skip
    system, _ = _built(config, runtime, reached)
    load_checkpoint(folder.model_checkpoint, system.network)
    last = folder.last if folder.last.is_file() else folder.model_checkpoint
    return system, read_state(last)


def fresh_system(config: Config, runtime: Runtime) -> tuple[System, str]:
    """The system with `model.weights`, and that file, or RANDOM, which is said aloud.

    Random networks are of use (they cost and run like others), but their answers are not.
    """
    system, loaded = _built(config, runtime)
    if config.model.weights and not loaded.new_head:
        return system, config.model.weights
    why = f"its classifier is new, {loaded.new_head}" if loaded.new_head else "model.weights is not set"
    if runtime.is_main:
        LOG.warning("WARNING: this network is random, and so are its answers: %s", why)
    return system, RANDOM


def _built(
    config: Config, runtime: Runtime, stage: Stage | None = None
) -> tuple[System, LoadedWeights]:
    """For the configured data set; the network of a stage in place of what the method ends with."""
    dataset = load_split(config, "test")
    builds, build = (stage.builds, stage.build) if stage is not None else (None, None)
    return build_system(
        config, dataset.num_classes, dataset.image_size, runtime.native, builds, build, dataset.classes
    )


def renew_statistics(config: Config, system: System, runtime: Runtime, batches: int | None) -> None:
    """Running statistics anew from so many training batches, if eval.py or export.py is asked for it."""
    if batches is not None:
        train_set = load_split(config, "train")
        recalibrate(system, open_loaders(config, runtime, train_set).train, runtime, batches)
