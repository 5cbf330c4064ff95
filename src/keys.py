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
"""The keys of the configuration: how a section declares them, and the sections that every run has.

A key stands here once: its type, its default, the comment that `config/default.yaml` shows, what it
allows, and whether a resumed run may change it. A method declares its own options in the same way,
in its own file. `{choices}` in a comment stands for the names of the registry that the key chooses
from (`CHOICES` in `src/config.py`). Nothing here needs MindSpore.
"""

import dataclasses
import math
import typing
from dataclasses import dataclass, field
from types import SimpleNamespace

from src.errors import UserError

NEW_HEAD = "new"  # model.head: the classifier starts anew
HELD_OUT_OF_A_FOLDER = 0.1  # data.val_split of an image folder, where nobody gives another
WIDTHS = (2, 8)  # smallest and largest width of a quantised tensor, in bits


def key(default, comment, *, choices=None, low=None, high=None, is_path=False, resumable=False):
    """A dataclass field for one key.

    Args:
        default: its value where nobody gives another.
        comment: one line for `config/default.yaml`.
        choices: the texts that it allows; a key with an entry in `CHOICES` needs none.
        low, high: a closed range.
        is_path: a leading `~` is the home folder.
        resumable: a resumed run may change it: where it runs, where its files lie, how long it goes
            on and how it learns; not what it learns from or what the network is.
    """
    metadata = {
        "comment": comment, "choices": choices, "low": low, "high": high, "is_path": is_path,
        "resumable": resumable,
    }  # fmt: skip
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


class Section:
    """What every section is: a dataclass of keys.

    The types of the keys are `bool`, `int`, `float`, `str`, `list`, `dict`, or one of them or None;
    the classes themselves, not their names (no `from __future__ import annotations`).
    """

    def check(self) -> None:
        """Hold the rules that join keys of this section, and fill in what follows from others.

        Called once all values are there, whether or not the section is of the method that trains.

        Raises:
            UserError: names the key, its value and what is allowed.
        """


@dataclass
class RunConfig(Section):
    dir: str | None = key(
        None, "run folder; null: runs/<recipe>-<date>-<time>", is_path=True, resumable=True
    )


@dataclass
class DataConfig(Section):
    name: str = key(
        "digits", "{choices} (image_folder: train/CLASS/*, val/CLASS/* as ImageNet; arrays: NumPy, .npz)"
    )
    path: str | None = key(
        None, "folder of the data set, file of arrays; not needed for digits, which are built in",
        is_path=True, resumable=True,
    )  # fmt: skip
    image_size: int | None = key(
        None, "side of the square image in pixels; null: the data set's own (32, 32, 224)",
        low=8, high=1024,
    )  # fmt: skip
    batch_size: int = key(64, "training images per worker and step", low=1, resumable=True)
    eval_batch_size: int = key(128, "evaluation images per worker and step", low=1, resumable=True)
    val_split: float | None = key(
        None,
        "share of the training set held out (stratified, seeded) to choose the best epoch by; null: "
        "0.1 of an image_folder, else 0",
        low=0.0, high=0.9,
    )  # fmt: skip
    test_split: float = key(
        0.2,
        "image_folder without train/ and val/, arrays without test_images: share of each class that is the test set",
        low=0.01, high=0.9,
    )  # fmt: skip
    workers: int = key(
        2, "read-ahead threads; the batches do not depend on their number",
        low=1, high=256, resumable=True,
    )  # fmt: skip
    mean: list | None = key(None, "per-channel mean of 0..1 values; null: the data set's own")
    std: list | None = key(None, "per-channel deviation; null: the data set's own")
    colour_jitter: float = key(
        0.0, "image_folder: brightness, contrast and saturation vary by up to this share in training",
        low=0.0, high=1.0,
    )  # fmt: skip
    crop_area: float | None = key(
        None,
        "image_folder: least share of a picture that a training crop keeps; null: 0.08; larger "
        "where what a picture shows fills little of it",
        low=0.01, high=1.0,
    )  # fmt: skip
    flip: bool | None = key(
        None,
        "half of the training images are mirrored; false: never, where left and right matter (text, signs); null: the "
        "data set's own (cifar10, image_folder true, digits, arrays false)",
    )
    shift: int | None = key(
        None,
        "training images are moved by up to so many pixels, black coming in; null: the data set's own (cifar10 4, "
        "digits 2, arrays 0; an image_folder is cropped at random instead)",
        low=0,
    )
    max_errors: float = key(
        0.01, "image_folder: share of unreadable images that is tolerated (ten always are)",
        low=0.0, high=1.0, resumable=True,
    )  # fmt: skip

    def check(self) -> None:
        if self.val_split is None:
            self.val_split = HELD_OUT_OF_A_FOLDER if self.name == "image_folder" else 0.0
        for name in ("mean", "std"):
            values = getattr(self, name)
            if values is not None and (len(values) != 3 or not all(map(_is_number, values))):
                raise UserError(
                    f"data.{name}={values}: expected three numbers, for R, G and B in 0..1"
                )
        if self.name != "digits" and self.path is None:
            raise UserError(
                f"data.name={self.name} needs data.path={'FILE.npz' if self.name == 'arrays' else 'FOLDER'}"
                + (" (scripts/get_cifar10.sh DEST fetches it)" if self.name == "cifar10" else "")
            )


