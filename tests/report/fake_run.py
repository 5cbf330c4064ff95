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
"""Writes run folders as training and evaluation would, with numbers a ResNet-20 could have."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

COLUMN_LINE = (
    "stage,epoch,step,lr,train_loss,train_top1,val_loss,val_top1,val_top5,mean_bits,bitops,"
    "entropy,budget_bits,budget_bitops,seconds,data_seconds"
)
COLUMNS = COLUMN_LINE.split(",")
MACS = 2_359_296
OPTIONS = (3, 4, 5)


@dataclass(frozen=True)
class Fake:
    """What the fake run is like; `dynamic` is the number of dynamic layers."""

    method: str = "dqnet"
    dynamic: int = 17
    images: int = 2000
    classes: int = 10
    tied: bool = True
    collapsed: bool = False
    data: str = "digits"
    data_path: str | None = None
    pretrain: int = 6
    epochs: int = 24
    seed: int = 0


def write_run(path: Path, fake: Fake, labels: np.ndarray | None = None) -> Path:
    """A complete run folder at `path`; `labels` are those of a real test set, in its order."""
    (path / "eval").mkdir(parents=True)
    rng = np.random.default_rng(fake.seed)
    config = {
        "run": {"dir": str(path)},
        "data": {"name": fake.data, "path": fake.data_path, "image_size": None, "val_split": 0.1},
        "model": {"name": "resnet20", "num_classes": fake.classes},
        "quant": {"quantizer": "dorefa", "first_last": "float"},
        "method": {"name": fake.method},
        "dqnet": {"target": 4, "candidates": None, "tied": fake.tied},
        "train": {"epochs": fake.epochs, "seed": 1, "lr": 0.05},
    }
    (path / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (path / "versions.json").write_text(json.dumps(VERSIONS))
    layers = layer_rows(fake)
    (path / "layers.json").write_text(json.dumps({"image_size": 32, "layers": layers}))
    write_metrics(path / "metrics.csv", fake, rng)
    arrays = make_arrays(fake, rng, labels)
    np.savez(path / "eval/test.npz", **arrays)
    (path / "eval/test.json").write_text(json.dumps(make_totals(fake, arrays, layers)))
    return path


VERSIONS = {
    "command": "python train.py --config config/resnet20_cifar10_dqnet_4bit.yaml train.epochs=24",
    "commit": "3f0c2a9d5b1e4c77a0d8e6f21b9c4d3e5f6a7b8c",
    "python": "3.11.7",
    "mindspore": "2.10.0",
    "numpy": "1.26.4",
    "machine": "x86_64, 2 cores, Linux 6.1",
    "started": "2026-03-14 09:12:44",
}


def layer_rows(fake: Fake) -> list[dict]:
    """First and last float, one static layer, then `dynamic` layers (static in a static net)."""
    rows = [_layer("conv1", "float", [], 442_368, 432, "first layer (quant.first_last=float)")]
    if fake.method != "float":
        why = "static: it feeds the controller" if fake.dynamic else ""
        rows.append(_layer("layer1.0.conv1", "static", 4, MACS, 2304, why))
    for slot in range(fake.dynamic):
        name = f"layer{1 + slot // 6}.{slot % 6 // 2}.conv{1 + slot % 2}"
        weights = 2304 * 4 ** (slot // 6)
        rows.append(
            _layer(f"block{slot}.{name}", "dynamic", list(OPTIONS), MACS, weights, "", slot)
        )
    if not fake.dynamic:
        kind, bits = ("float", []) if fake.method == "float" else ("static", 4)
        rows += [_layer(f"layer2.{i}.conv", kind, bits, MACS, 9216, "") for i in range(17)]
    rows.append(_layer("fc", "float", [], 640, 640, "last layer (quant.first_last=float)"))
    return rows


def _layer(name, kind, bits, macs, weights, why, slot=None) -> dict:
    kinds = {"name": name, "type": "dense" if name == "fc" else "conv", "kind": kind}
    return {**kinds, "w_bits": bits, "a_bits": bits, "macs": macs, "weights": weights} | {
        "slot": slot,
        "why": why,
    }


def write_metrics(path: Path, fake: Fake, rng: np.random.Generator) -> None:
    """A float stage, then the method's own; a float run has the first only."""
    stages = [("float", fake.pretrain if fake.method != "float" else fake.epochs)]
    stages += [] if fake.method == "float" else [(fake.method, fake.epochs)]
    done, total = 0, sum(n for _, n in stages)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="")
        writer.writeheader()
        for stage, epochs in stages:
            for epoch in range(1, epochs + 1):
                done += 1
                writer.writerow(_metrics_row(fake, rng, stage, epoch, epochs, done / total))
    assert done == total


