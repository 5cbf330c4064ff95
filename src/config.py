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
"""Configuration: dataclasses that name every key, its default, its type and what it allows.

Precedence: `config/default.yaml` < recipe < `key=value` on the command line; a recipe's `include:`
names another file beside it, which comes first. An unknown key or an impossible value is refused
with the key, the value, what is allowed and the nearest known key.

A key of type text takes what is typed (`007` and `no` are names like others; empty and `null` mean
none), and of a path a leading `~` is the home folder; the values of all other keys are YAML.
"""

import dataclasses
import difflib
import math
import typing
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from src.errors import UserError
from src.files import whole_file
from src.recipes import DEFAULT_FILE, find_recipe, read_recipe
from src.values import as_text, as_yaml, checked, type_of

WIDTHS = (2, 8)  # smallest and largest width of a quantised tensor, in bits


def key(default, *, choices=None, low=None, high=None, is_path=False):
    """A dataclass field with its allowed values: a tuple of choices, a closed range or a path."""
    metadata = {"choices": choices, "low": low, "high": high, "is_path": is_path}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class RunConfig:
    dir: str | None = key(None, is_path=True)


@dataclass
class DataConfig:
    name: str = key("digits", choices=("digits", "cifar10", "image_folder"))
    path: str | None = key(None, is_path=True)
    image_size: int | None = key(None, low=8, high=1024)
    batch_size: int = key(64, low=1)
    eval_batch_size: int = key(128, low=1)
    val_split: float = key(0.0, low=0.0, high=0.9)
    workers: int = key(2, low=1, high=256)
    mean: list | None = key(None)
    std: list | None = key(None)
    colour_jitter: float = key(0.0, low=0.0, high=1.0)
    max_errors: float = key(0.01, low=0.0, high=1.0)


MODELS = (
    "resnet8", "resnet20", "resnet32", "resnet56", "resnet18_cifar",
    "resnet18", "resnet34", "resnet50",
)  # fmt: skip


@dataclass
class ModelConfig:
    name: str = key("resnet8", choices=MODELS)
    num_classes: int | None = key(None, low=2)
    shortcut: str = key("A", choices=("A", "B"))
    weights: str | None = key(None, is_path=True)
    head: str = key("auto", choices=("auto", "new"))


@dataclass
class QuantConfig:
    quantizer: str = key("dorefa", choices=("dorefa", "pact", "lsq", "nested"))
    w_bits: int = key(4, low=1, high=WIDTHS[1])
    a_bits: int = key(4, low=1, high=WIDTHS[1])
    first_last: str = key("float", choices=("float", "8"))
    per_channel: bool = key(False)
    pact_alpha: float = key(10.0, low=1e-3)
    master: int = key(8, low=WIDTHS[0], high=WIDTHS[1])
    truncate: bool = key(False)
    exceptions: dict = key({})


@dataclass
class MethodConfig:
    name: str = key("dqnet", choices=("float", "static", "dqnet", "dqt"))


@dataclass
class DqnetConfig:
    target: int = key(4, low=WIDTHS[0], high=WIDTHS[1])
    candidates: list | None = key(None)
    input: str = key("features", choices=("features", "image"))
    scope: str = key("layer", choices=("layer", "network"))
    tied: bool = key(True)
    alpha_bits: float = key(0.05, low=0.0)
    alpha_bitops: float = key(0.0, low=0.0)
    diversity: float = key(0.0, low=0.0)
    tau: float = key(1.0, low=1e-3)
    pool: int = key(8, low=1, high=64)
    hidden: int = key(64, low=1)
    dropout: float = key(0.2, low=0.0, high=0.99)
    head_relu: bool = key(False)
    head_lr: float = key(1.0, low=0.0)
    execution: str = key("auto", choices=("auto", "mixture", "selected"))
    sample: bool = key(False)


@dataclass
class DqtConfig:
    candidates: list = key([2, 4, 8])
    input: str = key("features", choices=("features", "image"))
    tied: bool = key(True)
    alpha: float = key(0.5, low=0.0)
    subset: int = key(1, low=0)
    beta: float = key(0.0, low=0.0)
    cost: str = key("bits", choices=("bits", "bitops"))
    target: float = key(0.0, low=0.0, high=8.0)
    diversity: float = key(0.0, low=0.0)
    norm: str = key("per_width", choices=("shared", "per_width"))
    tau_start: float = key(1.0, low=1e-3)
    tau_end: float = key(0.5, low=1e-3)
    pool: int = key(8, low=1, high=64)
    hidden: int = key(64, low=1)
    head_lr: float = key(1.0, low=0.0)


