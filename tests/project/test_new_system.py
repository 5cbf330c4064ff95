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
"""A new system is one file for each new idea and one line in a visible dict: a toy backbone (depthwise,
with signed bottlenecks), a toy quantiser, a toy step-wise controller and a toy method go the whole
road. Nothing of src/ or config/ knows them."""

import csv
import json

import numpy as np
import pytest

from src.config import load_config
from src.controllers.given import GivenPlan
from src.data.views import pixel_values
from src.deploy.integer.export import export_int
from src.deploy.integer.lower import Picture, lower
from src.deploy.mindir.bundle import read_bundle
from src.deploy.mindir.export_bundle import export_bundle
from src.deploy.mindir.run_bundle import run_in_mindspore
from src.engine.artefact import load_artefact
from src.engine.mindspore_graph import MindSporeGraph
from src.engine.native import Native
from src.engine.operations import Choose
from src.engine.oracle import Oracle
from src.errors import UserError
from src.methods import METHODS
from src.methods.base import FloatNet
from src.models import BACKBONES, build_backbone
from src.models.geometry import describe
from src.quantizers import ACTIVATION, WEIGHT
from src.report.load import load_run
from src.report.page import run_page
from src.runtime import start
from src.train.batches import load_split
from src.train.checkpoints import RunState, save_checkpoint
from src.train.loaded import load_trained
from src.train.loop import train_run
from src.train.results import evaluate_split
from src.train.run_folder import continue_run, create_run
from tests.project.toy.backbone import Toy as ToyBackbone
from tests.project.toy.method import Toy, build_supernet
from tests.project.toy.quantiser import ToyActivation, ToyWeight

