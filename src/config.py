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
"""The configuration of a run: sections of keys, read from files and the command line, and checked.

The sections that every run has stand in `keys.py`; a method that has options declares and checks
them in its own file, as a section named like the method. What a key may choose from is asked of the
registries.

Precedence: `config/default.yaml` < recipe < `key=value` on the command line; a recipe's `include:`
names another file beside it, which comes first. An unknown key or an impossible value is refused
with the key, the value, what is allowed and the nearest known key.

A key of type text takes what is typed (`007` and `no` are names like others; empty and `null` mean
none), and of a path a leading `~` is the home folder; the values of all other keys are YAML.
"""

import dataclasses
import difflib
import functools
import typing
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import yaml

from src.data import DATASETS
from src.errors import UserError
from src.files import whole_file
from src.keys import CORE, Config, ModelConfig, QuantConfig, Section
from src.methods import METHODS
from src.methods.base import FLOAT
from src.methods.widths import take_plan
from src.models import BACKBONES, design_of
from src.quantizers import ACTIVATION, WEIGHT
from src.recipes import DEFAULT_FILE, find_recipe, read_recipe
from src.values import as_text, as_yaml, check_choice, checked, type_of

# Key -> the registry whose names are its values.
CHOICES: dict[str, dict] = {
    "data.name": DATASETS,
    "model.name": BACKBONES,
    "quant.quantizer": WEIGHT,
    "method.name": METHODS,
    "train.teacher_model": BACKBONES,
}


def sections() -> dict[str, type[Section]]:
    """Name -> class of every section, in the order of the default file."""
    found = {}
    for name, section in CORE.items():
        found[name] = section
        if name == "method":
            found |= {name: method.options for name, method in METHODS.items() if method.options}
    return found


def known_keys() -> Mapping[str, tuple[type[Section], dataclasses.Field]]:
    """Dotted key -> (class of its section, field), in the order of the default file."""
    return _keys_of(tuple(sections().items()))


@functools.lru_cache(maxsize=1)  # each value of each file asks for them
def _keys_of(found: tuple[tuple[str, type[Section]], ...]) -> Mapping:
    return MappingProxyType(
        {
            f"{name}.{item.name}": (section, item)
            for name, section in found
            for item in dataclasses.fields(section)
        }
    )


def choices_of(name: str) -> tuple[str, ...] | None:
    """What the value of a key is chosen from; None: not from a list."""
    if name in CHOICES:
        return tuple(CHOICES[name])
    return known_keys()[name][1].metadata["choices"]


def default_config() -> Config:
    """Every key at the default that it was declared with."""
    return Config(**{name: section() for name, section in sections().items()})


def load_config(recipe: str | Path | None = None, overrides: typing.Sequence[str] = ()) -> Config:
    """Default < recipe < overrides (`section.key=value`), checked.

    Raises:
        UserError: a file is missing or no YAML, a key is unknown, a value is not allowed.
    """
    config = default_config()
    _apply_file(config, DEFAULT_FILE)
    if recipe is not None:
        _apply_file(config, find_recipe(recipe))
    for text in overrides:
        _apply_override(config, text)
    _check_together(config)
    return config


def unread(config: Config, overrides: typing.Sequence[str]) -> list[str]:
    """The overrides that say nothing to the configuration's method: keys of another one, of `Method.unread`, or
    options of other quantisers than `quant.quantizer`."""
    method = config.method.name
    others, unread = METHODS.keys() - {method}, {*METHODS[method].unread}
    if "quant.quantizer" not in unread:
        unread |= _options({*WEIGHT}) - _options({config.quant.quantizer, *_of_ends(config.quant)})
    names = {text: text.partition("=")[0].strip() for text in overrides}
    return [text for text, name in names.items() if name.split(".")[0] in others or name in unread]


def _of_ends(quant: QuantConfig) -> tuple[str, ...]:
    """The quantiser of the first and the last layer (methods/rules.py)."""
    return () if quant.first_last == "float" else ("lsq",)


def _options(quantizers: set[str]) -> set[str]:
    """The keys that quantisers take."""
    own = (*(WEIGHT[name] for name in quantizers), *(ACTIVATION[name] for name in quantizers))
    return {f"quant.{option}" for quantizer in own for option in quantizer.options}


