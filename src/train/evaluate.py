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
"""Evaluation: what a network answers on every image of a split, and the numbers of it.

Deterministic: widths are the arg-max of the controller, unless the system samples.
"""

from dataclasses import dataclass

import numpy as np

from src.cost.bitops import STATIC_WIDTHS
from src.cost.widths import is_collapsed
from src.data import Loader
from src.errors import UserError
from src.methods.base import System
from src.runtime import Runtime, sum_over_workers


@dataclass
class Answers:
    """One row per image, in the order of the split.

    label, predicted int32 (N,); loss, confidence float32 (N,); in_top5 bool (N,);
    w_bits, a_bits uint8 (N, dynamic layers); bitops float64 (N,).
    """

    label: np.ndarray
    predicted: np.ndarray
    loss: np.ndarray
    confidence: np.ndarray
    in_top5: np.ndarray
    w_bits: np.ndarray
    a_bits: np.ndarray
    bitops: np.ndarray


def evaluate(system: System, loader: Loader, runtime: Runtime, seed: int = 0) -> Answers:
    """Run `system.network` over a loader made with train=False; all workers share the images.

    Raises:
        UserError: the logits of an image are not finite.
    """
    rng = np.random.default_rng((seed, 1, runtime.rank))
    rows = _empty_rows(len(loader.dataset), len(system.cost.dynamic))
    for batch in loader.epoch(0):
        draws = system.drawn(rng, len(batch.images), train=False)
        logits, plan = system.answer(batch.images, draws)
        keep = slice(0, batch.valid)
        _store(rows, batch.index[keep], batch.labels[keep], logits[keep])
        if plan is not None:
            w_bits, a_bits = system.cost.widths(plan[keep].argmax(-1))
            rows["w_bits"][batch.index[keep]] = w_bits
            rows["a_bits"][batch.index[keep]] = a_bits
    rows = {name: sum_over_workers(runtime, value) for name, value in rows.items()}
    bad = np.flatnonzero(~np.isfinite(rows["loss"]))
    if bad.size:
        raise UserError(
            f"the network's logits are not finite for {bad.size} of {len(rows['loss'])} images (the "
            f"first is number {bad[0]}): its weights or its normalisation's statistics overflow"
        )
    w_bits, a_bits = rows["w_bits"].astype(np.uint8), rows["a_bits"].astype(np.uint8)
    return Answers(
        label=rows["label"].astype(np.int32),
        predicted=rows["predicted"].astype(np.int32),
        loss=rows["loss"],
        confidence=rows["confidence"],
        in_top5=rows["in_top5"].astype(bool),
        w_bits=w_bits,
        a_bits=a_bits,
        bitops=system.cost.of_widths(w_bits, a_bits).astype(np.float64),
    )


def _empty_rows(images: int, layers: int) -> dict[str, np.ndarray]:
    columns = ("label", "predicted", "loss", "confidence", "in_top5")
    rows = {name: np.zeros(images, np.float32) for name in columns}
    return rows | {name: np.zeros((images, layers), np.float32) for name in ("w_bits", "a_bits")}


def _store(rows: dict, index: np.ndarray, label: np.ndarray, logits: np.ndarray) -> None:
    # A logit that is not finite makes the loss so, which `evaluate` refuses.
    logits = np.where(np.isfinite(logits), logits.astype(np.float64), np.nan)
    top = logits.max(1, keepdims=True)
    log_p = logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))
    predicted = logits.argmax(1)
    images = np.arange(len(label))
    better = (logits > logits[images, label][:, None]).sum(1)
    rows["label"][index] = label
    rows["predicted"][index] = predicted
    rows["loss"][index] = -log_p[images, label]
    rows["confidence"][index] = np.exp(log_p[images, predicted])
    rows["in_top5"][index] = better < 5


def summarise(system: System, answers: Answers) -> dict:
    """The numbers of `eval/<split>.json`; bits and BitOPs are means over the images."""
    cost, n = system.cost, len(answers.label)
    summary = {
        "top1": float((answers.predicted == answers.label).mean()),
        "top5": float(answers.in_top5.mean()),
        "loss": float(answers.loss.mean()),
        "images": n,
        "mean_bits": float(cost.mean_bits(answers.w_bits, answers.a_bits)),
        "bitops": float(answers.bitops.mean()),
        **{f"bitops_p{p}": float(np.percentile(answers.bitops, p)) for p in (5, 50, 95)},
        "bitops_static": {str(b): float(cost.uniform(b)) for b in STATIC_WIDTHS},
        "bitops_controller": float(cost.controller_bitops()),
        "bitops_float_macs": cost.float_macs(),
        "width_changes": float(cost.width_changes(answers.w_bits, answers.a_bits).mean()),
        "collapsed": system.chooses and collapsed(answers),
    }
    return summary


def collapsed(answers: Answers) -> bool:
    """True if (nearly) every image got the same plan from a controller."""
    return is_collapsed(answers.w_bits, answers.a_bits)
