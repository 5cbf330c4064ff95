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
"""What tables and sentences of pages are held to: the files of `results/`."""

import json
import re

from tests.project.files import ROOT

RESULTS = ROOT / "results"
BENCHES = sorted(path.stem for path in (RESULTS / "bench").glob("*.json"))


def read(name: str, record: str) -> dict:
    return json.loads((RESULTS / record / name).read_text(encoding="utf-8"))


def rows(text: str, *columns: str) -> list[dict[str, str]]:
    """The rows of the one Markdown table with these columns, by column; code marks are dropped."""
    found = tables(text, *columns)
    assert len(found) == 1, f"{len(found)} tables with the columns {columns}"
    return found[0]


def tables(text: str, *columns: str) -> list[list[dict[str, str]]]:
    """The same of every table with these columns."""
    found = []
    for block in re.findall(r"(?m)(?:^\|.*\n?)+", text):
        head, _, *body = (
            [cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in block.splitlines()
        )
        if set(columns) <= set(head):
            found.append([dict(zip(head, cells, strict=True)) for cells in body])
    return found


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def readme() -> str:
    return text_of("README.md")


def only(entries: list[dict], **wanted) -> dict:
    (found,) = (row for row in entries if all(row[key] == value for key, value in wanted.items()))
    return found


def step_times(file: str, kind: str) -> dict[str, tuple[float, float]]:
    """(median, smallest) in ms of each runner; `torch` in the layout with the smaller median."""
    measured = [row for row in read(f"{file}.json", "bench")["rows"] if row["kind"] == kind]
    times = {row["runner"]: (row["median_ms"], row["min_ms"]) for row in measured}
    peers = [times[name] for name in ("torch", "torch-channels_last") if name in times]
    return times | ({"torch": min(peers)} if peers else {})
