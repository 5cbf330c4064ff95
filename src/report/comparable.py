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
"""Which runs can be compared with which, and what stands against it, in words.

Accuracies compare on the same images. Runs that answered the same ones, as far as their folders tell (data
set, positions, labels), are a group, and whatever compares stays within one. The first run of a group is the
one that its others are held against.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from src.data import cifar10, digits
from src.report.formats import count
from src.report.load import Run
from src.report.stats import is_correct

CLASSES = {"cifar10": cifar10.CLASSES, "digits": digits.CLASSES}  # of older evaluations, which do not tell them


@dataclass(frozen=True)
class Entry:
    """An evaluated run on a page of several: `number` is its name there, counted from 1."""

    number: int
    run: Run

    @property
    def totals(self) -> dict:
        return self.run.evaluation.totals

    @property
    def arrays(self) -> dict | None:
        return self.run.evaluation.arrays

    @property
    def data(self) -> str:
        return str(self.run.setting("data.name", "unknown data"))

    @cached_property
    def right(self):
        """bool (N,): which of its answers are right; None without answers."""
        return None if self.arrays is None else is_correct(self.run.evaluation)

    @cached_property
    def trained(self) -> tuple[int, int]:
        """(float epochs before the method's own, the method's own), as metrics.csv counts them. Epochs in which
        a new classifier learned alone are neither: the network stood still."""
        stages = Counter(self.run.metrics.stage if self.run.metrics else ())
        stages.pop("head", None)
        if not stages:
            return 0, int(self.run.setting("train.epochs") or 0)
        before = 0 if self.run.setting("method.name") == "float" else stages["float"]
        return before, sum(stages.values()) - before

    @property
    def training(self) -> str:
        """Its length in words."""
        before, own = self.trained
        if not before + own:
            return "no training"
        return f"{own} epoch{'' if own == 1 else 's'}" + (f" after {before} in float" if before else "")


@dataclass(frozen=True)
class Group:
    """Runs that answered the same images."""

    entries: list[Entry]

    @property
    def title(self) -> str:
        first = self.entries[0]
        images = first.totals.get("images") or (first.arrays is not None and len(first.right))
        return f"{first.data}, {count(images)} test images" if images else first.data

    @cached_property
    def names(self) -> list[str] | None:
        """Of the classes, from whichever run tells them."""
        told = (entry.run.evaluation.class_names for entry in self.entries)
        known = CLASSES.get(self.entries[0].data)
        return next(filter(None, told), None) or (list(known) if known else None)

    @property
    def others(self) -> list[Entry]:
        """All but the first, where answers are there to hold against its own."""
        return self.entries[1:] if self.entries[0].arrays is not None else []


def groups(entries: Sequence[Entry]) -> list[Group]:
    """By the images that were answered; order is kept."""
    return [Group(group) for _, group in _by(entries, _images)]


def _images(entry: Entry) -> Hashable:
    """What two runs have alike that answered the same images."""
    if entry.arrays is None:
        return entry.number
    of_a_user = entry.data in ("image_folder", "arrays")
    path = entry.run.setting("data.path") if of_a_user else None
    answered = tuple(entry.arrays[name].astype("int64").tobytes() for name in ("index", "label"))
    return entry.data, Path(path).name if path else None, answered


def objections(found: Sequence[Group]) -> list[tuple[str, str]]:
    """(title, text) of what stands against comparing; empty where nothing does."""
    entries = [entry for group in found for entry in group.entries]
    data = _by(entries, lambda entry: entry.data)
    said = []
    if len(data) > 1:
        listed = ", ".join(f"{name} ({numbers(group)})" for name, group in data)
        said.append(("These runs are on different data sets:", f"{listed}. Their accuracies do not compare."))
    for name, _ in data:
        apart = [group for group in found if group.entries[0].data == name and group.entries[0].arrays is not None]
        if len(apart) > 1:
            listed = "; ".join(f"{numbers(group.entries)} on {count(len(group.entries[0].right))}" for group in apart)
            text = f"{listed}. Accuracies compare among runs on the same images only, and nothing is tested across."
            said.append((f"Not all runs on {name} answered the same test images:", text))
    if silent := [entry for entry in entries if entry.arrays is None]:
        text = f"{numbers(silent)}. Nothing can be tested; eval.py writes them to eval/test.npz."
        said.append(("Answers to single images are missing:", text))
    for group in found:
        lengths = _by(group.entries, lambda entry: entry.trained)
        if len(lengths) > 1:
            listed = "; ".join(f"{alike[0].training} ({numbers(alike)})" for _, alike in lengths)
            text = f"{listed}. A difference between these may come from that alone."
            where = f" on {group.entries[0].data}" if len(found) > 1 else ""
            said.append((f"These runs{where} were not trained equally long:", text))
    return said


def numbers(entries: Sequence[Entry]) -> str:
    """`run 2`, or `runs 1, 3`."""
    listed = ", ".join(str(entry.number) for entry in entries)
    return f"run{'s' * (len(entries) > 1)} {listed}"


def _by(entries: Sequence[Entry], key: Callable[[Entry], Hashable]) -> list[tuple]:
    """(key, the entries that have it), in the order in which keys occur."""
    found: dict[Hashable, list[Entry]] = {}
    for entry in entries:
        found.setdefault(key(entry), []).append(entry)
    return list(found.items())
