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
"""One training step as one graph: forward, gradients, their mean over workers, update.

A step whose gradients are not finite changes no parameter through them (they count as zero), so
that the loop can stop with the network as it was and name the layer.
"""

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from src.keys import TrainConfig
from src.methods.base import System
from src.runtime import Runtime
from src.train.losses import TaskLoss, relative_error
from src.train.update import Update


class Objective(nn.Cell):
    """(image, label, *draws) -> the `scalars`; `right` counts the images whose largest logit is the
    label's, the last three are zero without a controller or widths that are learned.

    Args:
        likeness: weight of the relative error of what the classifier reads (of several passes, in the
            first) against what the teacher's does.
    """

    scalars = ("loss", "right", "mean_bits", "bitops", "entropy")

    def __init__(
        self, system: System, task_loss: TaskLoss, teacher: nn.Cell | None, likeness: float = 0.0
    ):
        super().__init__(auto_prefix=False)  # parameters keep the network's own names
        self.network, self.monitor, self.penalty = system.network, system.monitor, system.penalty
        self.task_loss, self.teacher, self.likeness = task_loss, teacher, likeness
        self.budget = None if system.learned is None else system.learned.budget
        self.consistency, self.in_place = system.consistency, system.in_place
        if teacher is not None:
            # A graph cannot hold two parameters of one name, and the student's are named alike.
            for path, parameter in teacher.parameters_and_names():
                parameter.name = f"teacher.{path}"
        self.nothing = Tensor(np.float32(0))

    def construct(self, image, label, *draws):
        outputs = self.network(image, *draws)
        logits, teacher_logits = outputs["logits"], None
        if self.teacher is not None:
            taught = self.teacher(image)
            teacher_logits = ops.stop_gradient(taught["logits"])
        loss = self.task_loss(logits, label, teacher_logits)
        if self.teacher is not None and self.likeness > 0:
            wanted = ops.stop_gradient(taught["embedding"])
            loss = loss + self.likeness * relative_error(outputs["embedding"], wanted)
        right = (logits.argmax(1).astype(label.dtype) == label).astype(logits.dtype).sum()
        if self.consistency > 0:
            for other in outputs["others"]:
                other_loss = self.task_loss(other, label, teacher_logits)
                if self.in_place > 0:
                    apart = self.task_loss.distance(other, ops.stop_gradient(logits))
                    other_loss = (1 - self.in_place) * other_loss + self.in_place * apart
                loss = loss + self.consistency * other_loss
        if self.penalty is not None:
            loss = loss + self.penalty(outputs)
        if self.budget is not None:
            numbers = self.budget()
            loss = loss * numbers["factor"] + numbers["penalty"]
            return loss, right, numbers["mean_bits"], numbers["bitops"], self.nothing
        if self.monitor is None:
            return loss, right, self.nothing, self.nothing, self.nothing
        numbers = self.monitor(outputs["plan"], outputs["soft"])
        if "penalty" in numbers:
            loss = loss + numbers["penalty"]
        return loss, right, numbers["mean_bits"], numbers["bitops"], numbers["entropy"]

    def set_train(self, mode: bool = True):
        super().set_train(mode)
        if self.teacher is not None:
            self.teacher.set_train(False)
        return self


def build_step(objective: Objective, optimizer: nn.Optimizer, train: TrainConfig, runtime: Runtime):
    """A function (image, label, *draws) -> the objective's scalars and the gradient's global norm
    before clipping; updates the parameters."""
    parameters = optimizer.parameters
    gradient = ms.value_and_grad(objective, None, parameters, has_aux=True)
    average = nn.DistributedGradReducer(parameters) if runtime.workers > 1 else None
    update = Update(optimizer, train, runtime.native)

    def step(image, label, *draws):
        outputs, gradients = gradient(image, label, *draws)
        if average is not None:
            gradients = average(gradients)
        return outputs + (update(gradients),)

    return ms.jit(step) if runtime.graph else step


def with_experience(update, experience: nn.Cell, updates: int):
    """A function (image, label, *draws) -> what the last of `updates` calls of the step `update` gives, each
    of them with the values of one call of `experience`."""

    def step(image, label, *draws):
        values = experience(image, label, *draws)
        for _ in range(updates):
            outputs = update(*values)
        return outputs

    return step
