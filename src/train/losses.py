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
"""The task loss: cross entropy with label smoothing, mixed with distillation from a float teacher.

    L = (1 - w) CE(y, label) + w T^2 KL(softmax(y_t / T) || softmax(y / T)) + v |f - f_t|^2 / |f_t|^2

f, f_t: what the classifiers of network and teacher read. It says far more of an image than a few
classes' logits, which counts where images are few.
Sources: Szegedy et al., 2016 (smoothing); Hinton et al., 2015, arXiv 1503.02531 (distillation); Romero
et al., "FitNets", 2015, arXiv 1412.6550 (features; their place and the relative error are our choice).
"""

from mindspore import nn, ops

TINY = 1e-6  # a teacher's features may all be zero


class TaskLoss(nn.Cell):
    """(logits (N, C), label int32 (N,), teacher logits (N, C) or None) -> scalar."""

    def __init__(self, label_smoothing: float = 0.0, distill: float = 0.0, temperature: float = 4.0):
        super().__init__()
        self.cross_entropy = nn.CrossEntropyLoss(label_smoothing=label_smoothing)
        self.distill, self.temperature = distill, temperature

    def construct(self, logits, label, teacher_logits=None):
        loss = self.cross_entropy(logits, label)
        if teacher_logits is None:
            return loss
        return (1 - self.distill) * loss + self.distill * self.distance(logits, teacher_logits)

    def distance(self, logits, teacher_logits):
        """T^2 KL(teacher || student), the mean over the images."""
        t = self.temperature
        log_p = ops.log_softmax(logits / t, -1)
        log_q = ops.log_softmax(teacher_logits / t, -1)
        divergence = (ops.exp(log_q) * (log_q - log_p)).sum(-1).mean()
        return t * t * divergence


def relative_error(features, wanted):
    """|features - wanted|^2 / |wanted|^2 of each image, any shape (N, ...), the mean over the images."""
    axes = tuple(range(1, wanted.ndim))
    apart, size = ((features - wanted) ** 2).sum(axes), (wanted**2).sum(axes)
    return (apart / (size + TINY)).mean()
