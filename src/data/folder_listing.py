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
"""Lists PATH/{train,val,test}/CLASS/* and checks that the parts fit together; or PATH/CLASS/*, of which it
keeps a share as the test set."""

import logging
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np

from src.data.pictures import EXTENSIONS
from src.data.split import stratified_holdout
from src.errors import UserError

PARTS = ("train", "val", "test")
LAYOUT = "PATH/train/CLASS/*.jpg and PATH/val/CLASS/*.jpg, or PATH/CLASS/*.jpg"
TEST_SEED = 0x7E57  # the test set of a folder is the same in every run
FEWEST = 3  # pictures of a class: to train with, to hold out, to test with
KINDS = " ".join(sorted(EXTENSIONS))
SHOWN = 5  # names in an error text

LOG = logging.getLogger("dynquant")


def list_part(
    path: str | None, part: str, test_split: float = 0.2
) -> tuple[list[str], np.ndarray, list[str], int]:
    """(files, labels int32 [N], class names, how many entries were left out) of "train" or "test",
    by class, then by file name. What is left out is logged.

    A part on its own is fine (evaluation needs no training folder).

    Args:
        test_split: where the class folders stand in `path` itself, the share of each class, at least one
            picture, that is the test set; the file names alone decide which.

    Raises:
        UserError: no such folder, no class folders, a training class without pictures, class folders that
            differ between the parts, or a class with too few pictures to be split.
    """
    root = find_root(path)
    if holds_classes(root):
        return share_of(root, part, test_split)
    train, test = root / "train", root / "test"
    if not test.is_dir():
        test = root / "val"
    folder, other = (train, test) if part == "train" else (test, train)
    if not folder.is_dir():
        raise UserError(f"{folder} is missing; data.path={path} must be laid out as {LAYOUT}")
    if other.is_dir():
        check_same_classes(train, test)
    return list_classes(folder, may_lack=part != "train")


def holds_classes(root: Path) -> bool:
    """Whether the class folders stand in `root` itself: it has folders of other names than `PARTS`, and
    none of those names holds folders, as the parts do (a class may be called `train`)."""
    folders = [entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    parts = [folder for folder in folders if folder.name in PARTS]
    return len(folders) > len(parts) and not any(
        entry.is_dir() for folder in parts for entry in folder.iterdir()
    )


def share_of(root: Path, part: str, test_split: float) -> tuple[list[str], np.ndarray, list[str], int]:
    """The training or the test share of the class folders in `root`, as `list_part`."""
    files, labels, classes, left_out = list_classes(root, may_lack=False)
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() < FEWEST:
        few = int(counts.argmin())
        raise UserError(
            f"{root / classes[few]} holds {counts[few]} picture(s); a folder without train/ and val/ is split, "
            f"and needs {FEWEST} of each class"
        )
    kept, held = stratified_holdout(labels, test_split, TEST_SEED, least=1, left=FEWEST - 1)
    _tell_once(
        logging.INFO,
        f"{root} has no train/ and val/: {len(held)} of its {len(files)} pictures, the same in every run, are "
        f"the test set (data.test_split={test_split:g})",
    )
    chosen = kept if part == "train" else held
    return [files[i] for i in chosen], labels[chosen], classes, left_out


def list_classes(folder: Path, may_lack: bool) -> tuple[list[str], np.ndarray, list[str], int]:
    """The pictures of all class folders in `folder`, as `list_part`; may_lack: a class may have none."""
    classes = class_names(folder)
    files: list[str] = []
    labels: list[int] = []
    others: Counter[str] = Counter()
    for label, name in enumerate(classes):
        found, left_out = picture_files(folder / name)
        others += left_out
        if not found and not may_lack:
            raise UserError(
                f"{folder / name} holds no picture ({KINDS}); add some or remove the class folder"
            )
        files += found
        labels += [label] * len(found)
    if not files:
        raise UserError(f"the class folders in {folder} hold no picture ({KINDS})")
    tell_left_out(folder, others)
    return files, np.array(labels, np.int32), classes, others.total()


def find_root(path: str | None) -> Path:
    """`data.path`, which must be a folder."""
    if not path:
        raise UserError(f"data.path is not set; image_folder needs a folder laid out as {LAYOUT}")
    root = Path(path)
    if not root.is_dir():
        raise UserError(f"data.path={path} is not a folder; it must be laid out as {LAYOUT}")
    return root


def class_names(folder: Path) -> list[str]:
    """Sorted names of the class folders; hidden ones do not count."""
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    names = sorted(entry.name for entry in entries if entry.is_dir())
    lost = [entry for entry in entries if entry.is_symlink() and not entry.exists()]
    if lost:
        raise UserError(f"{lost[0]} is a link to nothing: repair it, or remove it with its class")
    if not names:
        raise UserError(f"{folder} has no class folders; image_folder needs {LAYOUT}")
    return names


def picture_files(folder: Path) -> tuple[list[str], Counter[str]]:
    """Sorted paths of the pictures in a class folder, and what else is there: suffix -> how many.

    The suffix decides. A link to nothing or a pipe that is named like a picture is listed: whoever
    reads it finds that it is none, and says so. Hidden files (._x.jpg) do not count.
    """
    pictures, others = [], Counter()
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        suffix = entry.suffix.lower()
        if suffix in EXTENSIONS:
            pictures.append(str(entry))
        else:
            others["folder" if entry.is_dir() else suffix or "without suffix"] += 1
    return sorted(pictures), others


def tell_left_out(folder: Path, others: Counter[str]) -> None:
    """Log what `picture_files` left out, if anything."""
    if others:
        kinds = sorted(others.items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{count} {kind}" for kind, count in kinds[:SHOWN])
        more = ", ..." if len(kinds) > SHOWN else ""
        _tell_once(
            logging.WARNING,
            f"{folder}: {others.total()} left out, as their names do not end in {KINDS}: {shown}{more}",
        )


@cache
def _tell_once(level: int, text: str) -> None:
    """A folder is listed by everyone who loads a split of it."""
    LOG.log(level, "%s", text)


def check_same_classes(train: Path, test: Path) -> None:
    """Labels are positions in the sorted names, so both parts must have the same names."""
    ours, theirs = set(class_names(train)), set(class_names(test))
    if ours == theirs:
        return
    parts = []
    for folder, names in ((train, sorted(ours - theirs)), (test, sorted(theirs - ours))):
        if names:
            more = ", ..." if len(names) > SHOWN else ""
            parts.append(f"{len(names)} only in {folder}: {', '.join(names[:SHOWN])}{more}")
    raise UserError(
        f"the class folders of {train} and {test} differ ({'; '.join(parts)}); make them the same"
    )
