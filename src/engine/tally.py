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
"""A labelled test set, answered by one artefact."""

import logging
from collections import Counter

import numpy as np
from tqdm import tqdm

from src.engine.classifier import Classifier

LOG = logging.getLogger("dynquant")


def judge(classifier: Classifier, dataset, batch: int) -> dict:
    """top1 (0..1), images, and means over the images: bitops, those of the controller, mean_bits, ms of the engine;
    where images escalate also `rungs`, each width's share of the images that it answered.

    Args:
        dataset: len(), labels int (N,), pixels(indices) -> uint8 (B, 3, S, S).
        batch: images per call of the engine.
    """
    count, hits = len(dataset), 0
    bitops, mean_bits, ms = 0, 0.0, 0.0
    passes: Counter[int] = Counter()
    for first in _watched(range(0, count, batch), "test"):
        some = np.arange(first, min(first + batch, count))
        for answer, label in zip(classifier(dataset.pixels(some)), dataset.labels[some], strict=True):
            hits += int(answer.index == label)
            bitops += answer.bitops
            mean_bits += answer.mean_bits
            ms += answer.ms
            passes[answer.passes] += 1
    if dataset.errors:
        LOG.warning("%d files are no pictures, or not readable: see above", dataset.errors)
    row = {
        "top1": hits / count, "images": count, "bitops": bitops / count,
        "bitops_controller": classifier.controller_bitops, "mean_bits": mean_bits / count, "ms": ms / count,
    }  # fmt: skip
    rungs = classifier.rungs.bits if classifier.rungs else ()
    if len(rungs) > 1:
        row["rungs"] = {str(bits): passes[n] / count for n, bits in enumerate(rungs, 1)}
    return row


def _watched(steps: range, what: str):
    """The steps, with a bar on a terminal and a line for each tenth elsewhere."""
    with tqdm(steps, desc=what, leave=False, disable=None, dynamic_ncols=True) as bar:
        for done, step in enumerate(bar):
            if bar.disable and 10 * done // len(steps) > 10 * (done - 1) // len(steps) >= 0:
                LOG.info("%s: %d of %d batches", what, done, len(steps))
            yield step
