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
"""What a plan costs in milliseconds on one machine: a table of every layer at every width, as it was measured.

`bench.py layers` measures it. The time of an image is taken as the sum of its layers' and of what no plan
changes: what neighbours do to each other is not in it. Prices are integers, nanoseconds, so that all that
counts BitOPs (caps, searches, controllers) can count these. NumPy only.
"""

import json
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np

from src.cost.bitops import LayerCost, PlanCost
from src.errors import UserError

NS = 1_000_000  # of a millisecond
WIDTHS = 9  # a table by width: 0..8
LONGEST_MS = 1e8  # a day; nanoseconds of all layers fit 64 bits
FORM = "`bench.py layers --model FILE --json TABLE` makes one"


@dataclass(frozen=True)
class LayerMs:
    """A dynamic layer.

    Attributes:
        name: of the layer.
        macs: multiply-accumulates of an image.
        ms: by widths of weights and inputs, "4x8"; float, above 0.
    """

    name: str
    macs: int
    ms: dict[str, float]


@dataclass(frozen=True)
class LatencyTable:
    """One network on one machine, one image at a time.

    Attributes:
        machine: its processor.
        isa, threads: of the engine.
        fixed_ms: what no plan changes.
        kept_ms: of that, what several passes over an image have in common.
        layers: by place in the plan; of a network without one there are none.
    """

    machine: str
    isa: str
    threads: int
    fixed_ms: float
    kept_ms: float
    layers: tuple[LayerMs, ...]

    def uniform(self, bits: int) -> float:
        """Milliseconds of an image with all layers at a width. KeyError: it was not measured."""
        return self.fixed_ms + sum(layer.ms[f"{bits}x{bits}"] for layer in self.layers)

    def as_dict(self) -> dict:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "LatencyTable":
        """The table that `as_dict` gave.

        Raises:
            UserError: something else.
        """
        try:
            layers = tuple(LayerMs(**layer) for layer in values["layers"])
            table = cls(**{**values, "layers": layers})
            times = [table.fixed_ms, table.kept_ms, *(ms for layer in layers for ms in layer.ms.values())]
            if not all(type(ms) in (int, float) and 0 <= ms < LONGEST_MS for ms in times):
                raise ValueError("a time that is none")
            if not all(type(layer.macs) is int and 0 <= layer.macs < 2**63 for layer in layers):
                raise ValueError("multiply-accumulates that are no number of them")
            if not all(type(text) is str for text in (table.machine, table.isa, *(layer.name for layer in layers))):
                raise ValueError("a name that is no text")
            if type(table.threads) is not int:
                raise ValueError("threads that are no number")
            [_widths(key) for layer in layers for key in layer.ms]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"it holds no table of latencies ({type(error).__name__} {error}); {FORM}") from error
        return table


def read_table(path: Path) -> LatencyTable:
    """The table in a JSON file of `bench.py layers`. UserError: no such file, or no table in it."""
    try:
        return LatencyTable.from_dict(json.loads(path.read_text(encoding="utf-8"))["table"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = getattr(error, "strerror", None) or f"{type(error).__name__} {error}"
        raise UserError(f"table of latencies {path}: {why}; {FORM}") from error
    except UserError as error:
        raise UserError(f"table of latencies {path}: {error}") from error


class LatencyCost(PlanCost):
    """Prices plans in nanoseconds.

    Args:
        table: measured on a network with the same dynamic layers.
        dynamic: the layers of the network whose plans are priced.
        columns: 1 where weights and inputs of a layer share a choice, 2 where each has its own.

    Raises:
        UserError: the table is of another network, or lacks a width.
    """

    def __init__(self, table: LatencyTable, dynamic: list[LayerCost], columns: int = 1):
        super().__init__(dynamic, _ns(table.fixed_ms))
        self.table, self.kept, self.columns = table, _ns(table.kept_ms), columns
        own, measured = [x.macs for x in self.dynamic], [x.macs for x in table.layers]
        if own != measured:
            raise UserError(
                f"a table of latencies of another network: it has {len(measured)} layers of together "
                f"{sum(measured) / 1e6:.4g} M MACs whose width is chosen, this network {len(own)} of "
                f"{sum(own) / 1e6:.4g} M; measure this one: {FORM}"
            )
        self._prices = np.zeros((len(own), WIDTHS, WIDTHS), np.int64)
        for place, (layer, times) in enumerate(zip(self.dynamic, table.layers, strict=True)):
            for key, ms in times.ms.items():
                self._prices[place][_widths(key)] = _ns(ms)
            alike = zip(layer.w_bits, layer.a_bits, strict=True)
            for bits in alike if columns == 1 else product(layer.w_bits, layer.a_bits):
                if not self._prices[place][bits]:
                    raise UserError(
                        f"a table of latencies without {bits[0]} x {bits[1]} bits of layer {times.name}; "
                        f"it has {', '.join(times.ms)}: {FORM}"
                    )

    def of_widths(self, w_bits: np.ndarray, a_bits: np.ndarray) -> np.ndarray:
        """Nanoseconds of each image, int64 (N,)."""
        layers = np.arange(len(self.dynamic))
        return self.fixed() + self._prices[layers, np.asarray(w_bits), np.asarray(a_bits)].sum(-1)

    def with_dynamic_at(self, bits: float) -> float:
        """Nanoseconds of an image whose dynamic layers all run at `bits`; between measured widths by linear
        interpolation."""
        widths = sorted({b for layer in self.dynamic for b in set(layer.w_bits) & set(layer.a_bits)})
        totals = [self._prices[:, b, b].sum() for b in widths]
        return self.fixed() + float(np.interp(bits, widths, totals))

    def prices(self, slot: int, columns: int) -> np.ndarray:
        """Nanoseconds of the layers of a slot for every choice: int64, K along each of the columns."""
        choices = np.indices((len(self.dynamic[0].w_bits),) * columns)
        total = np.zeros(choices.shape[1:], np.int64)
        for place, x in enumerate(self.dynamic):
            if x.slot == slot:
                w, a = np.array(x.w_bits)[choices[x.w_column]], np.array(x.a_bits)[choices[x.a_column]]
                total += self._prices[place, w, a]
        return total


def _ns(ms: float) -> int:
    return int(np.floor(ms * NS + 0.5))


def _widths(key: str) -> tuple[int, int]:
    w, a = map(int, key.split("x"))
    if not (0 < w < WIDTHS and 0 < a < WIDTHS):
        raise ValueError(f"widths {key}")
    return w, a