@dataclass
class ModelConfig(Section):
    name: str = key("resnet8", "{choices}, or a function of model.file")
    file: str | None = key(
        None, "a Python file of your own, which is run, with a function called model.name (src/models/README.md)",
        is_path=True,
    )  # fmt: skip
    num_classes: int | None = key(None, "null: as many as the data set has", low=2)
    shortcut: str = key(
        "A", "CIFAR ResNets: A = stride-2 slice and zero channels, B = 1x1 convolution",
        choices=("A", "B"),
    )  # fmt: skip
    width: float = key(
        1.0, "mobilenetv2*: multiplier of all channels (published nets: 0.35 .. 1.4)", low=0.05, high=4.0
    )
    weights: str | None = key(
        None, "float weights to start from: .ckpt, .npz or .safetensors",
        is_path=True, resumable=True,
    )  # fmt: skip
    head: str = key(
        "auto",
        "classifier: auto = from model.weights, new where it has none or one of another number of classes; "
        "new = always new",
        choices=("auto", NEW_HEAD),
    )
    head_weights: str | None = key(
        None, "the classifier in a file of its own (weight, bias); null: it comes with model.weights",
        is_path=True, resumable=True,
    )  # fmt: skip

    def check(self) -> None:
        if self.head == NEW_HEAD and self.weights is None:
            raise UserError(
                "model.head=new needs model.weights=FILE; without one all layers are new"
            )
        if self.head_weights is not None and (self.head == NEW_HEAD or self.weights is None):
            raise UserError(
                f"model.head_weights={self.head_weights} needs model.weights=FILE for the other layers, "
                "and not model.head=new"
            )


