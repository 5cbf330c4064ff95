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
"""What a C++ harness runs, seen from Python: a bundle of MINDIR files or an integer artefact.

preprocess.py asks it which images the files take, postprocess.py what the answers mean and cost.
"""

from pathlib import Path

import numpy as np

from src.cost.bitops import PlanCost
from src.deploy.mindir.bundle import FILE, read_bundle
from src.engine.artefact import load_artefact
from src.engine.check import check
from src.engine.count import cost_of
from src.engine.notes import parse_notes
from src.errors import UserError

ARTEFACT = "model.safetensors"
NOTES = "notes.json"


class Deployment:
    """One exported network.

    Attributes:
        notes: what export.py knew: data, names of its classes, image_size, mean, std, ... (engine/notes.py)
        classes: how many logits; those past the names have none.
        choices: shape (layers, columns) of an image's choices, None without a controller.
        logits: dtype of the logits that the harness writes.
        pixels: True: it takes uint8 pixels; False: normalised float32 images.
        cost: prices an image's choices.
    """

    notes: dict
    classes: int
    choices: tuple[int, int] | None
    logits: type
    pixels: bool
    cost: PlanCost

    def note(self, key: str):
        """What the notes say of `key`. UserError: nothing."""
        if key not in self.notes:
            raise UserError(f"the notes of this network lack {key}; export it again")
        return self.notes[key]


class BundleDeployment(Deployment):
    """A bundle's folder. Raises UserError for one that export.py did not write."""

    logits, pixels = np.float32, False

    def __init__(self, folder: Path):
        bundle = read_bundle(folder)
        self.notes, self.classes, self.cost = _notes(folder / NOTES), bundle.classes, bundle.cost()
        self.choices = (bundle.layers, bundle.columns) if bundle.layers > 0 else None


class ArtefactDeployment(Deployment):
    """An integer artefact. Raises UserError for one that is missing or damaged."""

    logits, pixels = np.int32, True

    def __init__(self, path: Path):
        program = load_artefact(path)
        self.notes, self.cost = program.notes, cost_of(program)
        self.classes = check(program)[-1].shape[0]
        self.choices = program.plan_shape and program.plan_shape[:2]


def open_deployment(path: Path) -> Deployment:
    """`path`: a folder with bundle.cfg or model.safetensors, or an artefact.

    Raises:
        UserError: none of them, or a damaged one.
    """
    if (path / FILE).is_file():
        return BundleDeployment(path)
    if path.is_dir():
        if not (path / ARTEFACT).is_file():
            raise UserError(
                f"{path} holds neither {FILE} nor {ARTEFACT}; make one with export.py "
                "--format mindir --bundle, or --format int"
            )
        path = path / ARTEFACT
    return ArtefactDeployment(path)


def _notes(path: Path) -> dict:
    try:
        return parse_notes(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); export the bundle again") from error
