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
"""Runs a bundle with MindSpore itself: the reference for other runtimes, and slow.

Only files of IR version 3; MindSpore 2.10 does not read all of those rewritten for older runtimes.
"""

from pathlib import Path

import numpy as np
from mindspore import Tensor

from src.cost.ladder import Ladder, climb, margin_of
from src.deploy.graph_files import load_graph
from src.deploy.mindir.bundle import Bundle, BundleStage, read_bundle


def run_in_mindspore(folder: Path, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits float32 (N, classes) and choices int32 (N, layers, columns) of images (N, 3, S, S); of a
    bundle that escalates, by its usual setting."""
    bundle = read_bundle(folder)
    if bundle.ladder is not None:
        rungs = run_rungs(folder, images)
        ends = ends_of(bundle.ladder, rungs)
        return rungs[ends, np.arange(len(images))], ends[:, None, None].astype(np.int32)
    run = _Files(folder)
    answers = [_one(bundle, run, image[None]) for image in images]
    logits, choices = zip(*answers, strict=True)
    return np.concatenate(logits), np.stack(choices)


def run_rungs(folder: Path, images: np.ndarray) -> np.ndarray:
    """Logits float32 (R, N, classes) at every width of a bundle that escalates."""
    bundle = read_bundle(folder)
    run, (tail,) = _Files(folder), bundle.stages
    answers = []
    for image in images:
        maps = run(bundle.front, image[None]) if bundle.front else [image[None]]
        answers.append([run(file, *maps)[0] for file in tail.files])
    return np.concatenate(answers, 1)


def ends_of(ladder: Ladder, logits: np.ndarray) -> np.ndarray:
    """Which of a ladder's widths answers each image by its usual setting, int64 (N,).

    logits: (R, N, classes), at every width.
    """
    row = ladder.cheapest_like_top()
    rungs = np.array([ladder.bits.index(bits) for bits in row.bits])
    return rungs[climb(np.stack([margin_of(logits[rung]) for rung in rungs]), row.margins)]


def run_mask(folder: Path, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of the one-file form."""
    bundle = read_bundle(folder)
    run = _Files(folder)
    outputs = [run(bundle.mask, image[None]) for image in images]
    choices = [_arg_max(bundle, choice) for _, choice in outputs]
    return np.concatenate([logits for logits, _ in outputs]), np.stack(choices)


class _Files:
    """Loads each file once."""

    def __init__(self, folder: Path):
        self.folder, self.graphs = folder, {}

    def __call__(self, name: str, *inputs: np.ndarray) -> list[np.ndarray]:
        if name not in self.graphs:
            self.graphs[name] = load_graph(self.folder / name)
        outputs = self.graphs[name](*map(Tensor, inputs))
        if isinstance(outputs, Tensor):
            outputs = (outputs,)
        return [output.asnumpy() for output in outputs]


def _one(bundle: Bundle, run: _Files, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    maps, choices = {0: image}, np.zeros((bundle.layers, bundle.columns), np.int32)
    if bundle.front:
        maps[0], logits = run(bundle.front, image)
        choices = _arg_max(bundle, logits)
    for stage in bundle.stages:
        name = stage.files[_file_of(bundle, stage, choices)]
        result = run(name, *[maps[i] for i in stage.inputs])[0]
        if stage.decides >= 0:
            choices[stage.decides] = result.reshape(bundle.columns, -1).argmax(-1)
        else:
            maps[stage.output] = result
    return maps[bundle.stages[-1].output], choices


def _arg_max(bundle: Bundle, logits: np.ndarray) -> np.ndarray:
    shape = (bundle.layers, bundle.columns, len(bundle.bits))
    return logits.reshape(shape).argmax(-1).astype(np.int32)


def _file_of(bundle: Bundle, stage: BundleStage, choices: np.ndarray) -> int:
    if stage.slot < 0:
        return 0
    chosen = choices[stage.slot]
    return chosen[0] * len(bundle.bits) + chosen[1] if bundle.columns == 2 else chosen[0]