@dataclass
class TrainConfig:
    epochs: int = key(10, low=0, high=100_000)
    pretrain_epochs: int = key(0, low=0, high=100_000)
    seed: int = key(1, low=0, high=2**31 - 1)
    lr: float = key(0.1, low=0.0)
    pretrain_lr: float = key(0.1, low=0.0)
    momentum: float = key(0.9, low=0.0, high=0.9999)
    nesterov: bool = key(False)
    weight_decay: float = key(1e-4, low=0.0)
    decay_norms: bool = key(False)
    decay_quantizers: bool = key(False)
    schedule: str = key("cosine", choices=("cosine", "multistep", "constant"))
    milestones: list = key([])
    gamma: float = key(0.1, low=0.0, high=1.0)
    warmup_epochs: float = key(0.0, low=0.0)
    label_smoothing: float = key(0.0, low=0.0, high=0.99)
    clip_norm: float = key(0.0, low=0.0)
    distill_weight: float = key(0.0, low=0.0, high=1.0)
    distill_temperature: float = key(4.0, low=0.1)
    teacher_weights: str | None = key(None, is_path=True)
    eval_every: int = key(1, low=1)
    log_every: int = key(50, low=1)


@dataclass
class DeviceConfig:
    target: str = key("CPU", choices=("CPU", "GPU", "Ascend"))
    id: int = key(0, low=0, high=1023)
    mode: str = key("graph", choices=("graph", "pynative"))
    native: str = key("auto", choices=("auto", "on", "off"))
    gradient_dtype: str = key("float32", choices=("float32", "int16"))
    threads: int = key(0, low=0, high=1024)


