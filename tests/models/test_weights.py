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

import tracemalloc

import mindspore as ms
import numpy as np
import pytest
from safetensors.numpy import save_file

from src import kernels
from src.config import load_config
from src.data import Loader
from src.errors import UserError
from src.methods import build_system
from src.models import build_backbone
from src.models.weights import load_float_weights, our_name, read_tensors
from src.runtime import Runtime
from src.train.batches import load_split
from src.train.checkpoints import RunState, save_checkpoint
from src.train.evaluate import evaluate
from src.train.optimizers import build_optimizer
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
    assert our_name(theirs, build_backbone("resnet20", 10, shortcut="B").nodes) == ours


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
    named = {torch_name(p.name): p.shape for p in model.parameters().values()}
    tensors = {n: rng.normal(size=shape).astype(np.float32) for n, shape in named.items()}
    return {**tensors, "bn1.num_batches_tracked": np.array(7)}


def model(shortcut="B", classes=10):
    return build_backbone("resnet8", classes, shortcut=shortcut)


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
    table = load_float_weights(target, path).table
    for parameter in target.parameters().values():
        np.testing.assert_array_equal(parameter.asnumpy(), tensors[torch_name(parameter.name)])
    assert len(table) == len(tensors) - 1
    row = next(line.split() for line in table if line.startswith("layer2.0.downsample.1.bias"))
    assert row == ["layer2.0.downsample.1.bias", "->", "layer2.0.downsample.bn.beta", "(32,)"]


def test_own_checkpoint_names(tmp_path):
    source, target = build_backbone("resnet8", 10, seed=4), model("A")
    rows = [{"name": n, "data": p} for n, p in source.parameters().items()]
    ms.save_checkpoint(rows, str(tmp_path / "own.ckpt"))
    load_float_weights(target, tmp_path / "own.ckpt")
    for one, two in zip(source.parameters().values(), target.parameters().values(), strict=True):
        np.testing.assert_array_equal(one.asnumpy(), two.asnumpy())


def refused(target, path) -> str:
    before = [p.asnumpy().copy() for p in target.parameters().values()]
    with pytest.raises(UserError) as error:
        load_float_weights(target, path)
    for parameter, value in zip(target.parameters().values(), before, strict=True):
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


