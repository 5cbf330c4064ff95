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
"""Discrete choices that a gradient can pass: the hard Gumbel-softmax with straight-through gradient.

    y = softmax((logits + g) / tau),  g = -log(-log u),  u uniform in (0, 1)
    choice = one_hot(argmax y) forward, y backward

The noise is an input, drawn by the host, so that a training step is a pure function of its inputs
and a resumed run repeats it exactly; zero noise gives the deterministic arg-max.
Source: Jang et al., 2017, arXiv 1611.01144; Maddison et al., 2017, arXiv 1611.00712.
"""

import numpy as np
from mindspore import Tensor, ops

from src.quantizers.rounding import straight_through

CERTAIN = 1e6  # far above any logit


def hard_choice(logits: Tensor, noise: Tensor, tau: float) -> Tensor:
    """One-hot over the last axis, float32; logits and noise of one shape; ties to the first."""
    soft = ops.softmax((logits + noise) / tau, -1)
    hard = ops.one_hot(soft.argmax(-1), logits.shape[-1]).astype(logits.dtype)
    return straight_through(hard, soft)


def draw_gumbel(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Standard Gumbel noise, float32."""
    return rng.gumbel(size=shape).astype(np.float32)


def forcing_noise(forced: int | np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """Noise of evaluation, float32, of `shape` (N, slots, columns, K): none, or such that the forced
    candidates, an int or an array that broadcasts to (N, slots, columns), win every arg-max."""
    if forced is None:
        return np.zeros(shape, np.float32)
    return CERTAIN * np.eye(shape[-1], dtype=np.float32)[np.broadcast_to(forced, shape[:-1])]
