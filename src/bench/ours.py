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
"""Our own training step on fixed synthetic images, built and run by the code that trains.

`Trainer` makes objective, optimizer and graph, and waits for the kernels as in a training run.
"""

from types import SimpleNamespace

import mindspore as ms
import numpy as np

from src import kernels
from src.bench.case import Case
from src.bench.cases import overrides
from src.bench.runner import Runner
from src.config import load_config
from src.methods import build_system
from src.methods.base import Stage
from src.runtime import start
from src.train.batches import Loaders
from src.train.calibrate import calibrate
from src.train.checkpoints import RunState
from src.train.trainer import Trainer

LEARNING_RATE = 0.01
SEED = 1
MOST_STEPS = 100_000  # length of the table of learning rates
CALIBRATION = 8  # images that learned steps are set from; a batch would only raise the peak memory


def build_ours(case: Case) -> Runner:
    """The native or the portable step.

    Raises:
        UserError: the native kernels cannot be built here, or the image is too small.
    """
    config = load_config(overrides=overrides(case))
    runtime = start(config.device, SEED)
    system, _ = build_system(config, case.num_classes, case.image_size, runtime.native)
    images, labels = synthetic(case)
    rng = np.random.default_rng(SEED)
    some = images[:CALIBRATION]
    calibrate(system.network, (some, *system.drawn(rng, len(some), train=True)), runtime)
    batch = SimpleNamespace(images=images, labels=labels)
    draws = system.drawn(rng, case.batch, train=True)
    name = config.method.name
    trainer = Trainer(
        Stage(name, name, 1, LEARNING_RATE), system, config, None, runtime,
        Loaders(_Steps(), None, False), None, RunState(name, case.batch, case.batch),
    )  # fmt: skip
    trainer.objective.set_train(True)

    def step() -> float:
        # All results, as the training loop reads them for its log.
        return [float(v.asnumpy()) for v in trainer.one_step(batch, draws)][0]

    about = {"isa": case.isa, "version": f"mindspore {ms.__version__}", "threads": case.threads}
    if not runtime.native:
        return Runner(step, about)
    about |= {"isa": kernels.isa(), "threads": kernels.threads()}
    return Runner(step, about, _kernel_seconds)


def synthetic(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, S, S) of standard normal float32 and labels (N,) int32."""
    rng = np.random.default_rng(SEED)
    images = rng.standard_normal((case.batch, 3, case.image_size, case.image_size), np.float32)
    return images, rng.integers(0, case.num_classes, case.batch).astype(np.int32)


def _kernel_seconds() -> dict[str, float]:
    return {kind: seconds for kind, (seconds, _) in kernels.profile().items()}


class _Steps:
    """Stands for a loader where a stage only asks for the number of steps."""

    def __len__(self) -> int:
        return MOST_STEPS
