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
"""What the trained network itself says of images: what every exported file is compared with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from src.errors import UserError
from src.methods.base import System

SHOWN = 3  # names in an error text
NOT_QUANTISED = (
    "no layer of this one has a width: method.name=float, or all are ends (which quant.first_last=8 quantises) or "
    "float exceptions"
)
WAY_OUT = "export other weights, or train again (a lower train.lr may help)"


def network_answers(system: System, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Logits float32 (N, classes), and the plan (N, layers, columns) of candidates, if any.

    Args:
        images: float32 (N, 3, S, S), normalised.

    Raises:
        UserError: weights or logits that are not finite, which no file could be compared with.
    """
    _refuse_broken_weights(system)
    system.sample = False
    draws = system.drawn(np.random.default_rng(0), len(images), False)
    logits, plan = system.answer(images, draws)
    if not np.isfinite(logits).all():
        raise UserError(f"nothing is exported: the network's logits are not finite; {WAY_OUT}")
    return logits, None if plan is None else plan.argmax(-1)


def rung_answers(system: System, images: np.ndarray, bits: tuple[int, ...]) -> np.ndarray:
    """Logits float32 (R, N, classes) of the network at R of its widths, as `network_answers`."""
    forced, answers = system.forced, []
    for width in bits:
        system.forced = system.widths.index(width)
        answers.append(network_answers(system, images)[0])
    system.forced = forced
    return np.stack(answers)


def check_answers(
    path: Path, logits: np.ndarray, expected: np.ndarray, tolerance: float, over: Callable
) -> np.ndarray:
    """How far the logits of an exported file are from the network's, both (N, classes): for each image
    relative to its largest, float (N,).

    Args:
        expected: of `network_answers`, finite.
        tolerance, over: what `over` (np.max, np.median) makes of the images may be at most this.

    Raises:
        UserError: they differ by more, or are not finite.
    """
    differences = relative_differences(logits, expected)
    judged = over(differences)
    # Written so that NaN, which no comparison holds for, is refused.
    if not (np.isfinite(differences).all() and judged <= tolerance):
        raise UserError(
            f"{path} differs from the network by {judged:.2e} of its largest logit: please report it "
            "with the configuration"
        )
    return differences


def relative_differences(logits: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Largest difference of an image's logits, as a share of its largest expected one: float (N,)."""
    largest = np.abs(expected).max(1)
    return np.abs(logits - expected).max(1) / np.where(largest > 0, largest, 1)


def _refuse_broken_weights(system: System) -> None:
    """Also of a width that none of the images takes."""
    names = [p.name for p in system.network.get_parameters() if not np.isfinite(p.asnumpy()).all()]
    if names:
        more = ", ..." if len(names) > SHOWN else ""
        raise UserError(
            f"nothing is exported: values of {', '.join(names[:SHOWN])}{more} are not finite; {WAY_OUT}"
        )
