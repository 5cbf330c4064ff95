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
"""A network's own answers when nothing has changed but the last bits of its numbers.

At few bits and many layers a value beside a rounding threshold goes to the code beside, which moves others
across theirs, layer by layer. Two correct ways to compute such a network then differ by more than a fixed
tolerance: MobileNetV2 at 6 bits by a tenth of its largest logit. Source: our choice.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from src.methods.base import System
from src.parameters import assign

AMOUNT = 1e-6  # relative; what float32 sums of some hundred products are wrong by


@contextmanager
def moved(system: System) -> Iterator[None]:
    """Within it the factors of all normalisations have random changes of AMOUNT; the network is as before
    afterwards."""
    rng = np.random.default_rng(0)
    factors = [p for p in system.network.get_parameters() if p.name.endswith("gamma")]
    before = [p.asnumpy().copy() for p in factors]
    for factor, value in zip(factors, before, strict=True):
        assign(factor, value * (1 + AMOUNT * rng.standard_normal(value.shape)))
    try:
        yield
    finally:
        for factor, value in zip(factors, before, strict=True):
            assign(factor, value)
