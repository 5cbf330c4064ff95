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

from src.cost.bitops import STATIC_WIDTHS, CostModel
from src.cost.ladder import Row, margin_of
from src.cost.widths import is_collapsed
from src.data import Loader
from src.errors import UserError
from src.methods.base import System
from src.runtime import Runtime, sum_over_workers


@dataclass
class Answers:
    """One row per image, in the order of the split.

    label, predicted int32 (N,); loss, confidence, margin float32 (N,), the last the best minus the
    second-best logit; in_top5 bool (N,); plan uint8 (N, slots, columns), the candidates, of a network
    without a controller (N, 0, 0); w_bits, a_bits uint8 (N, dynamic layers); bitops float64 (N,);
    width_changes float64 (N,), 0 where widths are not the top bits of one code; rung uint8 (N,): after
    escalation which rung of the row gave the answer, else 0.
    """

    label: np.ndarray
    predicted: np.ndarray
    loss: np.ndarray
    confidence: np.ndarray
    margin: np.ndarray
    in_top5: np.ndarray
    plan: np.ndarray
    w_bits: np.ndarray
    a_bits: np.ndarray
    bitops: np.ndarray
    width_changes: np.ndarray
    rung: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether the answer is, bool (N,)."""
        return self.predicted == self.label


def evaluate(
    system: System, loader: Loader, runtime: Runtime, seed: int = 0, plans: np.ndarray | None = None
) -> Answers:
    """One pass of `system.network` over a loader made with train=False; all workers share the images.

    Args:
        plans: int (N, slots, columns), the candidates that each image takes in place of the controller's.

    Raises:
        UserError: the logits of an image are not finite.
    """
    rng = np.random.default_rng((seed, 1, runtime.rank))
    rows = _empty_rows(len(loader.dataset))
    for batch in loader.epoch(0):
        if plans is None:
            draws = system.drawn(rng, len(batch.images), train=False)
        else:
            draws = system.draws.still(len(batch.images), plans[batch.index])
        logits, plan = system.answer(batch.images, draws)
        keep = slice(0, batch.valid)
        _store(rows, batch.index[keep], batch.labels[keep], logits[keep])
        if plan is not None:
            of_images = np.zeros((len(loader.dataset), *plan.shape[1:3]), np.float32)
            rows.setdefault("plan", of_images)[batch.index[keep]] = plan[keep].argmax(-1)
    rows = {name: sum_over_workers(runtime, value) for name, value in rows.items()}
    bad = np.flatnonzero(~np.isfinite(rows["loss"]))
    if bad.size:
        raise UserError(
            f"the network's logits are not finite for {bad.size} of {len(rows['loss'])} images (the "
            f"first is number {bad[0]}): its weights or its normalisation's statistics overflow"
        )
    plan = rows.get("plan", np.zeros((len(rows["loss"]), 0, 0))).astype(np.uint8)
    w_bits, a_bits = _widths(system.cost, plan)
    changes = np.zeros(len(plan))
    if system.master is not None:
        changes += system.cost.width_changes(w_bits, a_bits, system.master)
    return Answers(
        label=rows["label"].astype(np.int32),
        predicted=rows["predicted"].astype(np.int32),
        loss=rows["loss"],
        confidence=rows["confidence"],
        margin=rows["margin"],
        in_top5=rows["in_top5"].astype(bool),
        plan=plan,
        w_bits=w_bits,
        a_bits=a_bits,
        bitops=system.cost.of_widths(w_bits, a_bits).astype(np.float64),
        width_changes=changes,
        rung=np.zeros(len(plan), np.uint8),
    )


def _empty_rows(images: int) -> dict[str, np.ndarray]:
    columns = ("label", "predicted", "loss", "confidence", "margin", "in_top5")
    return {name: np.zeros(images, np.float32) for name in columns}


def _widths(cost: CostModel, plan: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(w_bits, a_bits) uint8 (N, dynamic layers); of a network without a plan (N, 0)."""
    if not plan.size:
        return np.zeros((len(plan), 0), np.uint8), np.zeros((len(plan), 0), np.uint8)
    w_bits, a_bits = cost.widths(plan)
    return w_bits.astype(np.uint8), a_bits.astype(np.uint8)


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
    rows["margin"][index] = margin_of(logits)
    rows["in_top5"][index] = better < 5


def summarise(system: System, answers: Answers) -> dict:
    """The numbers of `eval/<split>.json`; bits, BitOPs and width changes are means over the images.

    After escalation the bits are those of the pass that answered, and `rungs` says where images ended.
    """
    cost, n = system.cost, len(answers.label)
    summary = {
        "top1": float(answers.right.mean()),
        "top5": float(answers.in_top5.mean()),
        "loss": float(answers.loss.mean()),
        "images": n,
        "mean_bits": float(cost.mean_bits(answers.w_bits, answers.a_bits)),
        "bitops": float(answers.bitops.mean()),
        **{f"bitops_p{p}": float(np.percentile(answers.bitops, p)) for p in (5, 50, 95)},
        "bitops_static": {str(b): float(cost.uniform(b)) for b in STATIC_WIDTHS},
        "bitops_controller": float(cost.controller_bitops()) if _runs_controller(system) else 0.0,
        "bitops_float_macs": cost.float_macs(),
        "collapsed": system.chooses and collapsed(answers),
    }
    if system.master is not None:
        summary["width_changes"] = float(answers.width_changes.mean())
    if system.climbing is not None:
        row = system.climbing
        summary["rungs"] = {
            "bits": list(row.bits), "margins": list(row.margins), "shares": rung_shares(answers, row),
        }  # fmt: skip
    return summary


def _runs_controller(system: System) -> bool:
    """Not where widths are given, by a plan or by a ladder."""
    is_given = system.controller is not None and not system.controller.looks
    return not (is_given or system.forced is not None or system.climbing is not None)


def rung_shares(answers: Answers, row: Row) -> list[float]:
    """The share of the images, 0..1, that ends at each rung of a row."""
    counts = np.bincount(answers.rung, minlength=len(row.bits))
    return (counts / len(answers.rung)).tolist()


def collapsed(answers: Answers) -> bool:
    """True if (nearly) every image got the same plan from a controller."""
    return is_collapsed(answers.w_bits, answers.a_bits)
