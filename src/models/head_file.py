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
"""A classifier in a file of its own: `weight` (classes, C) and `bias` (classes), or a whole network's
file, of which the classifier is taken. It may name its classes, in the order of its rows, as `classes`
or `wnids` (text; only `.npz` holds such arrays)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from src.errors import UserError
from src.models.backbone import Node

LEAVES = ("weight", "bias")
NAMES = ("classes", "wnids")
SHOWN = 3  # class names in an error text


def head_of(
    path: str | Path, tensors: dict[str, np.ndarray], node: Node, classes: Sequence[str]
) -> dict[str, np.ndarray]:
    """The arrays of the classifier by their paths in the network; rows in the order of `classes`.

    Args:
        path: for errors.
        tensors: of the file, by name.
        node: the classifier.
        classes: names of the data's classes, in the order of the labels; () if not known.

    Raises:
        UserError: no classifier in the file, or one of other classes.
    """
    found = {}
    for leaf in LEAVES:
        allowed = [leaf, *(f"{place}.{leaf}" for place in (node.name, *node.elsewhere))]
        name = next((name for name in allowed if name in tensors), None)
        if name is None:
            raise UserError(
                f"model.head_weights={path}: no {' or '.join(allowed)} in it; it must hold the "
                "classifier's weight (classes, channels) and bias (classes)"
            )
        found[f"{node.name}.{leaf}"] = tensors[name]
    theirs = next((_names(path, name, tensors[name]) for name in NAMES if name in tensors), None)
    if theirs is None or not classes or theirs == list(classes):
        return found
    if sorted(theirs) != sorted(classes) or (len(theirs),) != found[f"{node.name}.weight"].shape[:1]:
        raise UserError(
            f"model.head_weights={path}: its {len(theirs)} classes ({_some(theirs)}) are not the data's "
            f"{len(classes)} ({_some(classes)}); model.head=new starts a new classifier"
        )
    rows = [theirs.index(name) for name in classes]
    # One of another shape is refused by whoever knows the network's.
    return {name: value[rows] if len(rows) in value.shape[:1] else value for name, value in found.items()}


def _names(path: str | Path, name: str, array: np.ndarray) -> list[str]:
    """The class names in an array. UserError: it holds none."""
    try:
        if array.ndim != 1 or array.dtype.kind not in "USiu":
            raise ValueError
        return array.astype(str).tolist()
    except ValueError as error:  # also of bytes that are no text
        raise UserError(
            f"model.head_weights={path}: its {name} are {array.dtype} {array.shape}; expected is the name of each "
            "class, as text"
        ) from error


def _some(names: Sequence[str]) -> str:
    return ", ".join(list(names)[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
