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

"""The examples, from training to answers of the integer engine, and what the scripts make of their runs."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import eval as eval_script
import train as train_script
from src import api
from src.data import load
from src.errors import UserError
from src.report.page import write_report
from src.train.own_network import NETWORK
from src.train.run_folder import open_run
from src.train.run_lock import claim

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
# No graph is compiled for a handful of steps.
FAST = ["data.batch_size=256", "device.mode=pynative", "train.pretrain_epochs=1"]


def example(name: str):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", autouse=True)
def _graph_mode_again():
    import mindspore as ms

    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def last_json(output: str) -> dict:
    return json.loads(output.strip().splitlines()[-1])


def test_plain_digits(tmp_path, capsys):
    run = tmp_path / "run"
    example("plain_digits").main([*FAST, "data.image_size=8", "train.pretrain_epochs=2", f"run.dir={run}"])
    printed = capsys.readouterr().out
    assert "float " in printed and "4.00 bits (static)" in printed
    net = api.load(run / "export/model.safetensors")
    test = load("digits", None, "test", image_size=8)
    right = np.mean([answer.index == k for answer, k in zip(net(test.images), test.labels, strict=True)])
    assert right == pytest.approx(api.evaluate(run)["top1"], abs=0.01)
    assert net.program.notes["model"] == "plain_net"


@pytest.fixture(scope="module")
def escalating(tmp_path_factory):
    """The run of the other example, its file of arrays, and what was printed."""
    folder = tmp_path_factory.mktemp("escalating")
    with pytest.MonkeyPatch.context() as patch:
        lines = []
        patch.setattr("builtins.print", lambda *words, **_: lines.extend(map(str, words)))
        keys = [*FAST, "train.epochs=1", "data.eval_batch_size=360", f"run.dir={folder / 'run'}"]
        example("escalating_arrays").main(keys, str(folder / "digits.npz"))
    return folder / "run", folder / "digits.npz", lines


def test_escalating_arrays(escalating):
    run, _, lines = escalating
    own, budget = (float(line.split()[0]) for line in lines)
    assert 0 < budget <= 1.1 * own and " 0.0% answered again" in lines[0]
    layers = json.loads((run / "layers.json").read_text())["layers"]
    dynamic = [row["name"] for row in layers if row["kind"] == "dynamic"]
    assert dynamic == [f"block{i}.{name}.conv" for i in (2, 3) for name in ("up", "depthwise", "down")]
    assert (run / "ladder.json").is_file()


def test_scripts_know_the_run_wherever_it_lies(escalating, tmp_path, capsys):
    run, data, _ = escalating
    moved = shutil.copytree(run, tmp_path / "moved")
    assert eval_script.main(["--run", str(moved), "--bits", "3"]) == 0
    numbers = last_json(capsys.readouterr().out)
    assert numbers["mean_bits"] == 3
    assert numbers == api.evaluate(moved, bits=3)
    assert open_run(moved)[1].model.file == str(moved / NETWORK)
    assert "inverted_net" in write_report(moved).read_text(encoding="utf-8")
    with pytest.raises(UserError, match="bits=3, plan=None, budget=250M: an evaluation takes at most one"):
        api.evaluate(moved, bits=3, budget="250M")


def test_it_is_trained_on(escalating, tmp_path, capsys):
    moved = shutil.copytree(escalating[0], tmp_path / "moved")
    assert train_script.main(["--resume", str(moved), "train.epochs=2"]) == 0
    assert last_json(capsys.readouterr().out)["run"] == str(moved)
    assert (moved / "metrics.csv").read_text().count("\ndqnet,") == 2
    claim(moved).close()  # the run is free again
    shutil.copy(moved / NETWORK, tmp_path / "x.py")
    with pytest.raises(UserError, match="model.file=.*x.py: this run was begun with .* keeps its network"):
        api.resume(moved, f"model.file={tmp_path / 'x.py'}")


def test_a_network_that_changed_under_a_run(escalating, tmp_path):
    moved = shutil.copytree(escalating[0], tmp_path / "moved")
    (moved / NETWORK).write_text((moved / NETWORK).read_text() + "\n")
    with pytest.raises(UserError, match="network.py, the network of this run, was changed since the run began; put"):
        api.evaluate(moved)
    (moved / NETWORK).unlink()
    with pytest.raises(UserError, match="network.py, the network of this run, is missing; put"):
        api.export(moved)