def heads(network) -> list[np.ndarray]:
    head = network.node("fc").cell
    return [head.weight.asnumpy().copy(), head.bias.asnumpy().copy()]


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".ckpt"])
def test_other_classes_leave_the_head_new_and_say_so(tmp_path, suffix):
    path, target = tmp_path / f"w{suffix}", model(classes=7)
    tensors, before = torch_tensors(model()), heads(target)
    write(path, tensors)
    loaded = load_float_weights(target, path)
    assert loaded.new_head == f"{path} has 10 classes, the model 7"
    assert [row.split() for row in loaded.table[-2:]] == [
        ["(new)", "->", "fc.weight", "(7,", "64)"], ["(new)", "->", "fc.bias", "(7,)"],
    ]  # fmt: skip
    for now, then in zip(heads(target), before, strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_array_equal(target.node("conv1").cell.weight.asnumpy(), tensors["conv1.weight"])


@pytest.mark.parametrize("has_head", [True, False])
def test_a_new_head_on_request(tmp_path, has_head):
    target = model()
    tensors, before = torch_tensors(target), heads(target)
    if not has_head:
        del tensors["fc.weight"], tensors["fc.bias"]
    write(tmp_path / "w.npz", tensors)
    if not has_head:
        assert "model.head=new" in refused(target, tmp_path / "w.npz")
    assert load_float_weights(target, tmp_path / "w.npz", new_head=True).new_head
    np.testing.assert_array_equal(heads(target)[0], before[0])
    np.testing.assert_array_equal(target.node("conv1").cell.weight.asnumpy(), tensors["conv1.weight"])


def test_other_features_are_no_other_head(tmp_path):
    tensors = torch_tensors(model())
    tensors["fc.weight"] = np.zeros((10, 65), np.float32)
    write(tmp_path / "w.npz", tensors)
    message = refused(model(classes=7), tmp_path / "w.npz")
    assert "fc.weight has shape (10, 65), the model's fc.weight has (7, 64)" in message


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_checkpoint_of_a_float_run_is_float_weights(tmp_path, nesterov):
    """With everything that a run stores beside the weights."""
    config = load_config(None, ["method.name=float", f"train.nesterov={nesterov}"])
    source, _ = build_system(config, 10, 8, native=False)
    optimizer = build_optimizer(source.network.trainable_params(), config.train, [0.1, 0.2])
    path, target = tmp_path / "last.ckpt", model("A")
    save_checkpoint(path, source.network, RunState("float", 1442, 64, 3), optimizer)
    source.network.cell("conv1").weight.set_data(ms.Tensor(np.ones((16, 3, 3, 3), np.float32)))
    save_checkpoint(path, source.network, RunState("float", 1442, 64, 4), optimizer)
    load_float_weights(target, path)
    assert (target.node("conv1").cell.weight.asnumpy() == 1).all()


@pytest.mark.parametrize(
    "overrides",
    [
        ["method.name=static", "quant.quantizer=dorefa"],
        ["method.name=static", "quant.quantizer=lsq"],
        ["method.name=dqnet"],
    ],
    ids=["dorefa", "lsq", "dqnet"],
)
def test_the_checkpoint_of_a_quantised_run_is_refused(tmp_path, overrides):
    config = load_config(None, overrides)
    source, _ = build_system(config, 10, 32, native=False)
    save_checkpoint(tmp_path / "q.ckpt", source.network, RunState(config.method.name, 1442, 64))
    message = refused(model("A"), tmp_path / "q.ckpt")
    assert f"of a quantised network ({config.method.name})" in message
    assert "ckpt/float.ckpt" in message and "method.name=float" in message


def test_quantised_weights_without_a_state_are_refused_by_their_names(tmp_path):
    source, _ = build_system(
        load_config(None, ["method.name=static", "quant.quantizer=lsq"]), 10, 32, native=False
    )
    write(tmp_path / "w.npz", {p.name: p.asnumpy() for p in source.network.get_parameters()})
    message = refused(model("A"), tmp_path / "w.npz")
    assert "of a quantised network (layer" in message and "quantizer.step" in message


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_named(tmp_path, value):
    tensors = torch_tensors(model())
    tensors["layer2.0.bn1.running_var"][3] = value
    write(tmp_path / "w.npz", tensors)
    assert "layer2.0.bn1.running_var holds NaN or infinity" in refused(model(), tmp_path / "w.npz")


def test_a_small_archive_of_a_large_array_is_not_unpacked(tmp_path):
    np.savez_compressed(tmp_path / "w.npz", x=np.zeros(2**27, np.float32))
    assert (tmp_path / "w.npz").stat().st_size < 2**20
    tracemalloc.start()
    assert "unpack to 536,87" in refused(model(), tmp_path / "w.npz")
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


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
    method, loaded = build_system(config, test_set.num_classes, test_set.image_size, native=kernels.available())
    assert len(loaded.table) == len(list(method.network.get_parameters()))
    loader = Loader(test_set, 500, train=False)
    answers = evaluate(method, loader, Runtime("CPU"))
    assert (answers.predicted == answers.label).sum() == 9173


@pytest.mark.parametrize("kind", ["U9", "S9", "c8", "M8[D]"])
def test_what_are_no_real_numbers_is_named(tmp_path, kind):
    tensors = torch_tensors(model())
    tensors["layer2.0.bn1.running_var"] = np.ones_like(tensors["layer2.0.bn1.running_var"], int).astype(kind)
    write(tmp_path / "w.npz", tensors)
    message = refused(model(), tmp_path / "w.npz")
    assert "layer2.0.bn1.running_var is" in message and "weights are real numbers" in message
