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
"""Pictures answered one batch after the other, a line each."""

import json
import logging
import time
from collections.abc import Callable, Iterable

import numpy as np

from src.engine.classifier import Classifier
from src.engine.faster import warn_if_not_faster
from src.printable import printable

LOG = logging.getLogger("dynquant")
MANY = 64  # pictures: more are answered in batches, and their rate is told


def print_answers(
    classifier: Classifier, batches: Iterable[list], as_json: bool, refuse: Callable[[str, Exception], None]
) -> int:
    """Print the answers, and return how many there were.

    Args:
        batches: lists of (file, uint8 (3, size, size), or the error that it cannot be read).
        as_json: an object of each in place of a line of text.
        refuse: told of each file that cannot be read, and why.
    """
    answered, start = 0, time.perf_counter()
    for batch in batches:
        for file, view in batch:
            if not isinstance(view, np.ndarray):
                refuse(file, view)
        read = [(file, view) for file, view in batch if isinstance(view, np.ndarray)]
        if not read:
            continue
        images = np.stack([view for _, view in read])
        for (file, _), answer in zip(read, classifier(images), strict=True):
            print(json.dumps({"file": file, **vars(answer)}) if as_json else f"{printable(file)}  {answer}")
        print(end="", flush=True)
        if not answered:
            warn_if_not_faster(classifier, images)
        answered += len(read)
    if answered > MANY:
        LOG.info("%.0f images a second", answered / (time.perf_counter() - start))
    return answered
