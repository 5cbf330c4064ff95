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
"""What a controller that minds a budget spends on average, by the budget that it is given.

It aims at a budget, image by image, and no image has to meet it: on average it may spend more or less.
Measured on images held out from training, the table below tells which budget to give for the mean that
is asked for.
"""

from dataclasses import asdict, dataclass

import numpy as np

from src.errors import UserError


@dataclass(frozen=True)
class Spending:
    """Attributes:
    given: budgets in BitOPs of an image, rising.
    spent: mean BitOPs of an image at each.
    """

    given: tuple[int, ...]
    spent: tuple[float, ...]

    def give(self, asked: float) -> int:
        """The least budget at which a mean of `asked` BitOPs is to be expected, by linear interpolation; where
        that is more than is ever spent, the one at which most is.

        Raises:
            UserError: less than is spent at the smallest budget.
        """
        spent = np.maximum.accumulate(self.spent)
        if asked < spent[0]:
            raise UserError(
                f"a budget of {asked / 1e6:.4g} M BitOPs: the least that this network's agent spends on an "
                f"image is {spent[0] / 1e6:.4g} M on average; allow at least that"
            )
        after = int(np.searchsorted(spent, min(asked, spent[-1])))  # spent[after - 1] < asked <= spent[after]
        if after == 0:
            return self.given[0]
        share = (min(asked, spent[-1]) - spent[after - 1]) / (spent[after] - spent[after - 1])
        low, high = self.given[after - 1 : after + 1]
        return low + int(np.floor(share * (high - low) + 0.5))

    def as_dict(self) -> dict:
        """As JSON holds it."""
        return {name: list(values) for name, values in asdict(self).items()}


def is_spending(value) -> bool:
    """Whether a JSON value is what `Spending.as_dict` gives."""
    if not isinstance(value, dict) or value.keys() != {"given", "spent"}:
        return False
    given, spent = value["given"], value["spent"]
    if not (isinstance(given, list) and isinstance(spent, list) and len(given) == len(spent) > 0):
        return False
    whole = all(type(v) is int and 0 <= v < 2**53 for v in given)
    real = all(type(v) in (int, float) and 0 <= v < 2**53 for v in spent)
    return whole and real and all(a < b for a, b in zip(given, given[1:], strict=False))
