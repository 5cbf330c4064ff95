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
"""Rules on the widths that a configuration asks for, for the checks of methods."""

from pathlib import Path

from src.cost.named_plans import read_names
from src.errors import UserError
from src.keys import WIDTHS, Config, QuantConfig
from src.quantizers import WEIGHT


def check_candidates(name: str, widths: list, hint: str = "") -> None:
    """Hold that a controller has widths to choose from.

    Args:
        name: dotted key of the list.
        hint: end of the message.

    Raises:
        UserError: fewer than two, not rising, or out of range.
    """
    inside = all(isinstance(b, int) and WIDTHS[0] <= b <= WIDTHS[1] for b in widths)
    if not inside or sorted(set(widths)) != widths or len(widths) < 2:
        raise UserError(
            f"{name}={widths}: expected two or more rising widths in {WIDTHS[0]}..{WIDTHS[1]}{hint}"
        )


def take_plan(quant: QuantConfig) -> None:
    """Put the widths of the file `quant.plan` where the other keys of widths are, so that a run keeps them.

    What `quant.exceptions` says of a layer itself stays.

    Raises:
        UserError: no such file, or no plan in it.
    """
    if quant.plan is None:
        return
    form = (
        f'expected {{"layer": width or [weights, inputs], ...}}, "*" for all other layers, widths {WIDTHS[0]}..'
        f"{WIDTHS[1]}"
    )
    try:
        plan = read_names(Path(quant.plan))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"quant.plan={quant.plan}: cannot be read as JSON ({why}); {form}") from error
    pairs = plan.values() if isinstance(plan, dict) else [None]
    pairs = [bits if isinstance(bits, list) else [bits, bits] for bits in pairs]
    if not all(len(pair) == 2 and all(map(_is_width, pair)) for pair in pairs):
        raise UserError(f"quant.plan={quant.plan}: holds {plan!r:.60}; {form}")
    others = plan.pop("*", [quant.w_bits, quant.a_bits])
    quant.w_bits, quant.a_bits = others if isinstance(others, list) else (others, others)
    quant.exceptions = {**plan, **quant.exceptions}
    quant.plan = None


def _is_width(bits) -> bool:
    return type(bits) is int and WIDTHS[0] <= bits <= WIDTHS[1]


def check_static(config: Config) -> None:
    """The check of a method whose only widths are `quant.w_bits` and `quant.a_bits`."""
    quant = config.quant
    check_master(
        quant.quantizer, quant, {"quant.w_bits": quant.w_bits, "quant.a_bits": quant.a_bits}
    )


def master_of(quantizer: str, quant: QuantConfig) -> int | None:
    """Bits of the code whose top bits a quantiser's widths are; None: each width has codes of its own."""
    return quant.master if "master" in WEIGHT[quantizer].options else None


def check_master(quantizer: str, quant: QuantConfig, widths: dict[str, int]) -> None:
    """Hold that no width exceeds that of the master code, of which it is the top bits.

    Args:
        quantizer: of the method's layers; the rule is for one that has a master.
        widths: key -> largest width that it asks for; `quant.exceptions` need not be among them.

    Raises:
        UserError: names the first key whose width is too large.
    """
    if master_of(quantizer, quant) is None:
        return
    named = {
        f"quant.exceptions: {k}": max(b) if isinstance(b, list) else b
        for k, b in quant.exceptions.items() if b != "float"
    }  # fmt: skip
    for name, bits in {**widths, **named}.items():
        if bits > quant.master:
            raise UserError(f"{name}={bits}: at most quant.master={quant.master} bits")
