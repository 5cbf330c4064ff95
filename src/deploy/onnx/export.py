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
with a controller the one-graph form, in which every candidate is computed and the chosen one kept, or
the graph of one width. A network that escalates is a folder: a graph for each width, and the ladder.
`qdq`: a static network as int8 weights and QuantizeLinear / DequantizeLinear pairs (qdq.py),
which runtimes turn into their own integer kernels.

The packages onnx and onnxruntime (requirements-onnx.txt) are needed for this alone.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
from mindspore import nn

from src.cost.ladder import Ladder
from src.deploy.compare import (
    NOT_QUANTISED,
    check_answers,
    network_answers,
    relative_differences,
    rung_answers,
)
from src.deploy.folders import written_whole
from src.deploy.graph_files import export_graph
from src.deploy.held import HeldNetwork
from src.deploy.integer.lower import Picture, lower
from src.deploy.mindir.pieces import Masked, frozen
from src.errors import UserError
from src.files import whole_file
from src.methods.base import System
from src.models.network import Answering

COMPARED = 16  # images
# Of the largest logit, for the median image: a value beside a rounding threshold may take the other
# code, which moves the logits of single images.
TOLERANCE = 1e-3
# ONNX Runtime's step that rounds biases for its integer kernels (qdq.py), which says nothing of the file.
ROUNDS_BIASES = "WeightBiasQuantization"
OUTPUTS = ("logits", "choice")
LADDER = "ladder.json"


def export_onnx(system: System, picture: Picture, dataset, path: Path, qdq: bool) -> dict:
    """Write `path` and return what to report.

    Args:
        system: held at `forced`, where that is set.
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
        _qdq(system, picture, expected.shape[1])
        if qdq
        else _simulated(_one_graph(system), images[:1], onnx)
    )
    return {"file": str(path), **_write(model, path, images, expected)}


def export_rungs(system: System, ladder: Ladder, dataset, folder: Path) -> dict:
    """Write `folder` and return what to report: a graph for each of the ladder's widths, WIDTHbit.onnx,
    from the image to the logits, and ladder.json, whose rows tell when the next one is asked.

    Raises:
        UserError: as `export_onnx`, or a folder that holds something else.
    """
    onnx, _ = _packages()
    images = dataset.batch(np.arange(min(COMPARED, len(dataset))))
    answers = rung_answers(system, images, ladder.bits)
    with written_whole(folder, lambda path: (path / LADDER).is_file()) as made:
        held, rows = HeldNetwork(system), {}
        for bits, expected in zip(ladder.bits, answers, strict=True):
            model = _simulated(held.whole(system.widths.index(bits)), images[:1], onnx)
            rows[bits] = _write(model, made / f"{bits}bit.onnx", images, expected)
        (made / LADDER).write_text(json.dumps(ladder.as_dict(), indent=1), encoding="utf-8")
    return {"folder": str(folder), "rungs": rows}


def _write(model, path: Path, images: np.ndarray, expected: np.ndarray) -> dict:
    """The file, and how far answers of a session as it comes are from the network's."""
    onnx, _ = _packages()
    onnx.checker.check_model(model)
    with whole_file(path) as file:
        file.write_bytes(model.SerializeToString())
    check_answers(path, run_onnx(path, images, [ROUNDS_BIASES])[0], expected, TOLERANCE, np.median)
    logits = run_onnx(path, images)[0]
    differences = relative_differences(logits, expected)
    return {
        "bytes": path.stat().st_size,
        "images": len(images),
        "top1_equal": float((logits.argmax(1) == expected.argmax(1)).mean()),
        "largest_difference": float(differences.max()),
        "median_difference": float(np.median(differences)),
    }


def run_onnx(path: Path, images: np.ndarray, without: list[str] | None = None) -> list[np.ndarray]:
    """The outputs for images (N, 3, S, S) float32, one at a time, by ONNX Runtime on the CPU, without these steps of
    its optimisation."""
    _, onnxruntime = _packages()
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(str(path), providers=providers, disabled_optimizers=without)
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


def _one_graph(system: System) -> nn.Cell:
    if system.forced is not None:
        return HeldNetwork(system).whole(system.forced)
    network = frozen(system)
    return Answering(network) if network.controller is None else Masked(network)


def _simulated(cell: nn.Cell, image: np.ndarray, onnx):
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
        raise UserError(f"--qdq needs a quantised network; {NOT_QUANTISED}")
    return as_qdq(lower(system, picture, {}), picture.size, classes)
