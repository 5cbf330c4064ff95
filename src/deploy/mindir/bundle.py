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
"""The table of a bundle: bundle.cfg, which tells a host how to chain a folder of MINDIR files.

Text, one `key=value` per line, `#` begins a comment line, `[stage]` begins a stage; C++ reads it too
(ascend310_infer/src/bundle.cc). Keys are the names of the attributes below. A network that escalates has
its table of settings there (cost/ladder.py): `[ladder]`, whose widths are those of the bundle, with
`usual`, the number of the row that runs without a budget; and a `[row]` for each setting.
"""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from src.cost.bitops import LayerCost, PlanCost
from src.cost.ladder import Ladder
from src.errors import UserError

FILE = "bundle.cfg"
FORMAT = 1
NONE = -1  # no register, no slot
SHOWN = 200  # characters of why a file is damaged: it may quote all that the file holds
STAGE, LADDER, ROW = "[stage]", "[ladder]", "[row]"
PRICES = ("costs", "again", "top1")  # of a ladder, one for each width


@dataclass(frozen=True)
class BundleStage:
    """One step from maps (registers) to a map.

    Attributes:
        name: of its layer.
        slot: which choice picks its file, -1: it has one file.
        inputs: one or two registers.
        output: the register that it writes, -1: none, where it decides.
        macs: multiply-accumulates that run at the chosen widths.
        files: one per candidate k; with two columns K x K, number w K + a.
        decides: slot whose choice logits are its result, in place of a map; -1: none.
    """

    name: str
    slot: int
    inputs: tuple[int, ...]
    output: int
    macs: int
    files: tuple[str, ...]
    decides: int = NONE


@dataclass(frozen=True)
class Bundle:
    """How to run a network of static graphs; batch 1, float32, the last stage gives the logits.

    Attributes:
        mindir_version: IR version of the files.
        image: channels, height, width.
        classes: how many logits.
        bits: candidate widths, () without a controller.
        layers, columns: choices per image; two columns: of weights, of inputs.
        registers: how many maps there are, the first ones included.
        front: file from the image to the first maps and choice logits (without these where it escalates),
            "": register 0 is the image, and stages decide the choices, if there are any.
        mask: file of the one-graph form, image -> logits, choice logits, or "".
        fixed_bitops: BitOPs that no choice changes.
        stages: in order.
        ladder: of a network that escalates; the rung is its one choice, for all layers. The stages run
            again for every rung that an image climbs, the front does not.
        maps: how many registers the front writes (the image counts as one).
    """

    mindir_version: int
    image: tuple[int, ...]
    classes: int
    bits: tuple[int, ...] = ()
    layers: int = 0
    columns: int = 1
    registers: int = 1
    front: str = ""
    mask: str = ""
    fixed_bitops: int = 0
    stages: tuple[BundleStage, ...] = field(default=(), metadata={"is_section": True})
    ladder: Ladder | None = field(default=None, metadata={"is_section": True})
    maps: int = 1

    def cost(self) -> PlanCost:
        """Prices plans; the elements that a change of width touches are not in the table."""
        dynamic = [
            LayerCost(stage.name, stage.macs, 0, 0, self.bits, self.bits, stage.slot)
            for stage in self.stages
            if stage.slot >= 0
        ]
        return PlanCost(dynamic, self.fixed_bitops)


def write_bundle(bundle: Bundle, folder: Path) -> None:
    """Write `folder`/bundle.cfg."""
    lines = [
        "# Written by export.py; see src/deploy/mindir/bundle.py",
        f"format={FORMAT}",
        *_lines(bundle),
    ]
    if bundle.ladder is not None:
        lines += _lines_of_ladder(bundle.ladder)
    for stage in bundle.stages:
        lines += ["", STAGE, *_lines(stage)]
    (folder / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_bundle(folder: Path) -> Bundle:
    """The table of a folder.

    Raises:
        UserError: no such file, or one that export.py did not write.
    """
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); make it with export.py --format mindir --bundle"
        ) from error
    try:
        (_, head), *sections = _sections(text)
        if head.pop("format", "none") != str(FORMAT):
            raise ValueError(f"format must be {FORMAT}")
        stages = tuple(_stage(section) for kind, section in sections if kind == STAGE)
        bundle = Bundle(**_values(Bundle, head), stages=stages)
        return replace(bundle, ladder=_ladder(bundle.bits, sections))
    except (KeyError, TypeError, ValueError, UserError) as error:
        raise UserError(f"{path} is damaged ({str(error):.{SHOWN}}); export it again") from error


def _lines(entry) -> list[str]:
    """`key=value` of what is not its default; lists by spaces."""
    lines = []
    for f in fields(entry):
        value = getattr(entry, f.name)
        usual = {"output": NONE, "decides": NONE, "maps": 1}
        is_none = value in ("", ()) or (f.name in usual and value == usual[f.name])
        if f.metadata.get("is_section") or is_none:
            continue
        lines.append(f"{f.name}={_text(value)}")
    return lines


def _lines_of_ladder(ladder: Ladder) -> list[str]:
    lines = ["", LADDER, *(f"{name}={_text(getattr(ladder, name))}" for name in PRICES)]
    lines.append(f"usual={ladder.rows.index(ladder.cheapest_like_top())}")
    for row in ladder.rows:
        lines += ["", ROW, *_lines(row)]
    return lines


def _text(value) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _ladder(bits: tuple[int, ...], sections: list[tuple[str, dict[str, str]]]) -> Ladder | None:
    """In the sections of a table; KeyError, ValueError, UserError: a damaged one."""
    heads = [section for kind, section in sections if kind == LADDER]
    rows = [section for kind, section in sections if kind == ROW]
    if not heads and not rows:
        return None
    prices = {name: _numbers(heads[0][name]) for name in PRICES} if len(heads) == 1 else {}
    settings = [
        {name: _numbers(row.get(name, "")) for name in ("bits", "margins")}
        | {name: float(row[name]) for name in ("bitops", "top1")}
        for row in rows
    ]
    return Ladder.from_dict({"bits": bits, **prices, "rows": settings})


def _numbers(text: str) -> tuple[int | float, ...]:
    """Integers where they are written as such."""
    return tuple(int(word) if word.lstrip("-").isdigit() else float(word) for word in text.split())


def _sections(text: str) -> list[tuple[str, dict[str, str]]]:
    """(kind, keys): the head, of kind "", then the others."""
    sections = [("", {})]
    for line in filter(None, map(str.strip, text.splitlines())):
        if line in (STAGE, LADDER, ROW):
            sections.append((line, {}))
        elif not line.startswith("#"):
            key, _, value = line.partition("=")
            if key in sections[-1][1]:
                raise ValueError(f"{key} twice")
            sections[-1][1][key] = value
    return sections


def _stage(section: dict[str, str]) -> BundleStage:
    stage = BundleStage(**{"output": NONE, **_values(BundleStage, section)})
    if (stage.output == NONE) == (stage.decides == NONE):
        raise ValueError(f"stage {stage.name}: either output= or decides=")
    return stage


def _values(kind: type, section: dict[str, str]) -> dict:
    types = {f.name: f.type for f in fields(kind) if not f.metadata.get("is_section")}
    unknown = section.keys() - types.keys()
    if unknown:
        raise ValueError(f"unknown key {min(unknown)}")
    read = {
        int: int,
        str: str,
        tuple[int, ...]: lambda text: tuple(map(int, text.split())),
        tuple[str, ...]: lambda text: tuple(text.split()),
    }
    return {key: read[types[key]](text) for key, text in section.items()}
