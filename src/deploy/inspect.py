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
"""Print what is in an integer artefact.

python -m src.deploy.inspect FILE [--json]
"""

import argparse
import json
import sys

from src.deploy.integer.facts import facts_of
from src.engine.notes import SIDES
from src.entry import guarded
from src.paths import as_path
from src.printable import printable


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m src.deploy.inspect", description=__doc__.splitlines()[0]
    )
    parser.add_argument("file", type=as_path, metavar="FILE", help="made by export.py --format int")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    facts = facts_of(options.file)
    print(json.dumps(facts) if options.json else as_text(facts))
    return 0


def as_text(facts: dict) -> str:
    """The tables, as one text."""
    head = f"{printable(facts['file'])}: format {facts['format']}, rows of statistics {facts['rows']}"
    parts = {
        "layers": layer_table(facts["layers"]),
        "scales": scale_table(facts["scales"]),
        **({"levels": level_table(facts["levels"])} if facts["levels"] else {}),
        f"program (logits = register {len(facts['program']) - 1} x 2^-{facts['exponent']})":
            program_table(facts["program"]),
        **({"ladder": ladder_table(facts["ladder"])} if facts["ladder"] else {}),
        "size": size_table(facts["bytes"]),
        "provenance": [f"{printable(k)}: {json.dumps(v)}" for k, v in facts["provenance"].items()],
    }  # fmt: skip
    return "\n".join([head] + [line for title in parts for line in ("", title, *parts[title])])


def layer_table(rows: list[dict]) -> list[str]:
    """A line per convolution or dense layer."""
    lines = [
        f"{'name':<26}{'operation':<11}{'input':>12}{'output':>12}{'weights':>10}{'inputs':>10}"
        f"{'stored':>10}{'bytes':>10}"
    ]
    for row in rows:
        widths = [_joined(row[k]) or "int32" for k in ("w_bits", "a_bits")]
        cells = [_shape(row["input"]), _shape(row["output"])]
        lines.append(
            f"{printable(row['name']):<26}{row['operation']:>3} {row['type']:<7}{cells[0]:>12}{cells[1]:>12}"
            f"{widths[0]:>10}{widths[1]:>10}{_joined(row['stored_bits']):>10}{row['bytes']:>10}"
        )
    return lines


def scale_table(scales: dict) -> list[str]:
    """A line per layer and side: one scale per candidate or channel, the ends of many."""
    lines = []
    for name, pair in scales.items():
        cells = [f"{side} {_scales(pair[side])}" for side in SIDES]
        lines.append(f"{printable(name):<26}{'  '.join(cells)}")
    return lines


def level_table(rows: list[dict]) -> list[str]:
    """A line per layer and side with learned levels, in units of the scale."""
    return [
        f"{printable(row['name']):<26}{row['operation']:>3} {row['side']:<8}{' '.join(map(str, row['levels']))}"
        for row in rows
    ]


def program_table(rows: list[dict]) -> list[str]:
    """A line per operation: register, what it holds, and the operation's numbers."""
    lines = []
    for row in rows:
        bits = f" {row['bits']} bit" if row["bits"] else ""
        holds = f"{row['kind']} {_shape(row['shape'])}{bits}"
        numbers = " ".join(f"{k}={v}" for k, v in row["numbers"].items())
        lines.append(
            f"{row['operation']:>4} {row['type']:<10}{printable(row['name']):<26}{holds:<24}{numbers}"
        )
    return lines


def ladder_table(ladder: dict) -> list[str]:
    """A line per width alone, then one per setting of escalation; figures of the held-out images."""
    lines = [f"{'width':<26}{'M BitOPs':>12}{'again':>12}{'top-1':>10}"]
    for bits, *costs, top1 in zip(*(ladder[k] for k in ("bits", "costs", "again", "top1")), strict=True):
        cells = "".join(f"{cost / 1e6:>12.4g}" for cost in costs)
        lines.append(f"{f'{bits} bits':<26}{cells}{top1:>10.2%}")
    lines.append(f"{'rungs':<26}{'M BitOPs':>12}{'top-1':>12}  up where the margin is below")
    for row in ladder["rows"]:
        margins = ", ".join(f"{m} ({x:.4g})" for m, x in zip(row["margins"], row["real_margins"], strict=True))
        rungs = " -> ".join(map(str, row["bits"]))
        lines.append(f"{rungs:<26}{row['bitops'] / 1e6:>12.4g}{row['top1']:>12.2%}  {margins or '-'}")
    return lines


def size_table(sizes: dict) -> list[str]:
    """Bytes by part, and the ratio to float32."""
    lines = [f"{name.replace('_', ' '):<24}{count:>12} bytes" for name, count in sizes.items()]
    return [*lines, f"{'float32 / total':<24}{sizes['float32'] / sizes['total']:>12.2f}"]


def _shape(shape: list[int]) -> str:
    return "x".join(map(str, shape))


def _joined(bits: list[int]) -> str:
    return "/".join(map(str, bits))


def _scales(values: list[float]) -> str:
    if len(values) > 8:
        return f"{min(values):.4g} .. {max(values):.4g} ({len(values)} values)"
    return "/".join(f"{value:.4g}" for value in values)


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
