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
import itertools
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
        plan: widths by layer for all images, a file or what it holds (cost/named_plans.py).

    Raises:
        UserError: an amount as a text (`"250M"`) that is none.
    """

    bits: int | None = None
    budget: float | None = None
    max_bitops: float | None = None
    max_ms: float | None = None
    table: LatencyTable | None = None
    plan: str | dict | None = None

    def __post_init__(self):
        for name in ("budget", "max_bitops", "max_ms"):
            if isinstance(getattr(self, name), str):
                object.__setattr__(self, name, as_bitops(name, getattr(self, name)))


NO_WISH = Wish()


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that `wish_of` reads."""
    add = parser.add_argument
    add("--bits", type=int, help="one width everywhere, not the network's own choice")
    add("--plan", metavar="FILE", help="widths by layer for all images, as eval.py and search.py have them")
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
    return as_wish(options.bits, options.budget, options.max_bitops, options.max_ms, table, options.plan)


def as_wish(
    bits: int | None, budget: str | None, max_bitops: str | None, max_ms: str | None = None,
    table: LatencyTable | None = None, plan: str | None = None,
) -> Wish:  # fmt: skip
    """UserError: amounts that are none, or options that clash."""
    given = {"--budget": budget, "--max-bitops": max_bitops, "--max-ms": max_ms}
    fixed = {"--bits": bits, "--plan": plan}
    if bits is not None and plan is not None:
        raise UserError(f"--bits {bits} and --plan {plan}: leave one out")
    for (option, text), (how, value) in itertools.product(given.items(), fixed.items()):
        if value is not None and text is not None:
            raise UserError(f"{how} {value} and {option} {text}: fixed widths have one cost; leave one out")
    if max_bitops is not None and max_ms is not None:
        raise UserError(f"--max-bitops {max_bitops} and --max-ms {max_ms}: an image has one cap; leave one out")
    if max_ms is not None and table is None:
        raise UserError(
            f"--max-ms {max_ms} needs this machine's latencies: `bench.py layers --model FILE --json TABLE` "
            "makes a table, --latency TABLE names it"
        )
    amounts = [None if text is None else as_bitops(option, text) for option, text in given.items()]
    return Wish(bits, *amounts, table, plan)
