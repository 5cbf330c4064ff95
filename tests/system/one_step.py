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

"""Started by test_distributed.py: one training step, alone or as one of several workers.

usage: one_step.py OUT.npz BATCH      writes the parameters' changes, rank 0 alone

Rate 1, no momentum, no weight decay: a change is minus the gradient, averaged over the workers.
Normalisation statistics are frozen, so that an image's gradient does not depend on its batch.
"""

import sys

import numpy as np
from mindspore import Tensor

from src.config import load_config
from src.data import Loader
from src.layers.norm import freeze_statistics
from src.methods import build_system
from src.runtime import broadcast_parameters, start, sum_over_workers
from src.train.loop import load_split
from src.train.losses import TaskLoss
from src.train.optimizers import build_optimizer
from src.train.step import Objective, build_step

OVERRIDES = [
    "model.name=resnet8", "method.name=float", "data.image_size=8", "device.native=off",
    "train.momentum=0", "train.weight_decay=0",
]  # fmt: skip


def main(out: str, batch_size: int) -> None:
    config = load_config(None, OVERRIDES)
    runtime = start(config.device, config.train.seed)
    # Each worker starts elsewhere; the broadcast must put that right.
    config.train.seed += runtime.rank
    method, _ = build_system(config, 10, 8, native=False)
    broadcast_parameters(runtime, method.network)
    freeze_statistics(method.network)
    loader = Loader(
        load_split(config, "train"), batch_size, train=True, seed=3,
        rank=runtime.rank, world=runtime.workers,
    )  # fmt: skip
    optimizer = build_optimizer(method.network.trainable_params(), config.train, [1.0])
    objective = Objective(method, TaskLoss(), None).set_train()
    step = build_step(objective, optimizer, config.train, runtime)
    before = {p.name: p.asnumpy().copy() for p in method.network.get_parameters()}
    batch = next(iter(loader.epoch(1)))
    loss = step(Tensor(batch.images), Tensor(batch.labels))[0]
    change = {p.name: p.asnumpy() - before[p.name] for p in method.network.get_parameters()}
    loss = sum_over_workers(runtime, loss.asnumpy().reshape(1)) / runtime.workers
    if runtime.is_main:
        np.savez(out, loss=loss, **change)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
