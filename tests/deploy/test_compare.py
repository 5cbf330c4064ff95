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
"""A MINDIR gives the network's own answers in a process that knows nothing of it."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src.deploy.integer.export import export_int
from src.deploy.mindir import export_bundle, whole
from src.deploy.onnx import export as export_onnx
from src.errors import UserError
from tests.methods.build import method

LSQ = ["method.name=static", "quant.quantizer=lsq"]
EXPORTS = {
    "int": lambda built, picture, path, images: export_int(built, picture, {}, path, images),
    "mindir": lambda built, picture, path, images: whole.export_checked(built, path, 1, images),
    "bundle": lambda built, picture, path, images: export_bundle.export_bundle(built, images, {}, path, 3),
    "onnx": lambda built, picture, path, images: export_onnx.export_onnx(built, picture, images, path, False),
    "qdq": lambda built, picture, path, images: export_onnx.export_onnx(built, picture, images, path, True),
}  # fmt: skip
FILES = {
    "int": "net.safetensors",
    "mindir": "net.mindir",
    "bundle": "net",
    "onnx": "net.onnx",
    "qdq": "net.onnx",
}


@pytest.fixture
def pynative():
    """Nothing is compiled for a network that is refused."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def spoil(built, name: str, value: float) -> None:
    parameter = next(p for p in built.network.get_parameters() if p.name.endswith(name))
    values = parameter.asnumpy().copy()
    values.flat[0] = value
    parameter.set_data(Tensor(values))


@pytest.mark.parametrize("form", EXPORTS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_that_is_not_finite_is_not_exported(
    form, value, digits, picture, tmp_path, pynative
):
    built = method(*LSQ)
    spoil(built, "fc.weight", value)
    with pytest.raises(
        UserError, match=r"^nothing is exported: values of fc\.weight are not finite; "
    ):
        EXPORTS[form](built, picture, tmp_path / FILES[form], digits)
    assert not list(tmp_path.iterdir())


def test_a_step_that_no_image_uses_counts_too(digits, picture, tmp_path, pynative):
    built = method("method.name=dqnet", "quant.quantizer=lsq")
    spoil(built, "layer2.0.conv1.weight_quantizer.step", np.nan)
    with pytest.raises(UserError, match=r"layer2\.0\.conv1\.weight_quantizer\.step"):
        EXPORTS["int"](built, picture, tmp_path / "net.safetensors", digits)


def test_sums_that_overflow_are_told(digits, picture, tmp_path, pynative):
    built = method(*LSQ)
    spoil(built, "fc.bias", 3e38)
    spoil(built, "bn1.beta", 3e38)
    with pytest.raises(UserError, match="the network's logits are not finite"):
        EXPORTS["int"](built, picture, tmp_path / "net.safetensors", digits)


BROKEN = {
    "mindir": (whole, "run_mindir", lambda logits: [[row[None]] for row in logits]),
    "bundle": (export_bundle, "run_in_mindspore", lambda logits: (logits, None)),
    "onnx": (export_onnx, "run_onnx", lambda logits: [logits]),
}


@pytest.mark.parametrize("form", BROKEN)
def test_a_file_that_answers_nan_is_refused(form, digits, picture, tmp_path, monkeypatch):
    """NaN passes every `difference > tolerance`; of one image alone, every median of infinities."""
    room, name, as_outputs = BROKEN[form]

    def broken(path, images, *_):
        logits = np.ones((len(images), 10), np.float32)
        logits[0] = np.nan
        return as_outputs(logits)

    monkeypatch.setattr(room, name, broken)
    with pytest.raises(UserError, match=f"{FILES[form]} differs from the network by nan"):
        EXPORTS[form](method("method.name=float"), picture, tmp_path / FILES[form], digits)
