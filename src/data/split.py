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
"""Hold out a share of the training set, the same share of every class, chosen by a seed."""

import numpy as np

SPLIT_STREAM = 0x5917  # keeps these random numbers apart from those of the data order


def stratified_holdout(
    labels: np.ndarray, fraction: float, seed: int, least: int = 0, left: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """(kept, held) positions, int64, each ascending; together they are every position once.

    Of a class with n samples floor(fraction * n + 0.5) are held out, but never all of them.

    Args:
        labels: int [N].
        fraction: 0 <= fraction < 1.
        least: samples that are held out of each class at least, if `fraction` is above 0 ...
        left: ... and that are kept of each class, which comes first.
    """
    rng = np.random.default_rng([seed, SPLIT_STREAM])
    is_held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        wanted = int(np.floor(fraction * len(members) + 0.5))
        count = min(max(wanted, least if fraction > 0 else 0), max(len(members) - left, 0))
        is_held[rng.permutation(members)[:count]] = True
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)
