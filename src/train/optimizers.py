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
"""The optimizers of `train.optimizer`: SGD with momentum, plain or Nesterov's, and AdamW."""

import mindspore as ms
import numpy as np
from mindspore import nn

from src.keys import TrainConfig
from src.parameters import assign

ADAMW = "adamw"


def build_optimizer(
    parameters: list[ms.Parameter], train: TrainConfig, rates: list[float]
) -> nn.Optimizer:
    """SGD with momentum, whose weight decay is `Update`'s, or AdamW; a parameter may carry an `lr_scale`."""
    is_adam = train.optimizer == ADAMW
    members: dict[tuple[float, float], list] = {}
    for parameter in parameters:
        own = decay_of(parameter, train) if is_adam else 0.0
        members.setdefault((getattr(parameter, "lr_scale", 1.0), own), []).append(parameter)
    groups = [
        {"params": group, "lr": [rate * scale for rate in rates]}
        | ({"weight_decay": own} if is_adam else {})
        for (scale, own), group in members.items()
    ]
    if is_adam:
        return nn.AdamWeightDecay(groups, rates, beta1=train.momentum)
    if train.nesterov:
        # MindSpore 2.10's Momentum ignores `use_nesterov` on CPU.
        optimizer = nn.SGD(groups, rates, train.momentum, nesterov=True)
        for first in optimizer.stat:  # "no step so far", which sets the momentum: it is zero then
            assign(first, np.zeros(first.shape))
        return optimizer
    return nn.Momentum(groups, rates, train.momentum)


def decay_of(parameter: ms.Parameter, train: TrainConfig) -> float:
    """Weight decay of convolution and dense weights alone, unless `train.decay_norms` and
    `train.decay_quantizers` say otherwise."""
    if getattr(parameter, "is_quantizer", False):
        decays = train.decay_quantizers
    else:
        decays = parameter.ndim > 1 or train.decay_norms
    return train.weight_decay if decays else 0.0
