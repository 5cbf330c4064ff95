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

"""A network in a file of the user's own: found by name, read again where it changed, one error for each fault."""

import pytest

from src.config import load_config
from src.errors import UserError
from src.models import BACKBONES, build_model, design_of
from src.models.own_file import where_is

NET = """\
from src.models import BACKBONES

def mine(num_classes, rng):
    return BACKBONES["resnet8"].build(num_classes, rng)

def _part():
    pass
"""


@pytest.fixture
def own(tmp_path):
    """A function that writes a file and reads `model.name=mine` of it."""

    def read(text, name="mine"):
        path = tmp_path / "my net.py"
        path.write_text(text)
        return load_config(None, [f"model.name={name}", f"model.file={path}"]).model

    return read


def test_it_stands_in_for_a_name_of_the_project(own):
    model = own(NET)
    ours = {name: p.asnumpy() for name, p in build_model(model, 5, seed=3).parameters().items()}
    theirs = build_model(load_config(None, ["model.name=resnet8"]).model, 5, seed=3).parameters()
    assert ours.keys() == theirs.keys()
    assert all((ours[name] == p.asnumpy()).all() for name, p in theirs.items())
    assert "mine" not in BACKBONES


def test_it_is_run_once_and_again_where_it_changed(own):
    one = design_of(own(NET)).function
    assert design_of(own(NET)).function is one
    assert design_of(own(NET + "\n")).function is not one


def test_nothing_is_left_beside_it(own, tmp_path):
    design_of(own(NET))
    assert [path.name for path in tmp_path.iterdir()] == ["my net.py"]


FAULTS = [
    ("def mine(:", "cannot be run: SyntaxError in line 1: invalid syntax"),
    ("x = 1\nimport no_such_module_here", "cannot be run: ModuleNotFoundError in line 2: No module named"),
    ("raise SystemExit(3)", "cannot be run: SystemExit in line 1: 3"),
    ("\0", "cannot be run: "),
    (b"x = '\xff'", "cannot be run: SyntaxError"),
    (NET.replace("mine", "other"), "has no function of that name, mine.*; it has other$"),
    ("mine = 3", "has no function of that name.*it has none$"),
]  # fmt: skip


@pytest.mark.parametrize("text, told", FAULTS, ids=range(len(FAULTS)))
def test_a_file_that_cannot_be_had(tmp_path, text, told):
    path = tmp_path / "net.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=told) as caught:
        load_config(None, [f"model.file={path}", "model.name=mine"])
    assert f"model.file={path}" in str(caught.value)


@pytest.mark.parametrize("name, told", [("gone.py", "no such file"), ("", "is a folder")])
def test_no_file(tmp_path, name, told):
    with pytest.raises(UserError, match=told):
        load_config(None, [f"model.file={tmp_path / name}", "model.name=mine"])


@pytest.mark.parametrize(
    "body, told",
    [
        ("return 1", r"mine\(num_classes, rng\) -> Backbone returned int"),
        ("return rng / 0", "fails with TypeError in line 4: unsupported operand"),
    ],
)  # fmt: skip
def test_a_function_that_gives_no_network(own, body, told):
    with pytest.raises(UserError, match=told):
        build_model(own(NET.replace('return BACKBONES["resnet8"].build(num_classes, rng)', body)), 5)


def test_a_name_that_nobody_has_and_an_option_that_it_does_not_take(own, tmp_path):
    with pytest.raises(UserError, match=r"model.name=mine \(model.file=null\): allowed are resnet8"):
        load_config(None, ["model.name=mine"])
    own(NET)
    with pytest.raises(UserError, match="model.width=0.5: mine has no such option"):
        load_config(None, [f"model.file={tmp_path / 'my net.py'}", "model.name=mine", "model.width=0.5"])


def mine(num_classes, rng):
    return BACKBONES["resnet8"].build(num_classes, rng)


def test_a_function_is_found_by_its_file_and_name():
    assert where_is(mine) == [f"model.file={__file__}", "model.name=mine"]
    for other in (lambda num_classes, rng: None, mine.__get__(3), print, "mine"):
        with pytest.raises(UserError, match="at the top of a Python file"):
            where_is(other)


def test_what_trains_while_it_is_read_is_told_where_to_go(own):
    text = NET + "from src.models.own_file import where_is\nwhere_is(mine)\n"
    with pytest.raises(UserError, match='my net.py trains while its network is read.*__name__ == "__main__"'):
        own(text)
