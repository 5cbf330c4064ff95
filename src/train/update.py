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
"""The end of a training step: gradients are clipped and the optimizer moves the parameters.

One operator for all parameters where there are native kernels: as plain operators these are several hundred
small ones, whose dispatch alone took an eighth of a step of MobileNetV2 on a CPU.
"""

from mindspore import nn, ops

from src.kernels import ops as kernels
from src.keys import TrainConfig
from src.train.optimizers import decay_of


class Update(nn.Cell):
    """gradients of the optimizer's parameters -> their global norm before clipping, a scalar; moves the parameters.

    The optimizer's rule gets g * min(1, limit / norm), g itself with a limit (train.clip_norm) of 0, plus decay *
    parameter but for AdamW, which decays by itself; g = 0 where the norm is not finite.

    Args:
        optimizer: `build_optimizer`'s; it keeps the state in either form.
        native: use the kernel.
    """

    def __init__(self, optimizer: nn.Optimizer, train: TrainConfig, native: bool):
        super().__init__(auto_prefix=False)  # parameters keep the optimizer's own names
        self.optimizer, self.parameters = optimizer, optimizer.parameters
        self.limit = float(train.clip_norm)
        decays = [decay_of(parameter, train) for parameter in optimizer.parameters]
        is_adam = isinstance(optimizer, nn.AdamWeightDecay)
        self.decays = [0.0] * len(decays) if is_adam else decays
        self.schedules, groups = _schedules(optimizer)
        self.fused = None
        if native and is_adam:
            kept, epsilon = (float(optimizer.beta1), float(optimizer.beta2)), float(optimizer.eps)
            self.fused = kernels.adamw(groups, decays, kept, epsilon, self.limit)
            self.state = (optimizer.moments1, optimizer.moments2)
        elif native:
            nesterov = isinstance(optimizer, nn.SGD)
            self.fused = kernels.momentum(groups, decays, train.momentum, nesterov, self.limit)
            self.state = (optimizer.accum if nesterov else optimizer.moments,)

    def construct(self, gradients):
        if self.fused is None:
            return self._by_operators(gradients)
        optimizer, rates = self.optimizer, ()
        for schedule in self.schedules:
            rates = rates + (schedule(optimizer.global_step).reshape(()),)
        optimizer.assignadd(optimizer.global_step, optimizer.global_step_increase_tensor)
        return self.fused(gradients, self.parameters, *self.state, ops.stack(rates)).reshape(())

    def _by_operators(self, gradients):
        norm = _global_norm(gradients)
        finite, factor = ops.isfinite(norm), ops.ones_like(norm)
        if self.limit > 0:
            factor = self.limit / ops.maximum(norm, self.limit)
        bounded = ()
        for i, g in enumerate(gradients):
            g = ops.select(finite, g * factor, ops.zeros_like(g))
            if self.decays[i] > 0:
                g = g + self.decays[i] * self.parameters[i]
            bounded = bounded + (g,)
        self.optimizer(bounded)
        return norm


def _schedules(optimizer: nn.Optimizer) -> tuple[nn.CellList, list[int]]:
    """The learning rates of the optimizer's groups, and the group of each parameter. As the optimizer has them, one for
    each parameter, they took a third of the memory of a MobileNetV2's training, for MindSpore's compiler."""
    each = list(optimizer.learning_rate)
    distinct = list({id(schedule): schedule for schedule in each}.values())
    return nn.CellList(distinct, auto_prefix=False), [distinct.index(schedule) for schedule in each]


def _global_norm(gradients):
    square = 0
    for g in gradients:
        square = square + (g * g).sum()
    return ops.sqrt(square)
