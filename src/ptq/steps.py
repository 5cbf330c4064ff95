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
"""Steps and clip values with the least squared error on what a quantiser is given."""

import numpy as np

from src.parameters import assign
from src.quantizers.base import ActivationQuantizer, WeightQuantizer
from src.quantizers.sampling import spread
from src.quantizers.step_search import best_steps

VALUES = 1 << 17  # of a layer's inputs that a search looks at


def search_range(quantizer: WeightQuantizer | ActivationQuantizer, values: np.ndarray) -> bool:
    """Set every step, or clip value, that it has; False: it has none, or levels.

    Args:
        values: float32, weights (O, ...) or a sample of inputs.
    """
    parameter, grids_of_rows = quantizer.ranges()
    if parameter is None:
        return False
    shape = (parameter.shape[-1], -1)
    steps = [best_steps(values.reshape(shape), grids) for grids in grids_of_rows]
    assign(parameter, np.array(steps).reshape(parameter.shape))
    return True


def sample(batches: list[np.ndarray]) -> np.ndarray:
    """At most VALUES values, of each batch by its share."""
    share = min(1.0, VALUES / sum(x.size for x in batches))
    return np.concatenate([spread(x, max(1, int(x.size * share))) for x in batches])