@dataclass
class QuantConfig(Section):
    quantizer: str = key(
        "dorefa", "{choices} (nested: one 8-bit code, lower widths are its rounded top bits)"
    )
    w_bits: int = key(
        4, "weight width of static layers, 2..8 (dorefa: 1..8)", low=1, high=WIDTHS[1]
    )
    a_bits: int = key(
        4, "activation width of static layers, 2..8 (dorefa: 1..8)", low=1, high=WIDTHS[1]
    )
    first_last: str = key(
        "float", "first convolution and classifier: {choices} (bits)", choices=("float", "8")
    )
    per_channel: bool = key(
        False, "lsq, nested: one weight step per output channel instead of per tensor"
    )
    equalise: bool = key(
        False, "all channels of a convolution begin with one largest weight, which the normalisation behind takes back"
    )
    step_rates: str = key(
        "equal", "lsq, gradient of each width's step: equal | by_width (the narrower, the smaller)",
        choices=("equal", "by_width"),
    )  # fmt: skip
    pact_alpha: float = key(10.0, "pact: first clip value", low=1e-3)
    master: int = key(8, "nested: bits of the master code, 2..8", low=WIDTHS[0], high=WIDTHS[1])
    truncate: bool = key(False, "nested: lower widths by truncation instead of rounding (ablation)")
    exceptions: dict = key(
        {}, "layer name -> float, a width or [weights, inputs], e.g. {layer1.0.conv1: 8}"
    )
    plan: str | None = key(
        None, "JSON file of widths by layer, as search.py finds them; becomes exceptions, and `*` w_bits and a_bits",
        is_path=True,
    )  # fmt: skip
    start: str = key(
        "auto",
        "first steps: first_batch (LSQ's rule) | search (least squared error) | auto (search where "
        "train.epochs=0)",
        choices=("auto", "first_batch", "search"),
    )
    ptq_images: int = key(256, "train.epochs=0: training images that are looked at", low=1)
    ptq_codes: str = key(
        "output", "train.epochs=0, lsq and nested: weights keep their layer's output | are rounded to the nearest",
        choices=("output", "nearest"),
    )  # fmt: skip
    ptq_statistics: str = key(
        "moved",
        "train.epochs=0: running statistics are moved by what quantising changes | renewed from the images | kept",
        choices=("moved", "renewed", "kept"),
    )

    def check(self) -> None:
        for layer, bits in self.exceptions.items():
            pair = bits if isinstance(bits, list) else [bits, bits]
            known = [type(b) is int and WIDTHS[0] <= b <= WIDTHS[1] for b in pair]
            if bits != "float" and known != [True, True]:
                raise UserError(
                    f"quant.exceptions: layer {layer}: {bits!r} is not `float`, not a width in "
                    f"{WIDTHS[0]}..{WIDTHS[1]} and not [weights, inputs]"
                )

    def searches(self, epochs: int) -> bool:
        """Whether first steps come from a search, in a stage of so many epochs."""
        return self.start == "search" or (self.start == "auto" and epochs == 0)


@dataclass
class MethodConfig(Section):
    name: str = key("dqnet", "{choices}")


