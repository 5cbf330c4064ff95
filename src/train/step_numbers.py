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
"""The scalars of a training step, summed over an epoch, without waiting for the device at each step."""

import numpy as np
from mindspore import Tensor

from src.kernels.errors import no_choice


class StepNumbers:
    """Sums of what the steps of one epoch return.

    Reading a value waits for the device. So values stay there until `read`, which takes in every
    step since the last one.

    Args:
        steps, sums: what an earlier process has read of the epoch.

    Attributes:
        sums: float64, over the steps that were read.
    """

    def __init__(self, steps: int = 0, sums: list[float] | None = None):
        self.steps, self.sums = steps, np.array(sums) if sums else 0
        self.unread: list[tuple[Tensor, ...]] = []

    def add(self, outputs: tuple[Tensor, ...]) -> None:
        """The scalars of the next step."""
        self.unread.append(outputs)

    def read(self) -> int | None:
        """Add up what is there; the number, from 1, of the first step that is not finite, or None."""
        unread, self.unread = self.unread, []
        for row in map(_as_numbers, unread):
            self.steps += 1
            if row is None or not np.isfinite(row).all():
                return self.steps
            self.sums = self.sums + np.array(row)
        return None

    @property
    def means(self) -> np.ndarray:
        """Over the steps that were read."""
        return self.sums / self.steps


def _as_numbers(outputs: tuple[Tensor, ...]) -> list[float] | None:
    """None: a kernel found no largest value among the logits of a choice, since they are not finite."""
    try:
        return [float(value.asnumpy()) for value in outputs]
    except RuntimeError as error:
        if no_choice(error):
            return None
        raise
