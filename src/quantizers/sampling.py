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
"""Some values of a tensor, for what would take long on all of them.

Tensors repeat themselves at powers of two: a constant stride through one meets the same column of every
image, or the same tap of every filter, and what lies at a border is not like the rest.
"""

import numpy as np


def spread(x: np.ndarray, count: int) -> np.ndarray:
    """Values of x in their order, (at most count,): one of each of so many equal stretches, at a place that is
    drawn within it. The same of any x of that size. count: 1 or more."""
    if x.size <= count:
        return x.reshape(-1)
    places = (np.arange(count) + np.random.default_rng(0).random(count)) * (x.size / count)
    return x.reshape(-1)[places.astype(np.int64)]
