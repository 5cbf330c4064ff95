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
"""What a controller's budget counts: BitOPs, or milliseconds of a machine by a table that was measured there."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.cost.bitops import PlanCost
from src.cost.latency import LatencyCost, read_table
from src.errors import UserError
from src.keys import Section, key


@dataclass
class LatencyKeys(Section):
    """The key of a method whose controller has a budget."""

    latency: str | None = key(
        None, "table of bench.py layers --json: where a cost counts BitOPs it then counts the milliseconds of that "
        "machine; null: BitOPs", is_path=True,
    )  # fmt: skip


def price_of(cost: PlanCost, name: str, latency: str | None, columns: int) -> LatencyCost | None:
    """Prices by the table; None: there is none.

    Args:
        cost: of the network.
        name: dotted key of the table.
        columns: see `LatencyCost`.

    Raises:
        UserError: it cannot be read, or is of another network.
    """
    if latency is None:
        return None
    try:
        return LatencyCost(read_table(Path(latency)), cost.dynamic, columns)
    except UserError as error:
        raise UserError(f"{name}={latency}: {error}") from error


def price_table(price: LatencyCost) -> np.ndarray:
    """Nanoseconds of each slot and choice, (slots, K) or (slots, K, K), int64."""
    slots = 1 + max(layer.slot for layer in price.dynamic)
    return np.stack([price.prices(slot, price.columns) for slot in range(slots)])
