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
"""What happens to the gradients between backward pass and optimizer: clipping and weight decay.

One operator for all parameters where there are native kernels: as plain operators this is several
hundred small ones, whose dispatch alone takes a tenth of a ResNet-20's step on a CPU.
"""

from mindspore import nn, ops

from src.kernels import ops as kernels


class BoundGradients(nn.Cell):
    """(gradients, parameters) -> (gradients for the optimizer, global norm before clipping).

    g * min(1, limit / norm) + decay * parameter, with g = 0 where the norm is not finite.

    Args:
        decays: weight decay of each parameter.
        limit: largest global norm; 0: any.
        native: use the kernel.
    """

    def __init__(self, decays: list[float], limit: float, native: bool):
        super().__init__()
        self.decays = [float(decay) for decay in decays]
        self.limit = float(limit)
        self.fused = kernels.bound_gradients(self.decays, self.limit) if native else None

    def construct(self, gradients, parameters):
        if self.fused is not None:
            bounded, norm = self.fused(gradients, parameters)
            return bounded, norm.reshape(())
        norm = _global_norm(gradients)
        finite, factor = ops.isfinite(norm), ops.ones_like(norm)
        if self.limit > 0:
            factor = self.limit / ops.maximum(norm, self.limit)
        bounded = ()
        for i, g in enumerate(gradients):
            g = ops.select(finite, g * factor, ops.zeros_like(g))
            if self.decays[i] > 0:
                g = g + self.decays[i] * parameters[i]
            bounded = bounded + (g,)
        return bounded, norm


def _global_norm(gradients):
    square = 0
    for g in gradients:
        square = square + (g * g).sum()
    return ops.sqrt(square)
