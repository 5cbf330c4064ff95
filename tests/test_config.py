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

"""Configuration: the default file, precedence, and one clear error for each kind of bad input."""

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from src.config import (
    CHOICES,
    DEFAULT_FILE,
    choices_of,
    default_config,
    known_keys,
    load_config,
    missing_sections,
    save_config,
)
from src.errors import UserError
from src.keys import CORE, Config, Section, key
from src.methods import METHODS
from src.quantizers import ACTIVATION, WEIGHT

RECIPES = sorted(p for p in DEFAULT_FILE.parent.rglob("*.yaml") if p != DEFAULT_FILE)


def test_default_file_holds_exactly_the_known_keys_with_their_defaults():
    tree = yaml.safe_load(DEFAULT_FILE.read_text(encoding="utf-8"))
    in_file = {f"{s}.{k}": v for s, keys in tree.items() for k, v in keys.items()}
    assert list(in_file) == list(known_keys())
    defaults = {f"{s}.{k}": v for s, keys in default_config().as_dict().items() for k, v in keys.items()}
    assert in_file == defaults


def test_every_key_of_the_default_file_is_explained():
    lines = DEFAULT_FILE.read_text(encoding="utf-8").splitlines()
    keys = [line for line in lines if re.match(r"  \w+:", line)]
    assert len(keys) == len(known_keys())
    assert [line for line in keys if not re.search(r"\s# .{3}", line)] == []


def test_a_name_fits_one_key_of_one_section_only_where_the_section_tells_them_apart():
    """`name` and the like aside, a user may drop no section by accident: dots are required."""
    with pytest.raises(UserError, match="did you mean `train.epochs`"):
        load_config(None, ["epochs=3"])


