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
"""Learning rate per step: linear warm-up, then cosine, multi-step or constant."""

import math

from src.keys import TrainConfig


def learning_rates(train: TrainConfig, lr: float, epochs: int, steps_per_epoch: int) -> list[float]:
    """One rate per step.

    Warm-up rises linearly to `lr` over `warmup_epochs`; cosine then falls to 0 at the last step,
    multi-step multiplies by `gamma` after each milestone (in epochs, counted from the start).
    """
    total = epochs * steps_per_epoch
    warmup = min(round(train.warmup_epochs * steps_per_epoch), total)
    rates = [lr * (step + 1) / warmup for step in range(warmup)]
    for step in range(warmup, total):
        if train.schedule == "cosine":
            done = (step - warmup) / max(1, total - warmup - 1)
            rates.append(lr * 0.5 * (1 + math.cos(math.pi * done)))
        elif train.schedule == "multistep":
            passed = sum(step >= m * steps_per_epoch for m in train.milestones)
            rates.append(lr * train.gamma**passed)
        else:
            rates.append(lr)
    return rates
