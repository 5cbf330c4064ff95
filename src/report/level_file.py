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
"""The file of a run whose layers learned their levels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LEVELS_FILE = "levels.json"


@dataclass(frozen=True)
class LayerLevels:
    """One layer: rising levels of its weights and of its inputs, counts of its weights in equal bins
    between `edges`."""

    name: str
    weights: np.ndarray
    inputs: np.ndarray
    counts: np.ndarray
    edges: np.ndarray


def read_levels(file: Path) -> list[LayerLevels]:
    """The layers of levels.json. ValueError, KeyError, TypeError: it is no such file."""
    found = []
    for row in json.loads(file.read_text(encoding="utf-8"))["layers"]:
        counts = np.asarray(row["histogram"]["counts"], np.float64)
        low, high = float(row["histogram"]["from"]), float(row["histogram"]["to"])
        weights, inputs = (np.asarray(row[k], np.float64) for k in ("weights", "inputs"))
        if not (weights.size and inputs.size and counts.size and high > low):
            raise ValueError(f"layer {row['name']} holds no levels or no weights")
        edges = np.linspace(low, high, len(counts) + 1)
        found.append(LayerLevels(str(row["name"]), weights, inputs, counts, edges))
    return found
