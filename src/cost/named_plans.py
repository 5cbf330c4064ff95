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
"""One plan for all images, as people write it: widths by the names of the layers.

    {"layer1.0.conv1": 4, "layer2.0.conv1": [2, 4], "7": 3, "*": 2}

A key is a dynamic layer's name, or its slot; `*` stands for all others. A value is a width, or [weights,
inputs]. NumPy only.
"""

import difflib
import json
from pathlib import Path

import numpy as np

from src.cost.bitops import LayerCost, PlanCost
from src.errors import UserError

OTHERS = "*"
FORM = 'a plan is {"layer or slot": width or [weights, inputs], ...}, "*" for all other layers'


def read_plan(asked: str | Path | dict, cost: PlanCost, columns: int) -> np.ndarray:
    """The plan in a JSON file, or what such a file holds, int64 (slots, columns) of candidates.

    Args:
        cost: of the network.
        columns: 1 where weights and inputs share a choice, else 2.

    Raises:
        UserError: no such file, or not a plan for this network.
    """
    whose = "the plan" if isinstance(asked, dict) else f"--plan {asked}"
    try:
        return to_choices(asked if isinstance(asked, dict) else read_names(Path(asked)), cost, columns)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"{whose}: cannot be read as JSON ({why}); {FORM}") from error
    except UserError as error:
        raise UserError(f"{whose}: {error}") from error


def read_names(path: Path):
    """What a JSON file holds. OSError, ValueError: it cannot be read, or a key stands twice."""
    return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)


def _once(pairs: list[tuple]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r:.60} stands twice")
    return found


def to_choices(plan: dict, cost: PlanCost, columns: int) -> np.ndarray:
    """Of widths by name; as `read_plan`."""
    if not isinstance(plan, dict):
        raise UserError(f"holds {plan!r:.40}; {FORM}")
    _check_keys(plan, cost.dynamic)
    choices = np.full((1 + max(layer.slot for layer in cost.dynamic), columns), -1, np.int64)
    for layer in cost.dynamic:
        found = [key for key in (layer.name, str(layer.slot)) if key in plan]
        key = found[0] if found else OTHERS
        if key not in plan:
            raise UserError(f"says nothing of layer {layer.name} (slot {layer.slot}); {FORM}")
        choice = np.array(_choice(key, plan[key], layer, columns))
        before = choices[layer.slot]
        if len(found) > 1 or ((before != choice) & (before >= 0)).any():
            raise UserError(f"decides twice on slot {layer.slot} (layer {layer.name})")
        choices[layer.slot] = choice
    return choices


def to_names(choices: np.ndarray, cost: PlanCost) -> dict:
    """The plan, int (slots, columns), as widths by layer name: an int where both are equal."""
    w_bits, a_bits = (bits[0].tolist() for bits in cost.widths(choices[None]))
    return {
        layer.name: w if w == a else [w, a]
        for layer, w, a in zip(cost.dynamic, w_bits, a_bits, strict=True)
    }


def _check_keys(plan: dict, dynamic: list[LayerCost]) -> None:
    names = [layer.name for layer in dynamic]
    for key in plan:
        if key not in {*names, *(str(layer.slot) for layer in dynamic), OTHERS}:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"; did you mean {near[0]}?" if near else "."
            raise UserError(
                f"no width is chosen for a layer {key!r:.60}{hint} Layers: {', '.join(names)}"
            )


def _choice(key: str, value, layer: LayerCost, columns: int) -> list[int]:
    """Candidates of one layer, one for each column. UserError: no such candidates."""
    widths = [value, value] if isinstance(value, int) else value
    if not isinstance(widths, list) or len(widths) != 2 or not all(type(b) is int for b in widths):
        raise UserError(f"{key}: {value!r:.40} is neither a width nor [weights, inputs]")
    w, a = widths
    pairs = list(zip(layer.w_bits, layer.a_bits, strict=True))
    if columns == 1 and (w, a) in pairs:
        return [pairs.index((w, a))]
    if columns == 2 and w in layer.w_bits and a in layer.a_bits:
        return [layer.w_bits.index(w), layer.a_bits.index(a)]
    alike = ", weights and inputs alike" if columns == 1 else ""
    has = ", ".join(map(str, layer.w_bits))
    raise UserError(f"{key}: {value} is not among this network's widths, {has}{alike}")
