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
"""MINDIR: the network as one MindSpore graph file, image in, logits (and plan) out.

Exported with MindSpore's own operators only and every candidate width as a branch (mixture), or, held
at one width, that width alone, so that it runs wherever MindSpore does, without this project.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn

from src.deploy.compare import check_answers, network_answers
from src.deploy.graph_files import export_graph
from src.deploy.held import HeldNetwork
from src.deploy.mindir.pieces import hold_mixture
from src.errors import UserError
from src.methods.base import System
from src.models.network import Answering

COMPARED = 8  # images, at least
TOLERANCE = 1e-4  # of the largest logit, for every image
HELD_TOLERANCE = 0.05  # for the median image, where the normalisation is folded (export_bundle.py)
MOST_SECONDS = 600  # for the file to answer, and one more for each image


class Deployed(nn.Cell):
    """(image (N, 3, S, S) float32) -> (logits,), or (logits, plan) with a controller; nothing random."""

    def __init__(self, system: System, batch: int):
        super().__init__(auto_prefix=False)
        self.network = Answering(system.network)
        self.draws = [Tensor(x) for x in system.drawn(np.random.default_rng(0), batch, False)]

    def construct(self, image):
        return self.network(image, *self.draws)


def export_mindir(system: System, path: Path, batch: int, image_size: int) -> None:
    """Write `path` (a `.mindir` file) for images of one size and one batch size. A network that is held
    at one width (`system.forced`) is frozen by it.

    Raises:
        UserError: the file cannot be written.
    """
    hold_mixture(system.network)
    system.sample = False
    forced = system.forced
    cell = Deployed(system, batch) if forced is None else HeldNetwork(system).whole(forced)
    cell.set_train(False)
    image = np.zeros((batch, 3, image_size, image_size), np.float32)
    export_graph(cell, [image], path, "MINDIR")


def export_checked(system: System, path: Path, batch: int, dataset) -> dict:
    """Write `path`, run it in a fresh process on the first images of `dataset` (over and over, where
    a batch takes more than it has), compare it with the network as it is evaluated, and return what
    to report.

    Raises:
        UserError: logits that are not finite, a file that cannot be written, or one whose logits are
            not the network's.
    """
    hold_mixture(system.network)  # as in the file: its sums have the same order
    count = batch * -(-COMPARED // batch)  # whole batches
    images = dataset.batch(np.arange(count) % len(dataset))
    batches = images.reshape(-1, batch, *images.shape[1:])
    expected = np.concatenate([network_answers(system, part)[0] for part in batches])
    export_mindir(system, path, batch, dataset.image_size)
    logits = np.concatenate([outputs[0] for outputs in run_mindir(path, batches)])
    judged_by = (TOLERANCE, np.max) if system.forced is None else (HELD_TOLERANCE, np.median)
    differences = check_answers(path, logits, expected, *judged_by)
    return {"file": str(path), "batch": batch, "images": count,
            "largest_difference": float(differences.max())}  # fmt: skip


def run_mindir(path: Path, batches: np.ndarray) -> list[list[np.ndarray]]:
    """The outputs of a MINDIR file for each batch, float32 (batches, N, 3, S, S), computed in a fresh
    process.

    Raises:
        UserError: it does not run.
    """
    with tempfile.TemporaryDirectory() as scratch:
        source, result = Path(scratch, "images.npy"), Path(scratch, "outputs.npz")
        np.save(source, batches)
        command = [sys.executable, "-m", "src.deploy.mindir.run_file", path.resolve(), source, result]
        root = Path(__file__).resolve().parents[3]
        images = batches.shape[0] * batches.shape[1]
        seconds = MOST_SECONDS + images
        try:
            done = subprocess.run(
                list(map(str, command)), cwd=root, capture_output=True, text=True, timeout=seconds
            )
        except subprocess.TimeoutExpired as error:
            raise UserError(
                f"{path} did not answer {images} images within {seconds} s; a smaller --batch is compared "
                "with fewer"
            ) from error
        if done.returncode:
            raise UserError(f"{path} does not run: {done.stderr.strip().splitlines()[-1:]}")
        with np.load(result) as outputs:
            stacks = [outputs[name] for name in outputs.files]
        return [list(of_batch) for of_batch in zip(*stacks, strict=True)]
