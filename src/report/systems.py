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
"""The systems and baselines that are compared: one colour and one shape each, in all pictures.

Colours have a light and a dark value; the rules made of them serve pages and drawings alike. Shapes
differ too, for whoever does not see the colours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from src.report.load import Run
from src.report.markup import Markup, tag

CIRCLE = "M-{r} 0a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0z"
SQUARE = "M-{s} -{s}h{e}v{e}h-{e}z"
DIAMOND = "M0 -{l}L{l} 0L0 {l}L-{l} 0z"
TRIANGLE = "M0 -{l}L{l} {s}L-{l} {s}z"


@dataclass(frozen=True)
class Look:
    """How a system is called and drawn; `size` is the radius of its marks as a share of a full one."""

    title: str
    light: str
    dark: str
    shape: str = CIRCLE
    size: float = 1.0
    dashed: bool = False


SYSTEMS = {
    "escalation": Look("escalation", "#0b6e6d", "#56c2b7"),
    "agent": Look("agent", "#c2571f", "#f09b62"),
    "dqnet": Look("DQNet", "#b0305f", "#f08db0", TRIANGLE),
    "dqt": Look("DQT", "#8a6a00", "#d8b545", DIAMOND),
    "searched": Look("best searched plans", "#6d48a8", "#bda0ee", SQUARE),
    "evolution": Look("evolution", "#6d48a8", "#bda0ee", SQUARE),
    "greedy": Look("greedy search", "#a8477f", "#e29bc6", DIAMOND),
    "uniform": Look("one width throughout", "#2b68b0", "#82b6ee"),
    "ddq": Look("DDQ", "#3f7d20", "#9ccb74", SQUARE),
    "static": Look("static LSQ", "#4c565c", "#b4c0c4"),
    "dorefa": Look("static DoReFa", "#7b868c", "#8b979c", dashed=True),
    "pact": Look("static PACT", "#6b7a63", "#a3b39a", SQUARE, dashed=True),
    "nested": Look("static nested codes", "#7a6d5c", "#b8a993", DIAMOND, dashed=True),
    "other": Look("static, another quantiser", "#5f5f6e", "#a9a9ba", TRIANGLE, dashed=True),
    "random": Look("random plans", "#98a2a6", "#6f7c81", size=0.55),
    "float": Look("float", "#57636a", "#9dabb0", dashed=True),
}
DASHES = "5 4"
STATIC = {"lsq": "static", "dorefa": "dorefa", "pact": "pact", "nested": "nested"}  # systems by quantiser


def role_of(run: Run) -> str:
    """The system that a run is of; a super-network that is not told a budget escalates."""
    method = run.setting("method.name")
    if method == "abn":
        return "agent" if run.setting("abn.agent_epochs") else "escalation"
    if method == "static":
        return static_role(run.setting("quant.quantizer"))
    return method if method in SYSTEMS else "float"


def static_role(quantizer: object) -> str:
    """The system of a static net over a quantiser."""
    return STATIC.get(str(quantizer), "other")


def rules(roles: Iterable[str] = tuple(SYSTEMS)) -> str:
    """CSS of the marks (`.mark`), lines (`.path`), texts (`.name`) and legends' keys of some systems."""
    looks = {role: look for role, look in SYSTEMS.items() if role in set(roles)}
    light = _colours({role: look.light for role, look in looks.items()})
    dark = _colours({role: look.dark for role, look in looks.items()})
    return (
        ".path { fill: none; stroke-width: 2; stroke-linejoin: round; }\n"
        f".path.dashed {{ stroke-dasharray: {DASHES}; }}\n"
        f"{light}@media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n"
    )


def _colours(colours: dict[str, str]) -> str:
    return "".join(
        f".mark.{role}, .name.{role} {{ fill: {colour}; }} .path.{role} {{ stroke: {colour}; }} "
        f".key.{role} {{ background: {colour}; }}\n"
        for role, colour in colours.items()
    )


def mark(
    role: str, x: float, y: float, radius: float, tip: str = "", **attributes: object
) -> Markup:
    """The mark of a system at a place of a drawing; moved as a whole by its `transform`."""
    look = SYSTEMS[role]
    r = radius * look.size
    sizes = {"r": r, "d": 2 * r, "s": 0.85 * r, "e": 1.7 * r, "l": 1.25 * r}
    path = look.shape.format(**{name: f"{size:.2f}" for name, size in sizes.items()})
    return tag(
        "path",
        tag("title", tip) if tip else "",
        d=path,
        transform=f"translate({x} {y})",
        cls=f"mark {role}",
        **attributes,
    )