def save_config(config: Config, path: Path) -> None:
    """Write the resolved configuration as YAML; `load_config(path)` reads it back."""
    with whole_file(path) as file:
        file.write_text(yaml.safe_dump(config.as_dict(), sort_keys=False), encoding="utf-8")


def missing_sections(path: Path) -> list[str]:
    """The sections that a file written by `save_config` lacks: none, unless it is damaged.

    Of the methods' sections only that of the file's own method counts: others may be younger.
    """
    there = {}
    for _, tree, _ in read_recipe(path):
        there |= tree
    method = there["method"].get("name") if isinstance(there.get("method"), dict) else None
    needed = [name for name in sections() if name in CORE or name == method]
    return [name for name in needed if name not in there]


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
    if not isinstance(text, str):  # from Python (api.py)
        raise UserError(f"argument {text!r:.60}: expected a text key=value, for example train.epochs=5")
    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"argument {text!r}: expected key=value, for example train.epochs=5")
    name, source = name.strip(), "command line"
    value = as_text(value) if _is_text(name, source) else as_yaml(name, value)
    _assign(config, name, value, source)


def _refuse_unknown(name: str, source: str) -> None:
    keys, names = known_keys(), sections()
    if name in keys or name in names:
        return
    near = difflib.get_close_matches(name, [*keys, *names], n=1, cutoff=0.5)
    leaf = [k for k in keys if k.split(".")[1] == name.split(".")[-1]]
    hint = f"; did you mean `{(leaf or near)[0]}`? All" if leaf or near else "; all"
    raise UserError(f"unknown key `{name}` ({source}){hint} keys: config/default.yaml")


def _is_text(name: str, source: str) -> bool:
    """Whether the values of a key are text. UserError: there is no such key."""
    _refuse_unknown(name, source)
    if name not in known_keys():
        raise UserError(f"`{name}` ({source}) is a section; give one of its keys, e.g. {name}.x=1")
    return type_of(known_keys()[name][1])[0] is str


def _assign(config: Config, name: str, value, source: str) -> None:
    section, leaf = name.split(".")
    item = known_keys()[name][1]
    # What a model may be called depends on model.file, which may come later (_check_model).
    choices = None if name == "model.name" else choices_of(name)
    setattr(getattr(config, section), leaf, checked(name, value, item, choices, source))


def _check_together(config: Config) -> None:
    """Rules that join several keys; each error names the keys."""
    take_plan(config.quant)
    for section in vars(config).values():
        section.check()
    _check_model(config.model)
    _check_least_bits(config.quant)
    train = config.train
    weights = train.teacher_weights or config.model.weights
    is_float = config.method.name == FLOAT  # it has no float epochs before its own
    if train.distill_weight > 0 and weights is None and (is_float or train.pretrain_epochs == 0):
        start = "model.weights=FILE" + ("" if is_float else " or train.pretrain_epochs")
        raise UserError(
            f"train.distill_weight > 0 needs a float teacher: give train.teacher_weights=FILE, or {start}, "
            "whose network then teaches, too"
        )
    METHODS[config.method.name].check(config)


def _check_model(model: ModelConfig) -> None:
    """There is such a backbone, and no option is set that it does not have."""
    if model.file is None:
        check_choice("model.name", model.name, tuple(BACKBONES), "model.file=null")
    taken, default = design_of(model).options, ModelConfig()
    for name in sorted({name for design in BACKBONES.values() for name in design.options} - {*taken}):
        value = getattr(model, name)
        if value != getattr(default, name):
            able = ", ".join(other for other, design in BACKBONES.items() if name in design.options)
            raise UserError(
                f"model.{name}={value}: {model.name} has no such option; these have it: {able}"
            )


def _check_least_bits(quant: QuantConfig) -> None:
    least = _least_bits(quant.quantizer)
    for name in ("w_bits", "a_bits"):
        bits = getattr(quant, name)
        if bits < least:
            able = " or ".join(other for other in WEIGHT if _least_bits(other) <= bits)
            raise UserError(
                f"quant.{name}={bits}: {quant.quantizer} is defined from {least} bits; "
                f"only quant.quantizer={able} has a {bits}-bit form"
            )


def _least_bits(quantizer: str) -> int:
    return max(WEIGHT[quantizer].least_bits, ACTIVATION[quantizer].least_bits)
