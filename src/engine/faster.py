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
"""Whether the widths that images got made them faster here than the widest ones would have.

Fewer BitOPs need not be fewer milliseconds: that depends on the kernels of a machine.
"""

import logging
import statistics
import time

import numpy as np

from src.engine.classifier import Classifier
from src.engine.native import Native
from src.engine.plans import uniform_choices
from src.engine.wish import Wish

LOG = logging.getLogger("dynquant")
IMAGES, TURNS = 8, 5


def warn_if_not_faster(classifier: Classifier, images: np.ndarray) -> None:
    """Answer some images (N, 3, size, size) again, as before and at the widest width, in turn, and say so where
    that gained nothing. Only of the native engine, of networks whose widths can be chosen."""
    program, engine = classifier.program, classifier.engine
    widths = list(uniform_choices(program)) if program.plan_shape else []
    if not widths or not isinstance(engine, Native) or not len(images):
        return
    images = images[:IMAGES]
    answers = {"own": classifier, "widest": Classifier(program, engine, Wish(bits=widths[-1]))}
    if all(a.bitops >= b.bitops for a, b in zip(*(run(images) for run in answers.values()), strict=True)):
        return  # nothing was to be gained
    ms = {name: [] for name in answers}
    for _ in range(TURNS):
        for name, run in answers.items():
            start = time.perf_counter()
            run(images)
            ms[name].append(1e3 * (time.perf_counter() - start) / len(images))
    # In every turn: what is as fast is faster in some, by the machine's noise.
    if all(own > widest for own, widest in zip(ms["own"], ms["widest"], strict=True)):
        own, widest = map(statistics.median, ms.values())
        LOG.warning(
            "the widths of these images save BitOPs, but no time on this machine: %.3g ms an image, at %d bits "
            "throughout %.3g ms; bench.py layers shows where", own, widths[-1], widest,
        )  # fmt: skip
