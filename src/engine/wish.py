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
"""How a user wants images to be answered: the options of a command line, and what they mean."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from src.cost.latency import LatencyTable, read_table
from src.engine.plans import as_bitops
from src.errors import UserError


@dataclass(frozen=True)
class Wish:
    """Nothing: as the network does by itself.

    Attributes:
        bits: one width everywhere.
        budget: BitOPs, a mean over images, that escalation must keep to, or a controller that minds one.
        max_bitops: BitOPs that no image may cost.
        max_ms: milliseconds that no image may cost, by `table`.
        table: of this machine's latencies.
    """

    bits: int | None = None
    budget: float | None = None
    max_bitops: float | None = None
    max_ms: float | None = None
    table: LatencyTable | None = None


NO_WISH = Wish()


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that `wish_of` reads."""
    add = parser.add_argument
    add("--bits", type=int, help="one width everywhere, not the network's own choice")
    add(
        "--budget", metavar="X",
        help="e.g. 250M, BitOPs that an image costs in the mean: images escalate, by the file's ladder",
    )
    add(
        "--max-bitops", metavar="X",
        help="e.g. 300M or 1.2G: an image that would cost more gets lower widths, always the one "
        "step that saves most, until it fits; one that escalates stops before",
    )  # fmt: skip
    add("--max-ms", metavar="X", help="the same in milliseconds of this machine, by the table --latency")
    add("--latency", metavar="FILE", help="written by bench.py layers --json, here, of this network")


def wish_of(options: argparse.Namespace) -> Wish:
    """Of a command line. UserError: as `as_wish`, or the table cannot be read."""
    table = None if options.latency is None else read_table(Path(options.latency))
    return as_wish(options.bits, options.budget, options.max_bitops, options.max_ms, table)


def as_wish(
    bits: int | None, budget: str | None, max_bitops: str | None, max_ms: str | None = None,
    table: LatencyTable | None = None,
) -> Wish:  # fmt: skip
    """UserError: amounts that are none, or options that clash."""
    given = {"--budget": budget, "--max-bitops": max_bitops, "--max-ms": max_ms}
    for option, text in given.items():
        if bits is not None and text is not None:
            raise UserError(f"--bits {bits} and {option} {text}: one width has one cost; leave one out")
    if max_bitops is not None and max_ms is not None:
        raise UserError(f"--max-bitops {max_bitops} and --max-ms {max_ms}: an image has one cap; leave one out")
    if max_ms is not None and table is None:
        raise UserError(
            f"--max-ms {max_ms} needs this machine's latencies: `bench.py layers --model FILE --json TABLE` "
            "makes a table, --latency TABLE names it"
        )
    amounts = [None if text is None else as_bitops(option, text) for option, text in given.items()]
    return Wish(bits, *amounts, table)
