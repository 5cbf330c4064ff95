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
"""A classifier from a file of its own: names, the order of its classes, and what is refused."""

import numpy as np
import pytest

from src.errors import UserError
from src.models import build_backbone
from src.models.weights import load_float_weights

CLASSES = ["ant", "bee", "cat"]


@pytest.fixture
def files(tmp_path):
    """(a network of 3 classes, a file of all its tensors but for the classifier's, one of that)."""
    backbone, rng = build_backbone("resnet8", 3), np.random.default_rng(0)
    tensors = {n: rng.normal(size=p.shape).astype(np.float32) for n, p in backbone.parameters().items()}
    head = {n.removeprefix("fc."): tensors.pop(n) for n in ("fc.weight", "fc.bias")}
    np.savez(tmp_path / "body.npz", **tensors)
    np.savez(tmp_path / "head.npz", **head)
    return backbone, tmp_path / "body.npz", tmp_path / "head.npz"


def loaded(backbone) -> list[np.ndarray]:
    cell = backbone.node("fc").cell
    return [cell.weight.asnumpy(), cell.bias.asnumpy()]


def rewritten(path, **more) -> dict:
    """The file with more arrays in it; what it held."""
    with np.load(path) as held:
        head = dict(held)
    np.savez(path, **head, **more)
    return head


@pytest.mark.parametrize("prefix", ["", "fc.", "linear."])
def test_both_files_make_the_network(files, prefix):
    backbone, body, head = files
    values = rewritten(head)
    np.savez(head, **{f"{prefix}{name}": value for name, value in values.items()})
    result = load_float_weights(backbone, body, head_path=head, classes=CLASSES)
    assert len(result.table) == len(backbone.parameters()) and not result.new_head
    np.testing.assert_array_equal(loaded(backbone)[0], values["weight"])
    np.testing.assert_array_equal(loaded(backbone)[1], values["bias"])


@pytest.mark.parametrize("name", ["wnids", "classes"])
def test_rows_follow_the_classes_of_the_data(files, name):
    backbone, body, head = files
    values = rewritten(head, **{name: np.array(["cat", "ant", "bee"])})
    load_float_weights(backbone, body, head_path=head, classes=CLASSES)
    np.testing.assert_array_equal(loaded(backbone)[0], values["weight"][[1, 2, 0]])
    np.testing.assert_array_equal(loaded(backbone)[1], values["bias"][[1, 2, 0]])


def test_the_classifier_of_the_first_file_is_not_used(files):
    backbone, body, head = files
    with np.load(body) as held:
        np.savez(body, **held, **{"fc.weight": np.zeros((9, 64), np.float32), "fc.bias": np.zeros(9, np.float32)})
    load_float_weights(backbone, body, head_path=head)
    np.testing.assert_array_equal(loaded(backbone)[0], rewritten(head)["weight"])


def refused(files, *classes: str) -> str:
    backbone, body, head = files
    before = [value.copy() for value in loaded(backbone)]
    with pytest.raises(UserError) as error:
        load_float_weights(backbone, body, head_path=head, classes=classes)
    for value, now in zip(before, loaded(backbone), strict=True):
        np.testing.assert_array_equal(value, now)
    assert str(head) in str(error.value)
    return str(error.value)


def test_other_classes_are_named(files):
    rewritten(files[2], wnids=np.array(["ant", "bee", "cow"]))
    message = refused(files, *CLASSES)
    assert "its 3 classes (ant, bee, cow) are not the data's 3 (ant, bee, cat)" in message
    assert "model.head=new" in message


def test_a_file_without_a_classifier(files):
    np.savez(files[2], gamma=np.ones(3))
    assert "no weight or fc.weight or linear.weight or end_point.weight in it" in refused(files)


def test_a_classifier_of_more_classes(files):
    np.savez(files[2], weight=np.zeros((5, 64), np.float32), bias=np.zeros(5, np.float32))
    assert "fc.weight has shape (5, 64), the model's fc.weight has (3, 64)" in refused(files)


@pytest.mark.parametrize(
    "names", [np.array([CLASSES]), np.array("ant"), np.array([b"\xff", b"a", b"b"]), np.ones(3, complex)]
)
def test_what_are_no_names_of_classes(files, names):
    backbone, body, head = files
    rewritten(head, classes=names)
    with pytest.raises(UserError, match="its classes are .*; expected is the name of each class"):
        load_float_weights(backbone, body, head_path=head, classes=CLASSES)


@pytest.mark.parametrize("name, shape", [("weight", ()), ("bias", ()), ("bias", (2,))])
def test_arrays_of_another_shape_beside_names(files, name, shape):
    backbone, body, head = files
    values = rewritten(head)
    np.savez(head, **(values | {name: np.ones(shape, np.float32)}), classes=np.array(CLASSES[::-1]))
    with pytest.raises(UserError, match="has shape|are not the data's"):
        load_float_weights(backbone, body, head_path=head, classes=CLASSES)
