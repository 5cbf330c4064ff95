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
"""What is in an integer artefact, as plain values: layers, scales, program, sizes, provenance."""

from pathlib import Path

from src.engine.artefact import format_version, load_artefact, stored_bits
from src.engine.check import Register, check
from src.engine.count import layer_cost
from src.engine.declaration import Operation
from src.engine.notes import SIDES
from src.engine.operations import Bucketise, Conv, Wide
from src.engine.packing import packed_size
from src.engine.program import Program

# Notes that are not provenance.
OWN_SECTIONS = ("layers", "scales", "exponent", "widths", "looks", "rows_of_choices", "ladder")


def facts_of(path: Path) -> dict:
    """Everything that `inspect` prints; see the functions below for its parts.

    Raises:
        UserError: the file is missing or damaged.
    """
    program = load_artefact(path)
    registers = check(program)
    names = {int(i): name for i, name in program.notes.get("layers", {}).items()}
    scales = {
        name: {side: _flat(pair[side]) for side in SIDES}
        for name, pair in program.notes.get("scales", {}).items()
    }
    return {
        "file": str(path),
        "format": format_version(path),
        "rows": program.rows,
        "exponent": program.notes.get("exponent"),
        "layers": layer_facts(program, registers, names),
        "scales": scales,
        "levels": level_facts(program, names),
        "program": operation_facts(program, registers, names),
        "ladder": ladder_facts(program),
        "bytes": sizes(program, path.stat().st_size),
        "provenance": {k: v for k, v in program.notes.items() if k not in OWN_SECTIONS},
    }


def layer_facts(program: Program, registers: list[Register], names: dict[int, str]) -> list[dict]:
    """One row for every convolution and dense layer: what it computes and how it is stored."""
    rows, needed = [], program.needed(True)
    for i, op in enumerate(program.operations):
        if not isinstance(op, Conv | Wide):
            continue
        cost = layer_cost(program, registers, i)
        rows.append({
            "name": names.get(i, ""), "operation": i,
            "type": type(op).__name__, "input": list(registers[op.x].shape),
            "output": list(registers[i].shape), "macs": cost.macs,
            "slot": cost.slot,
            "w_bits": list(cost.w_bits), "a_bits": list(cost.a_bits), "controller": not needed[i],
            "stored_bits": stored_widths(op), "bytes": sum(array_bytes(op).values()),
        })  # fmt: skip
    return rows


def level_facts(program: Program, names: dict[int, str]) -> list[dict]:
    """A row for the weights, and one for the inputs, of each layer that has learned levels there; in units of
    its scale."""
    rows = []
    for i, op in enumerate(program.operations):
        if not isinstance(op, Conv):
            continue
        for side, of in zip(SIDES, (op, program.operations[op.x]), strict=True):
            if isinstance(of, Conv | Bucketise) and "levels" in of.arrays:
                levels = of.arrays["levels"].tolist()
                rows.append({"name": names.get(i, ""), "operation": i, "side": side, "levels": levels})
    return rows


def operation_facts(
    program: Program, registers: list[Register], names: dict[int, str]
) -> list[dict]:
    """The program table: every operation with its numbers and the register that it writes."""
    return [
        {
            "operation": i, "type": type(op).__name__, "name": names.get(i, ""),
            "kind": register.kind, "shape": list(register.shape), "bits": register.bits,
            "numbers": _numbers(op),
        }
        for i, (op, register) in enumerate(zip(program.operations, registers, strict=True))
    ]  # fmt: skip


def ladder_facts(program: Program) -> dict | None:
    """The ladder in the notes, the thresholds of its rows also as real values (`real_margins`)."""
    ladder = program.notes.get("ladder")
    if ladder is None:
        return None
    unit = 2.0 ** -program.notes.get("exponent", 0)
    rows = [row | {"real_margins": [m * unit for m in row["margins"]]} for row in ladder["rows"]]
    return ladder | {"rows": rows}


def _flat(values: float | list) -> list[float]:
    """Of candidates that have one scale each, or one per channel."""
    candidates = values if isinstance(values, list) else [values]
    return [float(x) for one in candidates for x in (one if isinstance(one, list) else [one])]


def _numbers(op: Operation) -> dict[str, int]:
    return dict(zip(op.declared(), op.numbers, strict=True))


def stored_widths(op: Operation) -> list[int]:
    """Bits of each stored weight: of the master, of each candidate, or 32."""
    if isinstance(op, Wide):
        return [32]
    return [stored_bits(op, v) for v in range(1 if op.master else op.arrays["bits"].shape[1])]


def array_bytes(op: Operation) -> dict[str, int]:
    """Bytes in the file of each array of an operation."""
    return {
        name: packed_size(array.size, stored_bits(op, int(name.split(".")[1])))
        if name.startswith("weight.")
        else array.nbytes
        for name, array in op.arrays.items()
    }


def sizes(program: Program, total: int) -> dict:
    """Bytes of the file by part, and of the same weights and biases as float32.

    `other` is the program table, the pixel tables and the file's header with the notes. float32
    counts every weight once, whatever the number of candidates, and one bias per output channel.
    """
    parts = {"codes": 0, "wide_weights": 0, "multipliers_and_biases": 0, "levels": 0}
    values = 0
    for op in program.operations:
        for name, count in array_bytes(op).items():
            if name.startswith("weight."):
                parts["codes"] += count
            elif name == "weight":
                parts["wide_weights"] += count
            elif name in ("multiplier", "bias"):
                parts["multipliers_and_biases"] += count
            elif name in ("levels", "thresholds"):
                parts["levels"] += count
        if isinstance(op, Conv | Wide):
            weight = op.arrays["weight" if isinstance(op, Wide) else "weight.0"]
            values += weight.size + op.c_out
    return {**parts, "other": total - sum(parts.values()), "total": total, "float32": 4 * values}