@dataclass
class TrainConfig(Section):
    epochs: int = key(10, "epochs of the method", low=0, high=100_000, resumable=True)
    pretrain_epochs: int = key(
        0, "float epochs before them, when model.weights is empty", low=0, high=100_000
    )
    head_epochs: int = key(
        10, "float epochs before them all in which a new classifier learns alone (model.head)",
        low=0, high=100_000,
    )  # fmt: skip
    head_lr: float = key(0.003, "learning rate of these", low=0.0)
    seed: int = key(
        1, "weights, data order, augmentation, Gumbel noise, dropout", low=0, high=2**31 - 1
    )
    lr: float = key(
        0.1, "learning rate of the method's epochs, for the whole batch of all workers",
        low=0.0, resumable=True,
    )  # fmt: skip
    pretrain_lr: float = key(0.1, "learning rate of the float epochs", low=0.0)
    optimizer: str = key(
        "sgd", "{choices} (decoupled weight decay, no bias correction)", choices=("sgd", "adamw")
    )
    momentum: float = key(
        0.9, "sgd; adamw: decay of the first moment", low=0.0, high=0.9999, resumable=True
    )
    nesterov: bool = key(False, "sgd")
    weight_decay: float = key(1e-4, "on convolution and dense weights", low=0.0, resumable=True)
    decay_norms: bool = key(False, "also on normalisation and biases", resumable=True)
    decay_quantizers: bool = key(False, "also on quantiser steps and clip values", resumable=True)
    schedule: str = key(
        "cosine", "{choices}", choices=("cosine", "multistep", "constant"), resumable=True
    )
    milestones: list = key(
        [], "multistep: epochs after which the rate is multiplied by gamma", resumable=True
    )
    gamma: float = key(0.1, "multistep", low=0.0, high=1.0, resumable=True)
    warmup_epochs: float = key(0.0, "linear rise from 0", low=0.0, resumable=True)
    label_smoothing: float = key(0.0, "cross entropy", low=0.0, high=0.99, resumable=True)
    clip_norm: float = key(
        0.0, "global gradient norm is clipped to this; 0: not", low=0.0, resumable=True
    )
    distill_weight: float = key(
        0.0, "share of the distillation loss against the float teacher, 0..1",
        low=0.0, high=1.0, resumable=True,
    )  # fmt: skip
    distill_temperature: float = key(
        4.0, "softmax temperature of the distillation loss", low=0.1, resumable=True
    )
    distill_features: float = key(
        0.0, "with distill_weight: weight of the relative squared error of what the classifier reads, 0: none",
        low=0.0, resumable=True,
    )  # fmt: skip
    freeze_statistics: float = key(
        0.0, "share of the last epochs in which normalisations use their running statistics, and leave them",
        low=0.0, high=1.0, resumable=True,
    )  # fmt: skip
    teacher_weights: str | None = key(
        None, "float weights of the teacher; null: model.weights", is_path=True, resumable=True
    )
    teacher_model: str | None = key(
        None, "backbone of the teacher, of width 1: {choices}; null: the model's", resumable=True
    )
    eval_every: int = key(1, "epochs between evaluations", low=1, resumable=True)
    save_every: int = key(
        0, "steps between checkpoints within an epoch; 0: after epochs, and when training is stopped",
        low=0, resumable=True,
    )  # fmt: skip
    log_every: int = key(
        50, "steps between lines where the output is no terminal", low=1, resumable=True
    )
    tensorboard: bool = key(
        False, "metrics.csv also as curves in tensorboard/ (requirements-tensorboard.txt)", resumable=True
    )

    def check(self) -> None:
        if any(not _is_number(m) or m <= 0 for m in self.milestones):
            raise UserError(f"train.milestones={self.milestones}: expected positive epochs")
        if self.momentum == 0 and (self.optimizer == "adamw" or self.nesterov):
            what = "optimizer=adamw" if self.optimizer == "adamw" else "nesterov=true"
            raise UserError(f"train.momentum=0: train.{what} needs one above 0 (0.9 by default)")
        if self.distill_features > 0 and self.distill_weight == 0:
            raise UserError("train.distill_features > 0 needs a teacher: train.distill_weight > 0")
        if self.teacher_model is not None and self.teacher_weights is None:
            raise UserError(
                f"train.teacher_model={self.teacher_model} needs train.teacher_weights=FILE of that model"
            )


@dataclass
class DeviceConfig(Section):
    target: str = key("CPU", "{choices}", choices=("CPU", "GPU", "Ascend"), resumable=True)
    id: int = key(
        0, "device number (GPU, Ascend); of several workers, the first one's",
        low=0, high=1023, resumable=True,
    )  # fmt: skip
    mode: str = key("graph", "{choices} (debugging)", choices=("graph", "pynative"), resumable=True)
    native: str = key(
        "auto", "C++ training kernels on CPU: auto (when a compiler is there) | on | off",
        choices=("auto", "on", "off"), resumable=True,
    )  # fmt: skip
    gradient_dtype: str = key(
        "float32",
        "{choices}: native kernels may compute a quantised layer's gradients from 16-bit codes of dL/dy",
        choices=("float32", "int16"),
        resumable=True,
    )
    threads: int = key(0, "CPU threads; 0: all cores", low=0, high=1024, resumable=True)


class Config(SimpleNamespace):
    """A configuration: one attribute per section, `config.train`. Beside these a section for each
    method that has options, named like the method. `src.config.load_config` makes one."""

    run: RunConfig
    data: DataConfig
    model: ModelConfig
    quant: QuantConfig
    method: MethodConfig
    train: TrainConfig
    device: DeviceConfig

    def as_dict(self) -> dict:
        """Nested plain dictionary, ready for YAML."""
        return {name: dataclasses.asdict(section) for name, section in vars(self).items()}


# Name -> class, in the order of config/default.yaml, where the methods' own follow `method`.
CORE: dict[str, type[Section]] = typing.get_type_hints(Config)


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
