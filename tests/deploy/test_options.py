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
"""export.py's arguments: one line for a bad one, before anything is built, and no file is lost."""

import mindspore as ms
import pytest

import export as export_script
from src import exports
from src.entry import guarded
from src.errors import UserError
from tests.methods.build import SIDE
from tests.project.files import ROOT

FILE = ROOT / "config" / "resnet8_digits_dqnet_4bit.yaml"
RECIPE = ["--config", str(FILE), "method.name=static", f"data.image_size={SIDE}"]


def export(*arguments) -> int:
    return guarded(export_script.main, [*RECIPE, *map(str, arguments)])


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--batch", "0", "--out", "a.mindir"], ["--batch 0", "1 to 1024"]),
        (["--batch", "-3", "--out", "a.mindir"], ["--batch -3", "1 to 1024"]),
        (["--batch", "1025", "--out", "a.mindir"], ["--batch 1025", "1 to 1024"]),
        (["--batch", "2", "--format", "int", "--out", "a.safetensors"], ["--batch 2", "mindir"]),
        (["--out", "net"], ["--out", "net", "ends in .mindir", "net.mindir"]),
        (["--out", "net.onnx"], ["net.onnx", "ends in .mindir"]),
        (["--out", "net.mindir", "--format", "onnx"], ["net.mindir", "ends in .onnx"]),
        (["--out", "net.mindir", "--format", "int"], ["net.mindir", "ends in .safetensors"]),
        (["--out", "."], ["is a folder"]),
        (["--bits", "4", "--format", "int", "--out", "a.safetensors"], ["--bits 4", "infer.py"]),
        (["--plan", "p.json", "--qdq", "--format", "onnx", "--out", "a.onnx"], ["--plan", "--qdq"]),
        (["--compare", "9", "--out", "a.mindir"], ["--compare 9", "--format int"]),
        (["--compare", "0", "--format", "int", "--out", "a.safetensors"], ["--compare 0", "1 image or more"]),
        (["--escalate", "--out", "a.mindir"], ["--escalate", "--bundle"]),
        (["--escalate", "--qdq", "--format", "onnx", "--out", "a"], ["--escalate", "--qdq"]),
        ([], ["--out PATH"]),
    ],
)
def test_a_bad_argument_is_one_line_and_leaves_nothing(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert export(*arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and message.count("\n") == 1
    assert all(word in message for word in words), message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "form, name, function",
    [
        ("int", "a.safetensors", "export_int"),
        ("mindir", "a.mindir", "export_checked"),
        ("onnx", "a.onnx", "export_onnx"),
    ],
)
def test_what_fails_replaces_nothing(form, name, function, tmp_path, monkeypatch, capsys):
    def differs(*arguments):
        file = next(a for a in arguments if str(a).endswith(name))
        file.write_text("wrong")
        raise UserError(f"{file} differs from the network")

    (tmp_path / name).write_text("old")
    monkeypatch.setattr(exports, function, differs)
    code = export("--format", form, "--out", tmp_path / name, "device.mode=pynative")
    ms.set_context(mode=ms.GRAPH_MODE)
    assert code == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line == f"error: {tmp_path / name} differs from the network"
    assert (tmp_path / name).read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == [name]
