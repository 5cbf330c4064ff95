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
"""Second moments of what a layer multiplies: how an error of its weights shows in its output.

For a position of the output let z be the d = c_in / groups * kernel^2 quantised values that a filter sees:

    H = mean (z - mean z)(z - mean z)^T, for each group          error of an output: (w_q - w)^T H (w_q - w)

Centred, since a constant error of a channel is taken out behind the layer (shifts.py). NumPy only.
"""

from dataclasses import dataclass

import numpy as np

# Of a batch at most so many values and positions are looked at, which bounds memory and time.
_VALUES, _POSITIONS = 1 << 21, 2048


@dataclass(frozen=True)
class Window:
    """What a filter sees: kernel x kernel pixels of the channels of its group."""

    groups: int = 1
    kernel: int = 1
    stride: int = 1
    padding: int = 0


class Moments:
    """Sums over batches, float64; positions are drawn from the seed."""

    def __init__(self, window: Window, seed: int):
        self.window, self.rng = window, np.random.default_rng(seed)
        self.count, self.total, self.squares = 0, 0.0, 0.0

    def add(self, z: np.ndarray) -> None:
        """A batch of the layer's quantised input, float32 (N, C, H, W), or (N, C) of a dense layer."""
        seen = self._seen(z if z.ndim == 4 else z[:, :, None, None])
        self.count += seen.shape[1]
        self.total += seen.sum(1, dtype=np.float64)
        self.squares += (seen.swapaxes(1, 2) @ seen).astype(np.float64)

    def centred(self) -> np.ndarray:
        """H, float64 (groups, d, d)."""
        mean = self.total / self.count
        return self.squares / self.count - mean[:, :, None] * mean[:, None]

    def _seen(self, z: np.ndarray) -> np.ndarray:
        """(groups, positions, d)."""
        w = self.window
        z = np.pad(z, ((0, 0), (0, 0), (w.padding,) * 2, (w.padding,) * 2))
        windows = np.lib.stride_tricks.sliding_window_view(z, (w.kernel, w.kernel), (2, 3))
        windows = windows[:, :, :: w.stride, :: w.stride]  # (N, C, rows, columns, k, k)
        places = windows.shape[0], *windows.shape[2:4]
        most = min(_POSITIONS, max(1, _VALUES // (windows.shape[1] * w.kernel**2)))
        drawn = self.rng.choice(np.prod(places), min(np.prod(places), most), replace=False)
        image, row, column = np.unravel_index(drawn, places)
        seen = windows[image, :, row, column]
        return seen.reshape(len(drawn), w.groups, -1).swapaxes(0, 1)