def _metrics_row(fake, rng, stage, epoch, epochs, progress) -> dict:
    loss = 0.25 + 1.7 * np.exp(-4 * progress) + rng.normal(0, 0.015)
    dip = 0.25 if stage != "float" and epoch < 3 else 0
    row = {
        "stage": stage,
        "epoch": epoch,
        "step": 351 * epoch,
        "lr": f"{0.05 * (1 + np.cos(np.pi * (epoch - 1) / epochs)) / 2:.6f}",
        "train_loss": f"{loss + dip:.5f}",
        "train_top1": f"{0.94 - 0.55 * np.exp(-4.5 * progress) - dip / 4:.5f}",
        "val_loss": f"{loss + dip + 0.06 + rng.normal(0, 0.03):.5f}",
        "val_top1": f"{0.915 - 0.5 * np.exp(-4.5 * progress) - dip / 4 + rng.normal(0, 0.006):.5f}",
        "val_top5": "0.997",
        "seconds": "41.5",
        "data_seconds": "2.25",
    }
    if stage == "dqnet":
        bits = 4 - 0.13 * np.tanh(epoch / 6) + 0.5 * np.exp(-epoch / 2)
        row |= {
            "mean_bits": f"{bits:.4f}",
            "bitops": f"{bits**2 * MACS * 18:.1f}",
            "entropy": f"{0.35 + 0.7 * np.exp(-epoch / 7):.4f}",
            "budget_bits": "4",
            "budget_bitops": f"{16 * MACS * 18:.1f}",
        }
    return row


def make_arrays(fake: Fake, rng: np.random.Generator, labels: np.ndarray | None) -> dict:
    """eval/test.npz: hard images get more bits and are wrong more often."""
    n = fake.images if labels is None else len(labels)
    label = rng.integers(0, fake.classes, n) if labels is None else labels
    hard = np.clip(rng.normal(0.4 + 0.3 * np.sin(label * 2.1), 0.22), 0, 1)
    wrong = rng.random(n) < 0.03 + 0.14 * hard**2
    predicted = np.where(wrong, (label + rng.integers(1, fake.classes, n)) % fake.classes, label)
    taste = rng.normal(0, 0.7, fake.dynamic)
    score = taste + (hard[:, None] - 0.5) * 3 + rng.normal(0, 0.35, (n, fake.dynamic))
    if fake.collapsed:
        score = np.broadcast_to(taste, score.shape)
    w_bits = np.select([score < -0.6, score < 0.7], OPTIONS[:2], OPTIONS[2]).astype(np.uint8)
    a_bits = w_bits if fake.tied else np.roll(w_bits, 1, axis=1)
    bitops = (w_bits.astype(float) * a_bits * MACS).sum(axis=1) + 16 * MACS * bool(fake.dynamic)
    if fake.method == "static":
        bitops += 16 * MACS * 18
    return {
        "label": label.astype(np.int32),
        "predicted": predicted.astype(np.int32),
        "loss": rng.gamma(1 + 3 * wrong, 0.2).astype(np.float32),
        "confidence": np.clip(rng.beta(9 - 5 * wrong, 1.4), 0, 1).astype(np.float32),
        "bitops": bitops,
        "w_bits": w_bits,
        "a_bits": a_bits,
        "index": np.arange(n),
    }


def make_totals(fake: Fake, arrays: dict, layers: list[dict]) -> dict:
    """eval/test.json, computed from the arrays."""
    bitops, n = arrays["bitops"], len(arrays["label"])
    quantised = sum(row["macs"] for row in layers if row["kind"] != "float")
    bits = (arrays["w_bits"].astype(float) + arrays["a_bits"]).mean() / 2 if fake.dynamic else 4.0
    fixed = {str(width): float(width**2 * quantised) for width in (2, 3, 4, 8)}
    return {
        "top1": float((arrays["label"] == arrays["predicted"]).mean()),
        "top5": 0.9971,
        "loss": float(arrays["loss"].mean()),
        "images": n,
        "mean_bits": 32.0 if fake.method == "float" else float(bits),
        "bitops": float(bitops.mean()),
        "bitops_p5": float(np.percentile(bitops, 5)),
        "bitops_p50": float(np.percentile(bitops, 50)),
        "bitops_p95": float(np.percentile(bitops, 95)),
        "bitops_static": {} if fake.method == "float" else fixed,
        "bitops_controller": 1_966_080.0 if fake.dynamic else 0.0,
        "bitops_float_macs": sum(row["macs"] for row in layers if row["kind"] == "float"),
        "width_changes": 268_336.4 if fake.dynamic else 0.0,
        "collapsed": fake.collapsed,
        "baseline": {} if fake.method == "float" else {"float": {"top1": 0.9173}},
    }
