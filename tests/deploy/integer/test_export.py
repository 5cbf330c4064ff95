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
"""An integer file is compared with its network, and a float network or a wrong file is refused."""

import json

import mindspore as ms
import numpy as np
import pytest

from src.config import load_config
from src.deploy.integer import export as module
from src.deploy.integer.export import AT_ONCE, compare, export_int
from src.deploy.notes import as_notes
from src.engine.artefact import load_artefact
from src.errors import UserError
from tests.methods.build import SIDE, method

LSQ = ["method.name=static", "quant.quantizer=lsq", "quant.first_last=8"]


@pytest.fixture(autouse=True)
def _pynative():
    """Lowering reads many small results once: no graphs have to be compiled for that."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def test_the_file_gives_the_networks_answers(digits, picture, tmp_path):
    built, path = method("method.name=dqnet"), tmp_path / "made" / "net.safetensors"
    notes = as_notes(load_config(), digits, None, 3)
    row = export_int(built, picture, notes, path, digits)
    assert row["images"] == 8 and row["bytes"] == path.stat().st_size
    assert (row["plans_equal"], row["top1_equal"]) == (1.0, 1.0)
    assert row["own_top1_equal"] == 1 and row["median_difference"] <= row["largest_difference"] < 0.05
    stored = load_artefact(path).notes
    assert {k: stored[k] for k in notes} == json.loads(json.dumps(notes))
    assert stored["classes"] == list("0123456789") and stored["image_size"] == SIDE
    assert stored["recalibrated"] == 3 and "versions" not in stored
    assert {"exponent", "layers", "scales", "widths"} <= stored.keys()


@pytest.mark.parametrize("asked, compared", [(AT_ONCE + 1, AT_ONCE + 1), (10**6, 355)])
def test_as_many_images_are_compared_as_asked(asked, compared, digits, picture, tmp_path):
    row = export_int(method("method.name=dqnet"), picture, {}, tmp_path / "net.safetensors", digits, None, asked)
    assert row["images"] == compared and row["plans_equal"] > 0.99 and row["top1_equal"] > 0.99


@pytest.mark.parametrize(
    ("quantizer", "bits"), [("dorefa", 1), ("dorefa", 4), ("pact", 4), ("lsq", 4), ("nested", 4)]
)
def test_a_dead_layer_is_exported(quantizer, bits, digits, picture, tmp_path):
    """Weights that are all zero have a scale, and the file gives the network's answers."""
    overrides = ["method.name=static", f"quant.quantizer={quantizer}", f"quant.w_bits={bits}"]
    built = method(*overrides)
    weight = built.network.cell("layer3.0.conv1").weight
    weight.set_data(weight * 0)
    path = tmp_path / "net.safetensors"
    row = export_int(built, picture, as_notes(load_config(), digits, None, None), path, digits)
    assert row["top1_equal"] == 1.0 and row["largest_difference"] < 1e-4


def test_a_file_that_answers_otherwise_is_refused(digits, picture, tmp_path, monkeypatch):
    def wrong(method, picture, notes):
        program = lower(method, picture, notes)
        program.operations[-1].arrays["bias"] += 1 << program.operations[-1].shift + 22
        return program

    lower = module.lower
    monkeypatch.setattr(module, "lower", wrong)
    with pytest.raises(UserError, match="net.safetensors differs from the network"):
        export_int(method(*LSQ), picture, {}, tmp_path / "net.safetensors", digits)


def test_a_float_network_is_refused(digits, picture, tmp_path):
    path = tmp_path / "net.safetensors"
    with pytest.raises(UserError, match="needs a quantised network"):
        export_int(method("method.name=float"), picture, {}, path, digits)
    assert not path.exists()


def test_comparison_by_hand():
    expected = np.array([[1.0, -2.0], [0.0, 4.0], [8.0, 0.0]])
    logits = expected + [[0.0, 0.0], [1.0, 0.0], [0.0, 10.0]]
    plan, other = np.zeros((3, 2, 1)), np.array([[[0], [0]], [[0], [1]], [[0], [0]]])
    found = compare(logits, plan, expected, other, -expected, "oracle")
    assert found.plans_equal == pytest.approx(2 / 3) and found.top1_equal == pytest.approx(2 / 3)
    assert found.own_top1_equal == 0
    assert (found.largest_difference, found.median_difference) == (10 / 8, 1 / 4)
    assert compare(logits, None, expected, None, expected, "oracle").plans_equal == 1


def test_versions_of_a_run_are_taken_in(digits, tmp_path):
    (tmp_path / "versions.json").write_text('{"commit": "abc"}')
    notes = as_notes(load_config(), digits, tmp_path, None)
    assert notes["versions"] == {"commit": "abc"}
    (tmp_path / "versions.json").write_text("{")
    with pytest.raises(UserError, match="versions.json is damaged"):
        as_notes(load_config(), digits, tmp_path, None)
