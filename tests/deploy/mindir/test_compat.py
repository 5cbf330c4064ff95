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
"""The allow-list, and version 1 files; what MindSpore Lite makes of those is tests/ascend310's."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from mindspore.train import mind_ir_pb2 as ir

from src.deploy.mindir.compat import ARGUMENTS, check_portable, rewrite
from src.errors import UserError


class Shift(nn.Cell):
    def construct(self, x):
        return ops.bitwise_right_shift(x, Tensor([1], ms.int32))


class Branch(nn.Cell):
    def construct(self, x):
        if x.sum() > 0:
            return x + 1
        return x * 2


class Portable(nn.Cell):
    """One of each operator whose arguments move."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Dense(4, 3)
        self.largest, self.one_hot = ops.Argmax(-1, ms.int32), ops.OneHot(-1)
        self.one, self.zero = Tensor(1.0, ms.float32), Tensor(0.0, ms.float32)

    def construct(self, x):
        y = self.fc(x.mean((2, 3)))
        return self.one_hot(self.largest(y), 3, self.one, self.zero), x[:, :, ::2, ::2]


def exported(cell, path):
    cell.set_train(False)
    image = Tensor(np.ones((1, 4, 6, 6), np.int32 if isinstance(cell, Shift) else np.float32))
    ms.export(cell, image, file_name=str(path), file_format="MINDIR")
    path.chmod(0o600)
    return path


def parsed(path):
    model = ir.ModelProto()
    model.ParseFromString(path.read_bytes())
    return model


@pytest.mark.parametrize(("cell", "what"), [(Shift, "RightShift"), (Branch, "control flow")])
def test_what_is_not_portable_is_named(cell, what, tmp_path):
    path = exported(cell(), tmp_path / "net.mindir")
    with pytest.raises(UserError, match=what):
        check_portable(path)


def test_arguments_become_attributes(tmp_path):
    path = exported(Portable(), tmp_path / "net.mindir")
    check_portable(path)
    before = parsed(path)
    rewrite(path, 1)
    after = parsed(path)
    assert (before.mind_ir_version, after.mind_ir_version) == (3, 1)
    operators = {p.name: p for p in after.primitives}
    seen = set()
    for node in after.graph.node:
        operator = operators.get(node.op_type.removeprefix("REF::"))
        if operator is None or operator.op_type not in ARGUMENTS:
            continue
        kept, names = ARGUMENTS[operator.op_type]
        assert len(node.input) <= kept
        assert set(names) <= {a.name for a in operator.attribute}
        seen.add(operator.op_type)
    assert seen == set(ARGUMENTS)


def test_version_3_stays_as_it_is(tmp_path):
    path = exported(Portable(), tmp_path / "net.mindir")
    before = path.read_bytes()
    rewrite(path, 3)
    assert path.read_bytes() == before
