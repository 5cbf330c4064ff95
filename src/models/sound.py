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
"""The rules for the nodes of a network: what holds for every list that is to be trained by any method, priced,
cut into bundles and lowered to integers. Channels and sides are checked with the sizes (geometry.py).
"""

from functools import cache

from mindspore import nn

from src.errors import UserError
from src.layers.conv import Conv2d, Dense
from src.layers.norm import BatchNorm
from src.layers.pool import MaxPool, Mean
from src.layers.shortcut import ShortcutA
from src.models.backbone import (
    CONV,
    DENSE,
    HEAD,
    IMAGE,
    MAX_POOL,
    MEAN,
    NORM,
    STEM,
    SUBSAMPLE,
    Backbone,
    Node,
)
from src.models.network import Network

CELLS: dict[str, type[nn.Cell]] = {
    CONV: Conv2d, DENSE: Dense, NORM: BatchNorm, MAX_POOL: MaxPool, SUBSAMPLE: ShortcutA, MEAN: Mean,
}  # fmt: skip


def check_nodes(backbone: Backbone, model: str, num_classes: int) -> None:
    """Refuse a network that breaks a rule.

    Args:
        backbone: as built, before layers are swapped.
        model: what it is called.

    Raises:
        UserError: names the node and the rule.
    """
    nodes = backbone.nodes
    if not nodes:
        raise UserError(f"model {model}: it has no nodes")
    read = {i for node in nodes for i in node.inputs}
    for i, node in enumerate(nodes):
        fault = (
            _in_cell(nodes, i) or _in_name(nodes, i) or _in_inputs(nodes, i) or _in_parts(nodes, i)
            or _in_place(nodes, i, i in read, num_classes)
        )  # fmt: skip
        if fault:
            raise UserError(f"model {model}: node {i}, {node.name} ({node.kind}): {fault}")
    groups = {node.part for node in nodes} - {STEM, HEAD}
    if nodes[0].part != STEM or groups != set(range(1, len(groups) + 1)) or not groups:
        raise UserError(
            f"model {model}: its parts are {_shown({node.part for node in nodes})}; expected STEM, groups "
            "numbered 1, 2, ... without a gap, and HEAD"
        )


def _in_cell(nodes: list[Node], i: int) -> str:
    node = nodes[i]
    if node.kind not in CELLS:
        return f"this kind is none of those that train and lower to integers: {', '.join(CELLS)}"
    if not isinstance(node.cell, CELLS[node.kind]):
        theirs, ours = type(node.cell), CELLS[node.kind].__name__
        return f"this kind takes a {ours} of src.api, not {theirs.__module__}.{theirs.__qualname__}"
    same = [other.name for other in nodes[:i] if other.cell is node.cell]
    if same:
        return f"its cell is that of {same[0]}, too; each node needs a cell of its own"
    if i and getattr(node.cell, "is_first", False):
        return "is_first=True is for the layer that reads the image: no gradient would pass"
    return ""


def _in_name(nodes: list[Node], i: int) -> str:
    name = nodes[i].name
    words = name.split(".")
    if not all(word.isidentifier() or word.isdecimal() for word in words):
        return "a name is words of letters, digits and _, with dots between them"
    taken = sorted(set(words) & _taken())
    if taken:
        return f"`{taken[0]}` is what the cell around it calls something else; choose another name"
    for other in nodes[:i]:
        if f"{name}.".startswith(f"{other.name}.") or other.name.startswith(f"{name}."):
            return f"its name and that of {other.name} are the same, or one holds the other"
    return ""


@cache
def _taken() -> set[str]:
    """What a network's cell has of its own, whose names no node may take."""
    only = Node("x", MEAN, Mean(), (IMAGE,), HEAD)
    return {*dir(Network(Backbone([only])))} - {only.name}


def _in_inputs(nodes: list[Node], i: int) -> str:
    kind, inputs = nodes[i].kind, nodes[i].inputs
    most = 2 if kind == NORM else 1
    if not 1 <= len(inputs) <= most:
        return f"it reads {len(inputs)} nodes; a {kind} reads one" + " or two" * (most == 2)
    for j in inputs:
        if not IMAGE <= j < i:
            return f"it reads node {j}, which does not come before it"
        if (j == IMAGE) != (i == 0):
            return "the first node, and no other, reads the image"
        if j != IMAGE and (nodes[j].kind == MEAN) != (kind == DENSE):
            return f"it reads {nodes[j].name} ({nodes[j].kind}); a dense reads a mean, and nothing else does"
    return ""


def _in_parts(nodes: list[Node], i: int) -> str:
    """Controllers begin, and bundles are cut, at the end of a part: a single value passes there."""
    part = nodes[i].part
    if not isinstance(part, int) or part < HEAD:
        return f"part={part!r}; parts are STEM, 1, 2, ... and HEAD"
    if i and _rank(part) < _rank(nodes[i - 1].part):
        return f"part {part} comes after part {nodes[i - 1].part}; parts are STEM, 1, 2, ..., HEAD, in order"
    first = next(j for j, node in enumerate(nodes) if node.part == part)
    outside = [nodes[j] for j in nodes[i].inputs if j < first - 1]
    if outside:
        return (
            f"it reads {outside[0].name} of another part; of what comes before part {part} only the last node, "
            f"{nodes[first - 1].name}, may be read in it"
        )
    return ""


def _in_place(nodes: list[Node], i: int, is_read: bool, num_classes: int) -> str:
    node, is_last = nodes[i], i == len(nodes) - 1
    if i == 0 and node.kind != CONV:
        return "the first node is a conv, which reads the image"
    if is_last != (node.kind == DENSE):
        return "the last node, and no other, is a dense: the classifier"
    if is_last and (node.part != HEAD or node.cell.c_out != num_classes):
        has = f"part={node.part} and {node.cell.c_out} outputs"
        return f"the classifier has {has}; expected HEAD and num_classes={num_classes}"
    return "" if is_last or is_read else "no node reads it"


def _rank(part: int) -> float:
    return float("inf") if part == HEAD else part


def _shown(parts: set[int]) -> str:
    return ", ".join({STEM: "STEM", HEAD: "HEAD"}.get(part, str(part)) for part in sorted(parts, key=_rank))
