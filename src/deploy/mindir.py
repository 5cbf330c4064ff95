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

Exported with MindSpore's own operators only and every candidate width as a branch (mixture), so
that it runs wherever MindSpore does, without this project.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn

from src.deploy.graph_files import export_graph
from src.deploy.stages import hold_mixture
from src.errors import UserError
from src.methods.base import Method

TOLERANCE = 1e-4  # of the largest logit


class Deployed(nn.Cell):
    """(image (N, 3, S, S) float32) -> logits, or (logits, plan) with a controller; no noise."""

    def __init__(self, method: Method, batch: int):
        super().__init__(auto_prefix=False)
        self.network = method.network
        self.noise = [Tensor(x) for x in method.noise(np.random.default_rng(0), batch, False)]

    def construct(self, image):
        return self.network(image, *self.noise)


def export_mindir(method: Method, path: Path, batch: int, image_size: int) -> Deployed:
    """Write `path` (a `.mindir` file) for images of one size and one batch size.

    Raises:
        UserError: the file cannot be written.
    """
    hold_mixture(method.network)
    method.sample = False
    deployed = Deployed(method, batch)
    deployed.set_train(False)
    image = np.zeros((batch, 3, image_size, image_size), np.float32)
    export_graph(deployed, [image], path, "MINDIR")
    return deployed


def export_checked(method: Method, path: Path, batch: int, dataset) -> dict:
    """Write `path`, run it in a fresh process on the first images of `dataset` (over and over, where
    a batch takes more than it has), and return what to report.

    Raises:
        UserError: the file cannot be written, or its logits are not the network's.
    """
    deployed = export_mindir(method, path, batch, dataset.image_size)
    images = dataset.batch(np.arange(batch) % len(dataset))
    expected = deployed(Tensor(images))
    expected = (expected[0] if isinstance(expected, tuple) else expected).asnumpy()
    difference = np.abs(run_mindir(path, images)[0] - expected).max() / np.abs(expected).max()
    if difference > TOLERANCE:
        raise UserError(f"{path} differs from the network by {difference:.2e} of its largest logit")
    return {"file": str(path), "batch": batch, "largest_difference": float(difference)}


def run_mindir(path: Path, images: np.ndarray) -> list[np.ndarray]:
    """The outputs of a MINDIR file for a batch, computed in a fresh process."""
    with tempfile.TemporaryDirectory() as scratch:
        source, result = Path(scratch, "images.npy"), Path(scratch, "outputs.npz")
        np.save(source, images)
        command = [sys.executable, "-m", "src.deploy.run_mindir", path.resolve(), source, result]
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run(
            list(map(str, command)), cwd=root, capture_output=True, text=True, timeout=600
        )
        if done.returncode:
            raise UserError(f"{path} does not run: {done.stderr.strip().splitlines()[-1:]}")
        with np.load(result) as outputs:
            return [outputs[name] for name in outputs.files]
