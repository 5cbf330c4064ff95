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
"""Codes of weights that keep the output of their layer, and not each weight by itself.

    least  (s q - w)^T (H + lambda) (s q - w)   over the codes q of each output channel       (H: moments.py)

by coordinate descent: each weight in turn takes the code that is best with the others as they are, so that
the error never grows. For given codes the best step is a quotient; codes and step alternate.
Source: coordinate descent on a layer's output from Behdin et al., "QuantEase", 2023, arXiv 2309.01885; the
metric from Frantar et al., "GPTQ", ICLR 2023, arXiv 2210.17323. The ridge lambda, a share of the mean of H's
diagonal, and the numbers of rounds are our choice. NumPy only.
"""

import numpy as np

from src.quantizers.step_search import Grid, best_steps

RIDGE = 0.01
ROUNDS, SWEEPS = 1, 4  # new steps after the first; passes over the weights for each step


def keep_output(
    weight: np.ndarray, h: np.ndarray, grid: Grid, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """(codes, step): codes float64 like `weight`; step float64 (`steps`,).

    Args:
        weight: (G, O, d), O output channels of each of G groups.
        h: (G, d, d).
        grid: of the layer's width.
        steps: 1 for the whole tensor, or G * O, one for each output channel.
    """
    weight, rows = weight.astype(np.float64), (steps, -1)
    metric = h + _ridge(h)
    diagonal = np.broadcast_to(np.diagonal(metric, axis1=1, axis2=2)[:, None], weight.shape)
    step = best_steps(weight.reshape(rows), [grid], diagonal.reshape(rows).astype(np.float32))
    codes = _nearest(weight / _scale(step, grid, weight), grid)
    for left in range(ROUNDS, -1, -1):
        codes = _descend(weight, metric, codes, _scale(step, grid, weight), grid)
        if left:
            along = codes @ metric
            wanted, there = ((along * v).reshape(rows).sum(1) for v in (weight, codes))
            better = wanted / np.maximum(there, 1e-30) / grid.factor
            step = np.where(wanted > 0, better, step)
    return codes, step


def _ridge(h: np.ndarray) -> np.ndarray:
    size = h.shape[-1]
    level = RIDGE * np.trace(h, axis1=1, axis2=2) / size
    return np.maximum(level, 1e-12)[:, None, None] * np.eye(size)  # inputs may be all zero


def _scale(step: np.ndarray, grid: Grid, weight: np.ndarray) -> np.ndarray:
    """Of every output channel, (G, O, 1)."""
    groups, channels, _ = weight.shape
    return np.resize(step * grid.factor, (groups, channels, 1))


def _nearest(v: np.ndarray, grid: Grid) -> np.ndarray:
    return np.clip(np.floor(v + 0.5), grid.low, grid.high)


def _descend(weight, metric, codes, scale, grid) -> np.ndarray:
    codes = codes.copy()
    slope, scale = (scale * codes - weight) @ metric, scale[..., 0]
    for _ in range(SWEEPS):
        moves = 0
        for j in range(weight.shape[-1]):
            own = metric[:, j, j, None]
            code = _nearest(codes[..., j] - slope[..., j] / (own * scale), grid)
            group, channel = np.nonzero(code - codes[..., j])
            change = (scale * (code - codes[..., j]))[group, channel, None]
            slope[group, channel] += change * metric[group, j]
            codes[..., j] = code
            moves += len(group)
        if not moves:
            break
    return codes
