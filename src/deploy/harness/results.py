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
"""The answers that ascend310_infer wrote, judged: accuracy, widths, BitOPs."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.cost.widths import mean_bits, plan_use, width_shares
from src.deploy.harness.deployment import Deployment
from src.errors import UserError


class Results(NamedTuple):
    """Of N images: logits (N, classes), as the deployment gives them; choices int64 (N, layers, columns) or
    None; labels int64 (N,); after escalation BitOPs of all passes int64 (N,), else None, and the choices
    are those of the pass that answered."""

    logits: np.ndarray
    choices: np.ndarray | None
    labels: np.ndarray
    bitops: np.ndarray | None


def read_results(deployment: Deployment, results: Path, labels: Path) -> Results:
    """What the harness wrote of the images that have a label.

    Raises:
        UserError: no labels, or a result that is missing or of the wrong size.
    """
    files = sorted(labels.glob("*.bin"))
    if not files:
        raise UserError(f"{labels} holds no labels (*.bin); run preprocess.py first")
    count = deployment.classes
    logits = [_read(results / f"{f.stem}_0.bin", deployment.logits, count) for f in files]
    choices = None
    if deployment.choices is not None:
        count = int(np.prod(deployment.choices))
        flat = [_read(results / f"{f.stem}_1.bin", np.int32, count) for f in files]
        choices = np.stack(flat).reshape(-1, *deployment.choices).astype(np.int64)
    truth = np.array([_read(file, np.int32, 1)[0] for file in files], np.int64)
    bitops = None
    if (results / f"{files[0].stem}_2.bin").is_file():
        bitops = np.array([_read(results / f"{f.stem}_2.bin", np.int64, 1)[0] for f in files])
    return Results(np.stack(logits), choices, truth, bitops)


def judge(
    deployment: Deployment, logits: np.ndarray, choices, labels: np.ndarray, bitops=None
) -> dict:
    """images, top1 and top5 (0..1), bitops (mean per image); with a controller also mean_bits,
    histogram (bits -> share of the layers of all images) and plans (how many different ones).

    Args: as the fields of `Results`.
    """
    if not np.isfinite(logits).all():
        raise UserError("the results hold logits that are not finite")
    w_bits, a_bits = deployment.cost.widths(choices)
    order = np.argsort(-logits.astype(np.float64), 1, kind="stable")
    row = {
        "images": len(labels),
        "top1": float((order[:, 0] == labels).mean()),
        "top5": float((order[:, :5] == labels[:, None]).any(1).mean()),
        "bitops": float((deployment.cost.of_plan(choices) if bitops is None else bitops).mean()),
    }
    if choices is not None:
        shares = width_shares(np.stack([w_bits, a_bits]))
        row["mean_bits"] = float(mean_bits(w_bits, a_bits))
        row["histogram"] = {str(bits): share for bits, share in shares.items()}
        row["plans"], _ = plan_use(w_bits, a_bits)
    return row


def _read(path: Path, dtype: type, count: int) -> np.ndarray:
    try:
        values = np.fromfile(path, dtype)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error}); run the harness on all images"
        ) from error
    if values.size != count or path.stat().st_size != values.nbytes:
        raise UserError(
            f"{path}: {path.stat().st_size} bytes, not {count} values of {np.dtype(dtype).name}; "
            "results of another network?"
        )
    return values
