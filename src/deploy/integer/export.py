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
"""The integer artefact of a trained network, read back by an engine and compared with the network."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from src.cost.ladder import Ladder
from src.deploy.compare import NOT_QUANTISED, check_answers, network_answers, relative_differences
from src.deploy.integer.lower import Picture, lower
from src.deploy.sensitivity import moved
from src.engine.artefact import save_artefact
from src.engine.choose_engine import open_engine
from src.errors import UserError
from src.methods.base import System

# Of the largest logit, for the median image. The same sums in float32 and in integers may send a
# value to the code beside; that moves the logits of a single image, an error moves those of all.
TOLERANCE = 0.05
OWN = 3.0  # or so many times what the network's own logits move by for nothing (sensitivity.py)
COMPARED = 8  # images, as a rule
AT_ONCE = 32  # of them in the network's memory


@dataclass(frozen=True)
class Comparison:
    """The engine and the network on the same images.

    Attributes:
        images: how many.
        engine: native or oracle.
        plans_equal: share of the images with the same widths, 1 without a controller.
        top1_equal: share with the same class.
        own_top1_equal: the same of the network and itself with its last bits changed (sensitivity.py).
            Integers cannot be expected to be nearer to it.
        largest_difference: of a logit, relative to the image's largest.
        median_difference: the same for the median image.
    """

    images: int
    engine: str
    plans_equal: float
    top1_equal: float
    own_top1_equal: float
    largest_difference: float
    median_difference: float


def export_int(
    system: System,
    picture: Picture,
    notes: dict,
    path: Path,
    dataset,
    ladder: Ladder | None = None,
    compared: int = COMPARED,
) -> dict:
    """Write `path` and return what to report: the file and the fields of `Comparison`.

    Args:
        picture: what the network takes.
        notes: documentation that goes into the file: names, labels, provenance.
        dataset: a data set of `data`, whose first images are compared.
        ladder: of the network, if it has one; goes into the notes, with thresholds for its integers.
        compared: images; of a smaller data set all.

    Raises:
        UserError: a float network, one whose logits are not finite, something that integers cannot
            hold, a file that cannot be written, or one whose answers are not the network's.
    """
    if not any(layer.w_bits for layer in system.cost.layers):
        raise UserError(f"--format int needs a quantised network; {NOT_QUANTISED}")
    if system.learned is not None:
        system.learned.become_integral()
    some = np.arange(min(compared, len(dataset)))
    expected, expected_plan = _answers(system, dataset, some)
    with moved(system):
        own, _ = _answers(system, dataset, some)
    program = lower(system, picture, notes)
    if ladder is not None:
        program.notes["ladder"] = ladder.as_integers(program.notes["exponent"]).as_dict()
    save_artefact(program, path)
    engine = open_engine(path)
    logits, plan = engine.run(dataset.pixels(some))
    real = logits.astype(np.float64) * 2.0 ** -program.notes["exponent"]
    own_movement = np.median(relative_differences(own, expected))
    check_answers(path, real, expected, max(TOLERANCE, OWN * own_movement), np.median)
    found = compare(real, plan, expected, expected_plan, own, type(engine).__name__.lower())
    return {"file": str(path), "bytes": path.stat().st_size, **asdict(found)}


def _answers(system: System, dataset, some: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """`network_answers` for the images of these numbers."""
    parts = [
        network_answers(system, dataset.batch(some[at : at + AT_ONCE])) for at in range(0, len(some), AT_ONCE)
    ]
    logits, plans = zip(*parts, strict=True)
    return np.concatenate(logits), None if plans[0] is None else np.concatenate(plans)


def compare(logits, plan, expected, expected_plan, own, engine: str) -> Comparison:
    """Arrays: logits (N, classes), plans (N, layers, columns) or None; own: the network's, moved."""
    same = np.ones(len(logits), bool)
    if plan is not None:
        same = (plan == expected_plan).all((1, 2))
    difference = relative_differences(logits, expected)
    classes = expected.argmax(1)
    return Comparison(
        len(logits), engine, float(same.mean()), float((logits.argmax(1) == classes).mean()),
        float((own.argmax(1) == classes).mean()), float(difference.max()), float(np.median(difference)),
    )  # fmt: skip