@dataclass
class Config:
    run: RunConfig = field(default_factory=RunConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    quant: QuantConfig = field(default_factory=QuantConfig)
    method: MethodConfig = field(default_factory=MethodConfig)
    dqnet: DqnetConfig = field(default_factory=DqnetConfig)
    dqt: DqtConfig = field(default_factory=DqtConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    device: DeviceConfig = field(default_factory=DeviceConfig)

    def as_dict(self) -> dict:
        """Nested plain dictionary, ready for YAML."""
        return dataclasses.asdict(self)


def known_keys() -> dict:
    """Dotted key -> (dataclass, field), in the order of the file."""
    return {
        f"{section.name}.{item.name}": (section.default_factory, item)
        for section in dataclasses.fields(Config)
        for item in dataclasses.fields(section.default_factory)
    }


def load_config(recipe: str | Path | None = None, overrides: typing.Sequence[str] = ()) -> Config:
    """Default < recipe < overrides (`section.key=value`), checked.

    Raises:
        UserError: a file is missing or no YAML, a key is unknown, a value is not allowed.
    """
    config = Config()
    _apply_file(config, DEFAULT_FILE)
    if recipe is not None:
        _apply_file(config, find_recipe(recipe))
    for text in overrides:
        _apply_override(config, text)
    _check_together(config)
    return config


def save_config(config: Config, path: Path) -> None:
    """Write the resolved configuration as YAML; `load_config(path)` reads it back."""
    with whole_file(path) as file:
        file.write_text(yaml.safe_dump(config.as_dict(), sort_keys=False), encoding="utf-8")


def missing_sections(path: Path) -> list[str]:
    """The sections that a file written by `save_config` lacks: none, unless it is damaged."""
    there = {name for _, tree, _ in read_recipe(path) for name in tree}
    return [section.name for section in dataclasses.fields(Config) if section.name not in there]


def _apply_file(config: Config, recipe: Path) -> None:
    for path, tree, texts in read_recipe(recipe):
        for section, values in tree.items():
            if not isinstance(values, dict):
                _refuse_unknown(str(section), str(path))
                raise UserError(f"{path}: section `{section}` must hold keys, found {values!r}")
            for leaf, value in values.items():
                name = f"{section}.{leaf}"
                if _is_text(name, str(path)):
                    value = texts[section][leaf]
                _assign(config, name, value, str(path))


def _apply_override(config: Config, text: str) -> None:
    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"argument {text!r}: expected key=value, for example train.epochs=5")
    name, source = name.strip(), "command line"
    value = as_text(value) if _is_text(name, source) else as_yaml(name, value)
    _assign(config, name, value, source)


def _refuse_unknown(name: str, source: str) -> None:
    keys = known_keys()
    sections = {k.split(".")[0] for k in keys}
    if name in keys or name in sections:
        return
    near = difflib.get_close_matches(name, [*keys, *sections], n=1, cutoff=0.5)
    leaf = [k for k in keys if k.split(".")[1] == name.split(".")[-1]]
    hint = f"; did you mean `{(leaf or near)[0]}`?" if leaf or near else ""
    raise UserError(f"unknown key `{name}` ({source}){hint or ';'} All keys: config/default.yaml")


def _is_text(name: str, source: str) -> bool:
    """Whether the values of a key are text. UserError: there is no such key."""
    _refuse_unknown(name, source)
    if name not in known_keys():
        raise UserError(f"`{name}` ({source}) is a section; give one of its keys, e.g. {name}.x=1")
    return type_of(known_keys()[name][1])[0] is str


def _assign(config: Config, name: str, value, source: str) -> None:
    section, leaf = name.split(".")
    item = known_keys()[name][1]
    setattr(getattr(config, section), leaf, checked(name, value, item, source))


def _check_together(config: Config) -> None:
    """Rules that join several keys; each error names the keys."""
    _check_quant(config.quant)
    _check_dqnet(config.dqnet, config.quant)
    _check_dqt(config.dqt)
    _check_master(config)
    train, data = config.train, config.data
    if config.model.head == "new" and config.model.weights is None:
        raise UserError("model.head=new needs model.weights=FILE; without one all layers are new")
    if train.distill_weight > 0 and train.teacher_weights is None and config.model.weights is None:
        teacher = "train.teacher_weights=FILE, or model.weights=FILE, which then teaches too"
        raise UserError(f"train.distill_weight > 0 needs a float teacher: give {teacher}")
    if any(not _is_number(m) or m <= 0 for m in train.milestones):
        raise UserError(f"train.milestones={train.milestones}: expected positive epochs")
    for name in ("mean", "std"):
        values = getattr(data, name)
        if values is not None and (len(values) != 3 or not all(map(_is_number, values))):
            raise UserError(f"data.{name}={values}: expected three numbers, for R, G and B in 0..1")
    if data.name != "digits" and config.data.path is None:
        raise UserError(
            f"data.name={data.name} needs data.path=FOLDER"
            + (" (scripts/get_cifar10.sh DEST fetches it)" if data.name == "cifar10" else "")
        )


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check_quant(quant: QuantConfig) -> None:
    for name in ("w_bits", "a_bits"):
        bits = getattr(quant, name)
        if bits == 1 and quant.quantizer != "dorefa":
            raise UserError(
                f"quant.{name}=1: {quant.quantizer} is defined from 2 bits; "
                "only quant.quantizer=dorefa has a 1-bit form"
            )
    for layer, bits in quant.exceptions.items():
        if bits != "float" and bits not in range(WIDTHS[0], WIDTHS[1] + 1):
            raise UserError(
                f"quant.exceptions: layer {layer}: {bits!r} is not `float` and not a width in "
                f"{WIDTHS[0]}..{WIDTHS[1]}"
            )


def _check_master(config: Config) -> None:
    """No width may exceed the master's, of which it is the top bits."""
    quant, method = config.quant, config.method.name
    if quant.quantizer != "nested" and method != "dqt":
        return
    widths = {"quant.w_bits": quant.w_bits, "quant.a_bits": quant.a_bits}
    if method in ("dqnet", "dqt"):
        widths = {f"{method}.candidates": max(getattr(config, method).candidates)}
    widths |= {f"quant.exceptions: {k}": b for k, b in quant.exceptions.items() if b != "float"}
    for name, bits in widths.items():
        if bits > quant.master:
            raise UserError(f"{name}={bits}: at most quant.master={quant.master} bits")


def _check_dqnet(dqnet: DqnetConfig, quant: QuantConfig) -> None:
    widths = dqnet.candidates
    if widths is None:
        widths = [dqnet.target - 1, dqnet.target, dqnet.target + 1]
    _check_widths("dqnet.candidates", widths, "; empty: target-1, target, target+1 of dqnet.target")
    if dqnet.target > widths[-1] or dqnet.target < widths[0]:
        raise UserError(f"dqnet.target={dqnet.target} lies outside dqnet.candidates={widths}")
    dqnet.candidates = widths


def _check_dqt(dqt: DqtConfig) -> None:
    _check_widths("dqt.candidates", dqt.candidates)
    if dqt.subset > len(dqt.candidates):
        raise UserError(f"dqt.subset={dqt.subset}: at most the {len(dqt.candidates)} widths of dqt.candidates")


def _check_widths(name: str, widths: list, hint: str = "") -> None:
    inside = all(isinstance(b, int) and WIDTHS[0] <= b <= WIDTHS[1] for b in widths)
    if not inside or sorted(set(widths)) != widths or len(widths) < 2:
        raise UserError(
            f"{name}={widths}: expected two or more rising widths in {WIDTHS[0]}..{WIDTHS[1]}{hint}"
        )