def recipe(folder: Path, text: str, name: str = "own.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_command_line_wins_over_recipe_wins_over_default(tmp_path):
    path = recipe(tmp_path, "train: {epochs: 7, lr: 0.5}\n")
    config = load_config(path, ["train.lr=0.25", "train.lr=0.125"])
    assert (config.train.epochs, config.train.lr, config.train.momentum) == (7, 0.125, 0.9)


def test_a_recipe_may_include_another(tmp_path):
    recipe(tmp_path, "train: {epochs: 7, lr: 0.5}\n", "base.yaml")
    config = load_config(recipe(tmp_path, "include: base.yaml\ntrain: {lr: 2}\n"))
    assert (config.train.epochs, config.train.lr) == (7, 2.0)


def test_defaults_of_two_configurations_are_not_shared():
    first = load_config(None, ["quant.exceptions={conv1: 8}"])
    first.train.milestones.append(3)
    second = load_config()
    assert second.quant.exceptions == {} and second.train.milestones == []


@pytest.mark.parametrize(
    "override,read",
    [
        ("device.native=on", "on"),
        ("device.native=off", "off"),
        ("quant.first_last=8", "8"),
        ("train.lr=1e-4", 1e-4),
        ("train.lr=1", 1.0),
        ("data.mean=[0, 0.5, 1]", [0, 0.5, 1]),
        ("dqnet.candidates=[2, 4, 8]", [2, 4, 8]),
        ("quant.exceptions={layer1.0.conv1: 8, fc: float}", {"layer1.0.conv1": 8, "fc": "float"}),
        ("run.dir=", None),
        ("data.path=runs/a=b", "runs/a=b"),
        ("train.nesterov=true", True),
    ],
)
def test_values_as_typed_on_a_command_line(override, read):
    section, leaf = override.split("=")[0].split(".")
    value = getattr(getattr(load_config(None, [override]), section), leaf)
    assert value == read and type(value) is type(read)


PATHS = ("run.dir", "data.path", "model.weights", "train.teacher_weights")
NAMES = ["try #2", "007", "12:30", "no", "on", "1e3", "{a", "a: b", "'quoted'", " x ", "2026-13-01", "- a"]


def value_of(config: Config, name: str):
    section, leaf = name.split(".")
    return getattr(getattr(config, section), leaf)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("typed", NAMES)
def test_a_path_is_the_text_that_was_typed(name, typed, tmp_path):
    config = load_config(None, [f"{name}={typed}"])
    assert value_of(config, name) == typed
    save_config(config, tmp_path / "config.yaml")
    assert value_of(load_config(tmp_path / "config.yaml"), name) == typed


@pytest.mark.parametrize("written", ["007", "12:30", "no", "off", "2026-11-25", "1e3", "0x10"])
def test_a_path_in_a_recipe_is_the_text_that_stands_there(written, tmp_path):
    path = recipe(tmp_path, f"run: {{dir: {written}}}\nmodel:\n  weights: {written}  # why\n")
    config = load_config(path)
    assert (config.run.dir, config.model.weights) == (written, written)


@pytest.mark.parametrize("name", PATHS)
def test_no_path_is_still_possible(name, tmp_path):
    section, leaf = name.split(".")
    path = recipe(tmp_path, f"{section}: {{{leaf}: 'null'}}\n")
    assert value_of(load_config(path), name) == "null"  # quoted: a name
    for nothing in ("", " ", "null"):
        assert value_of(load_config(path, [f"{name}={nothing}"]), name) is None
        empty = recipe(tmp_path, f"{section}: {{{leaf}: {nothing}}}\n", "empty.yaml")
        assert value_of(load_config(empty), name) is None


@pytest.mark.parametrize("name", PATHS)
def test_a_path_may_begin_with_the_home_folder(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    section, leaf = name.split(".")
    path = recipe(tmp_path, f"{section}: {{{leaf}: ~/x y}}\n")
    wanted = str(tmp_path / "me" / "x y")
    assert value_of(load_config(path), name) == wanted
    assert value_of(load_config(None, [f"{name}=~/x y"]), name) == wanted
    assert value_of(load_config(None, [f"{name}=~"]), name) == str(tmp_path / "me")
    assert value_of(load_config(None, [f"{name}=a/~"]), name) == "a/~"
    with pytest.raises(UserError, match="~no-such-user/x.*home folder"):
        load_config(None, [f"{name}=~no-such-user/x"])


def test_candidates_follow_the_target():
    assert load_config(None, ["dqnet.target=5"]).dqnet.candidates == [4, 5, 6]


# Each error: what is wrong, then words that its text must hold: the key, the value, what is allowed.
BAD = [
    ("train.epoch=5", "unknown key `train.epoch`", "did you mean `train.epochs`?"),
    ("model.batch_size=8", "unknown key `model.batch_size`", "did you mean `data.batch_size`?"),
    ("zzz=1", "unknown key `zzz`", "config/default.yaml"),
    ("train=5", "`train` (command line) is a section"),
    ("train.epochs", "'train.epochs'", "expected key=value"),
    ("quant.w_bits=9", "quant.w_bits=9", "at least 1 and at most 8"),
    ("quant.a_bits=0", "quant.a_bits=0", "at least 1 and at most 8"),
    ("dqnet.target=9", "dqnet.target=9", "at least 2 and at most 8"),
    ("dqnet.target=8", "dqnet.candidates=[7, 8, 9]", "2..8"),
    ("dqnet.candidates=[3, 9]", "dqnet.candidates=[3, 9]", "2..8"),
    ("dqnet.candidates=[4, 3]", "dqnet.candidates=[4, 3]", "rising"),
    ("dqnet.candidates=[4]", "dqnet.candidates=[4]", "two or more"),
    ("dqnet.candidates=[5, 6]", "dqnet.target=4", "dqnet.candidates=[5, 6]"),
    ("train.epochs=ten", "train.epochs='ten'", "expected int"),
    ("train.epochs=1.5", "train.epochs=1.5", "expected int"),
    ("train.epochs=.inf", "train.epochs=inf", "expected int"),
    ("train.lr=.nan", "train.lr=nan", "expected float"),
    ("train.lr=-1", "train.lr=-1.0", "at least 0"),
    ("train.lr=[1]", "train.lr=[1]", "expected float"),
    ("train.nesterov=2", "train.nesterov=2", "expected bool"),
    ("train.milestones=5", "train.milestones=5", "expected list"),
    ("train.milestones=[0]", "train.milestones=[0]", "positive epochs"),
    ("train.seed=", "`train.seed`", "must not be empty"),
    ("model.name=resnt20", "model.name=resnt20", "resnet56", "did you mean resnet20?"),
    ("model.width=0.5", "model.width=0.5", "resnet8 has no such option", "mobilenetv2, mobilenetv2_cifar"),
    ("model.head_weights=f", "model.head_weights=f", "needs model.weights=FILE"),
    ("quant.quantizer=lsqq", "quant.quantizer=lsqq", "dorefa, pact, lsq", "did you mean lsq?"),
    ("device.native=perhaps", "device.native=perhaps", "auto, on, off"),
    ("data.mean=[0.5, 0.5]", "data.mean=[0.5, 0.5]", "three numbers"),
    ("data.std=[a, b, c]", "data.std=['a', 'b', 'c']", "three numbers"),
    ("data.name=cifar10", "data.name=cifar10", "data.path=FOLDER", "get_cifar10.sh"),
    ("quant.exceptions={conv1: 9}", "quant.exceptions: layer conv1: 9", "2..8", "float"),
    ("quant.exceptions={conv1: [4]}", "quant.exceptions: layer conv1: [4]"),
    ("train.distill_weight=0.5", "train.distill_weight", "train.teacher_weights=FILE"),
    ("train.distill_features=5", "train.distill_features", "train.distill_weight > 0"),
    ("train.lr={", "train.lr={", "not valid YAML"),
    ("train.lr=2026-13-01", "train.lr=2026-13-01", "not valid YAML"),
    ("train.seed=1" + 400 * "0", "train.seed=1", "expected int"),
    ("device.native=no", "device.native=no", "auto, on, off"),
]


@pytest.mark.parametrize(
    "overrides,name",
    [
        (["method.name=static", "quant.w_bits=8", "quant.master=6"], "quant.w_bits=8"),
        (["method.name=dqnet", "dqnet.candidates=[4, 7]", "quant.master=6"], "dqnet.candidates=7"),
        (["quant.exceptions={fc: 7}", "quant.master=6"], "quant.exceptions: fc=7"),
    ],
)
def test_no_width_exceeds_the_master_of_nested_codes(overrides, name):
    with pytest.raises(UserError, match=f"{name}.*quant.master=6".replace("[", r"\[")):
        load_config(None, ["quant.quantizer=nested", *overrides])
    load_config(None, [o for o in overrides if "exceptions" not in o])  # others have no master


def test_a_float_network_has_no_float_epochs_before_it_that_make_a_teacher():
    keys = ["train.distill_weight=0.5", "train.pretrain_epochs=1"]
    load_config(None, ["method.name=static", *keys])
    with pytest.raises(UserError, match="give train.teacher_weights=FILE, or model.weights=FILE, whose"):
        load_config(None, ["method.name=float", *keys])


@pytest.mark.parametrize("bad", BAD, ids=[bad[0] for bad in BAD])
def test_bad_values_are_refused_with_key_value_and_what_is_allowed(bad):
    override, *expected = bad
    with pytest.raises(UserError) as error:
        load_config(None, [override])
    for words in expected:
        assert words in str(error.value)


@pytest.mark.parametrize("key", ["quant.w_bits", "quant.a_bits"])
@pytest.mark.parametrize("quantizer", ["pact", "lsq"])
def test_one_bit_is_for_dorefa_alone(key, quantizer):
    assert load_config(None, [f"{key}=1"]).quant.quantizer == "dorefa"
    with pytest.raises(UserError, match=f"{key}=1: {quantizer} is defined from 2 bits"):
        load_config(None, [f"{key}=1", f"quant.quantizer={quantizer}"])


@pytest.mark.parametrize(
    "text,expected",
    [
        ("train: [1, 2", "not valid YAML"),
        ("- a\n- b\n", "expected sections"),
        ("trian: {epochs: 3}\n", "did you mean `train"),
        ("trian:\n", "did you mean `train"),
        ("train: 5\n", "section `train` must hold keys"),
        ("train: {epoch: 3}\n", "did you mean `train.epochs`?"),
        ("quant: {w_bits: 9}\n", "at most 8"),
        ("include: none.yaml\n", "no such file"),
        ("include: own.yaml\n", "names itself"),
    ],
)
def test_bad_recipes_are_refused_by_name(tmp_path, text, expected):
    path = recipe(tmp_path, text)
    with pytest.raises(UserError) as error:
        load_config(path)
    assert expected in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_a_missing_recipe_lists_the_shipped_ones():
    with pytest.raises(UserError, match=r"no_such.yaml: no such file; .*resnet8_digits_dqnet_4bit"):
        load_config("no_such.yaml")


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_shipped_recipes_load(path):
    config = load_config(path, ["data.path=x"])
    words = path.stem.split("_")
    if config.method.name in words:  # <model>_<dataset>_<method>_<bits>
        assert path.stem.startswith(config.model.name)
    bits = re.search(r"(\d)bit", path.stem)
    if bits and config.method.name == "static":
        assert config.quant.w_bits == config.quant.a_bits == int(bits[1])
    if bits and config.method.name == "dqnet":
        assert config.dqnet.target == int(bits[1])
    for quantizer in {"dorefa", "pact", "lsq"} & set(words):
        assert config.quant.quantizer == quantizer


def test_saved_configuration_reads_back_the_same(tmp_path):
    overrides = ["train.lr=1e-5", "device.native=on", "dqnet.target=3", "quant.first_last=8"]
    config = load_config(None, overrides)
    save_config(config, tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml") == config


def test_every_choice_names_something_that_exists():
    assert set(WEIGHT) == set(ACTIVATION)
    defaults = default_config().as_dict()
    for name, (section, item) in known_keys().items():
        assert dataclasses.is_dataclass(section) and item.metadata["comment"]
        choices = choices_of(name)
        value = defaults[name.split(".")[0]][item.name]
        assert choices is None or value is None or value in choices, name
    assert set(CHOICES) <= set(known_keys())


def test_no_method_is_named_like_a_section_that_every_run_has():
    assert not set(METHODS) & set(CORE)


@dataclass
class ToyOptions(Section):
    rungs: int = key(3, "rungs of the ladder", low=1, high=9)
    order: str = key("up", "{choices}: where it begins", choices=("up", "down"))
    steps: list | None = key(None, "widths; null: 2 at every rung")

    def check(self):
        self.steps = self.steps or [2] * self.rungs
        if len(self.steps) != self.rungs:
            raise UserError(f"toy.steps={self.steps}: expected toy.rungs={self.rungs} widths")


class Toy:
    options = ToyOptions

    @staticmethod
    def check(config):
        if config.toy.rungs > config.quant.w_bits:
            raise UserError(f"toy.rungs={config.toy.rungs}: at most quant.w_bits")


@pytest.fixture
def toy(monkeypatch):
    """A method that one line registers."""
    monkeypatch.setitem(METHODS, "toy", Toy)


@pytest.mark.usefixtures("toy")
def test_the_options_of_a_method_are_keys_like_others(tmp_path):
    path = recipe(tmp_path, "method: {name: toy}\ntoy: {rungs: 2}\n")
    config = load_config(path, ["toy.order=down"])
    assert config.toy == ToyOptions(2, "down", [2, 2])
    save_config(config, tmp_path / "config.yaml")
    stored = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    assert stored["toy"] == {"rungs": 2, "order": "down", "steps": [2, 2]}
    assert load_config(tmp_path / "config.yaml") == config
    assert list(stored) == [*list(CORE)[:5], "dqnet", "dqt", "abn", "ddq", "toy", *list(CORE)[5:]]


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(
    "overrides, expected",
    [
        (["toy.rung=2"], ("unknown key `toy.rung`", "did you mean `toy.rungs`?")),
        (["rungs=2"], ("did you mean `toy.rungs`?",)),
        (["toy=2"], ("`toy` (command line) is a section",)),
        (["toy.rungs=10"], ("toy.rungs=10", "at least 1 and at most 9")),
        (["toy.order=dwn"], ("toy.order=dwn", "allowed are up, down", "did you mean down?")),
        (["toy.steps=[2]"], ("toy.steps=[2]", "toy.rungs=3")),
        (["method.name=toi"], ("float, static, dqnet, dqt, abn, ddq, toy", "did you mean toy?")),
        (["method.name=toy", "toy.rungs=5"], ("toy.rungs=5: at most quant.w_bits",)),
    ],
)
def test_the_options_of_a_method_are_checked_like_others(overrides, expected):
    with pytest.raises(UserError) as error:
        load_config(None, overrides)
    for words in expected:
        assert words in str(error.value)


@pytest.mark.usefixtures("toy")
def test_rules_with_other_sections_are_for_the_method_that_trains():
    assert load_config(None, ["method.name=dqnet", "toy.rungs=5"]).toy.steps == [2] * 5


def test_a_file_that_is_older_than_a_method_lacks_nothing(tmp_path, monkeypatch):
    path = tmp_path / "config.yaml"
    save_config(load_config(None, ["method.name=dqt"]), path)
    monkeypatch.setitem(METHODS, "toy", Toy)
    assert missing_sections(path) == []
    assert load_config(path).toy.rungs == 3
    stored = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, missing in (("dqnet", []), ("dqt", ["dqt"]), ("train", ["train"])):
        path.write_text(yaml.safe_dump({k: v for k, v in stored.items() if k != name}))
        assert missing_sections(path) == missing


def test_what_is_registered_is_a_choice(monkeypatch):
    for name, registry in CHOICES.items():
        assert choices_of(name) == tuple(registry)
        monkeypatch.setitem(registry, "toy", next(iter(registry.values())))
        assert choices_of(name)[-1] == "toy"
    assert load_config(None, ["model.name=toy"]).model.name == "toy"
    assert load_config(None, ["method.name=toy"]).method.name == "toy"
