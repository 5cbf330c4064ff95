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

"""Float weights from files of three kinds: names, and every way in which a file can be wrong."""

import mindspore as ms
import numpy as np
import pytest
from safetensors.numpy import save_file

from src.config import load_config
from src.data import Loader
from src.errors import UserError
from src.methods import build_method
from src.models import build_model
from src.models.weights import load_float_weights, our_name, read_tensors
from src.runtime import Runtime
from src.train.batches import load_split
from src.train.evaluate import evaluate
from tests.rights import unreadable

BN = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


@pytest.mark.parametrize(
    "theirs,ours",
    [
        ("conv1.weight", "conv1.weight"),
        ("bn1.weight", "bn1.gamma"),
        ("layer1.0.bn2.bias", "layer1.0.bn2.beta"),
        ("module.layer3.2.bn1.running_mean", "layer3.2.bn1.moving_mean"),
        ("layer2.0.downsample.0.weight", "layer2.0.downsample.conv.weight"),
        ("layer2.0.downsample.1.weight", "layer2.0.downsample.bn.gamma"),
        ("layer2.0.downsample.1.running_var", "layer2.0.downsample.bn.moving_variance"),
        ("layer2.0.shortcut.0.weight", "layer2.0.downsample.conv.weight"),
        ("layer2.0.shortcut.1.bias", "layer2.0.downsample.bn.beta"),
        ("linear.bias", "fc.bias"),
        ("end_point.weight", "fc.weight"),
        ("layer2.0.downsample.bn.gamma", "layer2.0.downsample.bn.gamma"),
    ],
)
def test_names(theirs, ours):
    assert our_name(theirs) == ours


@pytest.mark.parametrize("name", ["w.ckpt", "w.npz", "w.safetensors"])
def test_a_file_of_another_user_is_not_called_damaged(name, tmp_path):
    (tmp_path / name).write_bytes(b"x")
    with unreadable(tmp_path / name), pytest.raises(UserError) as error:
        read_tensors(tmp_path / name)
    assert f"{name} may not be read by this user" in str(error.value)
    assert "damaged" not in str(error.value)


def torch_name(name: str) -> str:
    path, leaf = name.rsplit(".", 1)
    path = path.replace("downsample.conv", "downsample.0").replace("downsample.bn", "downsample.1")
    return f"{path}.{BN.get(leaf, leaf)}"


def torch_tensors(model) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    named = {torch_name(p.name): p.shape for p in model.get_parameters()}
    tensors = {n: rng.normal(size=shape).astype(np.float32) for n, shape in named.items()}
    return {**tensors, "bn1.num_batches_tracked": np.array(7)}


def model(shortcut="B", classes=10):
    return build_model("resnet8", classes, shortcut)


def write(path, tensors) -> None:
    if path.suffix == ".npz":
        np.savez(path, **tensors)
    elif path.suffix == ".safetensors":
        save_file({n: np.ascontiguousarray(v) for n, v in tensors.items()}, path)
    else:
        rows = [{"name": n, "data": ms.Tensor(v)} for n, v in tensors.items()]
        ms.save_checkpoint(rows, str(path))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".ckpt"])
def test_pytorch_names_from_every_kind_of_file(tmp_path, suffix):
    target, path = model(), tmp_path / f"weights{suffix}"
    tensors = torch_tensors(target)
    write(path, tensors)
    table = load_float_weights(target, path)
    for parameter in target.get_parameters():
        np.testing.assert_array_equal(parameter.asnumpy(), tensors[torch_name(parameter.name)])
    assert len(table) == len(tensors) - 1
    row = next(line.split() for line in table if line.startswith("layer2.0.downsample.1.bias"))
    assert row == ["layer2.0.downsample.1.bias", "->", "layer2.0.downsample.bn.beta", "(32,)"]


def test_own_checkpoint_names(tmp_path):
    source, target = build_model("resnet8", 10, seed=4), model("A")
    ms.save_checkpoint(source, str(tmp_path / "own.ckpt"))
    load_float_weights(target, tmp_path / "own.ckpt")
    for one, two in zip(source.get_parameters(), target.get_parameters(), strict=True):
        np.testing.assert_array_equal(one.asnumpy(), two.asnumpy())


def refused(target, path) -> str:
    before = [p.asnumpy().copy() for p in target.get_parameters()]
    with pytest.raises(UserError) as error:
        load_float_weights(target, path)
    for parameter, value in zip(target.get_parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.asnumpy(), value)
    assert str(path) in str(error.value)
    return str(error.value)


def test_missing_tensors_are_listed(tmp_path):
    tensors = torch_tensors(model())
    del tensors["layer3.0.bn2.running_var"], tensors["fc.bias"]
    write(tmp_path / "w.npz", tensors)
    message = refused(model(), tmp_path / "w.npz")
    assert "missing fc.bias, layer3.0.bn2.moving_variance; not used none" in message


def test_extra_tensors_are_listed(tmp_path):
    """Option B weights do not fit a network with option A."""
    write(tmp_path / "w.npz", torch_tensors(model()))
    message = refused(model("A"), tmp_path / "w.npz")
    assert "missing none; not used layer2.0.downsample.0.weight" in message
    assert "and 2 more" in message and "model.shortcut" in message


def test_other_number_of_classes(tmp_path):
    write(tmp_path / "w.npz", torch_tensors(model()))
    message = refused(model(classes=7), tmp_path / "w.npz")
    assert "fc.weight has shape (10, 64), the model's fc.weight has (7, 64)" in message
    assert "model.num_classes" in message


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".ckpt"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
def test_truncated_file(tmp_path, suffix, share):
    path = tmp_path / f"w{suffix}"
    write(path, torch_tensors(model()))
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(content[: int(share * len(content))])
    assert "may be damaged" in refused(model(), path)


def test_no_pickle_is_loaded(tmp_path):
    np.savez(tmp_path / "w.npz", x=np.array([{"a": 1}], dtype=object))
    assert "cannot be read" in refused(model(), tmp_path / "w.npz")


def test_missing_file_and_unknown_kind(tmp_path):
    assert "does not exist" in refused(model(), tmp_path / "none.npz")
    (tmp_path / "w.pth").write_bytes(b"x")
    assert "allowed are .ckpt, .npz, .safetensors" in refused(model(), tmp_path / "w.pth")


def test_public_resnet20_is_right_9173_times(cifar10_path, weights_path):
    """Public CIFAR-10 weights with the statistics they were trained with: 91.73 %."""
    overrides = [
        "data.name=cifar10", f"data.path={cifar10_path}", "model.name=resnet20",
        "data.mean=[0.485, 0.456, 0.406]", "data.std=[0.229, 0.224, 0.225]",
        f"model.weights={weights_path / 'cifar10_resnet20.npz'}", "method.name=float",
    ]  # fmt: skip
    config = load_config(None, overrides)
    test_set = load_split(config, "test")
    method, table = build_method(config, test_set.num_classes, test_set.image_size, native=False)
    assert len(table) == len(list(method.network.get_parameters()))
    loader = Loader(test_set, 500, train=False)
    answers = evaluate(method, loader, Runtime("CPU"))
    assert (answers.predicted == answers.label).sum() == 9173