OVERRIDES = [
    "model.name=toy", "quant.quantizer=toy", "method.name=toy", "toy.candidates=[2, 4]",
    "data.image_size=8", "data.batch_size=256", "data.eval_batch_size=355", "train.epochs=2",
    "train.lr=0.05", "train.schedule=constant", "quant.pact_alpha=6",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def registered():
    """The lines that a new system takes."""
    lines = ((BACKBONES, ToyBackbone()), (WEIGHT, ToyWeight), (ACTIVATION, ToyActivation), (METHODS, Toy))
    for registry, entry in lines:
        registry["toy"] = entry
    yield
    for registry, _ in lines:
        del registry["toy"]


def trained(folder, *overrides, resume=False):
    if resume:
        run, config = continue_run(folder, list(overrides))
    else:
        config = load_config(None, [*OVERRIDES, f"run.dir={folder}", *overrides])
        run = create_run(config, None)
    runtime = start(config.device, config.train.seed)
    return run, train_run(config, run, runtime, resume)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two stages, without a break: (run folder, numbers of the evaluation)."""
    return trained(tmp_path_factory.mktemp("runs") / "whole")


def metrics(folder) -> list[dict]:
    with (folder.path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if "seconds" not in k} for row in rows]


def test_its_options_are_checked_like_others():
    with pytest.raises(UserError, match=r"toy.candidates=\[4, 2\]: expected two or more rising widths"):
        load_config(None, [*OVERRIDES, "toy.candidates=[4, 2]"])
    with pytest.raises(UserError, match="unknown key `toy.candidate`.*did you mean `toy.candidates`"):
        load_config(None, [*OVERRIDES, "toy.candidate=[2, 4]"])


def test_it_trains_in_stages(run):
    folder, numbers = run
    rows = metrics(folder)
    assert [(row["stage"], row["epoch"]) for row in rows] == [
        ("supernet", "1"), ("agent", "1"), ("agent", "2"),
    ]  # fmt: skip
    assert 0 <= numbers["top1"] <= 1 and numbers["mean_bits"] in (2, 4) or 2 < numbers["mean_bits"] < 4
    table = json.loads((folder.path / "layers.json").read_text())["layers"]
    kinds = [row["kind"] for row in table]
    assert kinds == ["float"] + ["dynamic"] * 6 + ["float"]
    assert (folder.path / "ckpt/supernet.ckpt").is_file()


def tensors(folder, name):
    import mindspore as ms

    stored = ms.load_checkpoint(str(folder.checkpoint(name)))
    return {n: p.asnumpy() for n, p in stored.items() if isinstance(p, ms.Tensor)}


def test_only_the_agent_learns_in_its_stage(run):
    before, after = (tensors(run[0], name) for name in ("supernet.ckpt", "last.ckpt"))
    assert [n for n in before if not np.array_equal(before[n], after[n])] == []
    assert "stem.conv.weight" in before and "controller.decide.0.weight" in after


@pytest.mark.parametrize("stopped", [("toy.first_epochs=1", "train.epochs=0"), ("train.epochs=1",)])
def test_it_resumes_in_any_stage(run, tmp_path, stopped):
    """Stopped after the first stage, or within the second."""
    folder, _ = trained(tmp_path / "stopped", *stopped)
    folder, numbers = trained(tmp_path / "stopped", "train.epochs=2", resume=True)
    assert metrics(folder) == metrics(run[0])
    whole, resumed = tensors(run[0], "last.ckpt"), tensors(folder, "last.ckpt")
    assert whole.keys() == resumed.keys()
    apart = [n for n in whole if not np.array_equal(whole[n], resumed[n])]
    assert not apart


def test_what_stopped_in_its_first_stage_is_that_stages_network(tmp_path):
    config = load_config(None, [*OVERRIDES, f"run.dir={tmp_path / 'run'}"])
    runtime = start(config.device, config.train.seed)
    network = build_supernet(config, float_net(config)).network
    folder = create_run(config, None)
    save_checkpoint(folder.last, network, RunState("supernet", 1442, 256, 1))
    system, state = load_trained(folder, config, runtime)
    assert state.stage == "supernet" and isinstance(system.controller, GivenPlan)


def float_net(config) -> FloatNet:
    backbone = build_backbone("toy", 10)
    return FloatNet(backbone, describe(backbone, config.data.image_size))


@pytest.fixture(scope="module")
def system(run):
    """A function that loads what was trained, and its data."""

    def load():
        folder, config = continue_run(run[0].path, ["device.native=off"])
        runtime = start(config.device, config.train.seed)
        return load_trained(folder, config, runtime)[0], load_split(config, "test"), config, folder

    return load


def test_it_is_evaluated_and_reported(run, system):
    built, _, config, folder = system()
    numbers = evaluate_split(config, built, folder, start(config.device, 1), "test")
    # Plain operators here, kernels in training: an image may stand on a threshold.
    assert numbers["top1"] == pytest.approx(run[1]["top1"], abs=0.02)
    page = run_page(load_run(folder.path))
    assert "block1.depth.conv" in page


def test_its_integers_are_the_same_in_every_engine(system, tmp_path):
    built, data, config, _ = system()
    picture = Picture(data.image_size, pixel_values(data.mean, data.std))
    path = tmp_path / "model.safetensors"
    found = export_int(built, picture, {"classes": data.classes}, path, data)
    assert found["plans_equal"] == 1 and found["top1_equal"] == 1
    program = load_artefact(path)
    assert sum(isinstance(op, Choose) for op in program.operations) == 6
    images = data.pixels(np.arange(6))
    logits, plan = Oracle(program).run(images)
    native = Native(path).run(images)
    graph = MindSporeGraph(program)
    import mindspore as ms

    in_graph = [value.asnumpy() for value in graph(ms.Tensor(images))]
    for other in (native, in_graph):
        np.testing.assert_array_equal(other[0], logits)
        np.testing.assert_array_equal(other[1], plan)


def test_its_static_form_becomes_integer_pairs():
    """The first layer, at 8 bits, is not called conv1."""
    pytest.importorskip("onnx")
    from src.deploy.onnx.qdq import as_qdq

    static = ["method.name=static", "quant.quantizer=lsq", "quant.first_last=8"]
    config = load_config(None, [*OVERRIDES, *static])
    built = METHODS["static"].build(config, float_net(config))
    values = np.zeros((3, 256), np.float32)
    made = as_qdq(lower(built, Picture(8, values), {}), 8, 10)
    assert sum(node.op_type == "Conv" for node in made.graph.node) == 8


def test_it_becomes_a_bundle(system, tmp_path):
    built, data, _, _ = system()
    images = data.batch(np.arange(5))
    expected, plan = built.answer(images, built.drawn(np.random.default_rng(0), 5, False))
    found = export_bundle(built, data, {}, tmp_path / "bundle", 3)
    bundle = read_bundle(tmp_path / "bundle")
    assert bundle.front == "" and [s.decides for s in bundle.stages if s.decides >= 0] == list(range(6))
    assert found["largest_difference"] < 1e-3
    logits, choices = run_in_mindspore(tmp_path / "bundle", images)
    np.testing.assert_array_equal(choices, plan.argmax(-1))
    np.testing.assert_allclose(logits, expected, atol=1e-3 * np.abs(expected).max())
