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
"""ONNX files that ONNX Runtime runs, compared with the network.

`simulated`: the frozen network with its quantisers as float arithmetic, exact to float32 rounding;
with a controller the one-graph form, in which every candidate is computed and the chosen one kept.
`qdq`: a static network as int8 weights and QuantizeLinear / DequantizeLinear pairs (qdq.py),
which runtimes turn into their own integer kernels.

The packages onnx and onnxruntime (requirements-onnx.txt) are needed for this alone.
"""

import tempfile
from pathlib import Path

import numpy as np

from src.deploy.compare import check_answers, network_answers
from src.deploy.graph_files import export_graph
from src.deploy.integer.lower import Picture, lower
from src.deploy.mindir.pieces import Masked, frozen
from src.errors import UserError
from src.files import whole_file
from src.methods.base import System
from src.models.network import Answering

COMPARED = 16  # images
# Of the largest logit, for the median image: a value beside a rounding threshold may take the other
# code, which moves the logits of single images.
TOLERANCE = 0.05
OUTPUTS = ("logits", "choice")


def export_onnx(system: System, picture: Picture, dataset, path: Path, qdq: bool) -> dict:
    """Write `path` and return what to report.

    Args:
        picture: the images that the network takes.
        dataset: a data set of `data`, whose first images are compared.

    Raises:
        UserError: onnx or onnxruntime are not installed, logits that are not finite, `qdq` of a
            network with a controller or without widths, a full disk, or a file whose answers are not
            the network's.
    """
    onnx, _ = _packages()
    images = dataset.batch(np.arange(min(COMPARED, len(dataset))))
    expected, _ = network_answers(system, images)
    model = (
        _qdq(system, picture, expected.shape[1]) if qdq else _simulated(system, images[:1], onnx)
    )
    onnx.checker.check_model(model)
    with whole_file(path) as file:
        file.write_bytes(model.SerializeToString())
    logits = run_onnx(path, images)[0]
    differences = check_answers(path, logits, expected, TOLERANCE, np.median)
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "images": len(images),
        "top1_equal": float((logits.argmax(1) == expected.argmax(1)).mean()),
        "largest_difference": float(differences.max()),
        "median_difference": float(np.median(differences)),
    }


def run_onnx(path: Path, images: np.ndarray) -> list[np.ndarray]:
    """The outputs for images (N, 3, S, S) float32, one at a time, by ONNX Runtime on the CPU."""
    _, onnxruntime = _packages()
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    answers = [session.run(None, {name: image[None]}) for image in images]
    return [np.concatenate(output) for output in zip(*answers, strict=True)]


def _packages():
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise UserError(
            f"{error}: ONNX files need it; install it with pip install -r requirements-onnx.txt"
        ) from error
    return onnx, onnxruntime


def _simulated(system: System, image: np.ndarray, onnx):
    network = frozen(system)
    cell = Answering(network) if network.controller is None else Masked(network)
    cell.set_train(False)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "network.onnx")
        export_graph(cell, [image], file, "ONNX")
        model = onnx.load(file)
    _name_outputs(model)
    return model


def _name_outputs(model) -> None:
    """MindSpore's names for them are its own and change."""
    names = {o.name: new for o, new in zip(model.graph.output, OUTPUTS, strict=False)}
    for output in model.graph.output:
        output.name = names[output.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def _qdq(system: System, picture: Picture, classes: int):
    from src.deploy.onnx.qdq import as_qdq

    if system.controller is not None:
        raise UserError("--qdq: a network with a controller has no fixed widths; leave --qdq out")
    if not any(layer.w_bits for layer in system.cost.layers):
        raise UserError("--qdq needs a quantised network; method.name=float has no widths")
    return as_qdq(lower(system, picture, {}), picture.size, classes)
