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
"""MINDIR files that other runtimes read: an allow-list of operators, and a rewriter for old ones.

MindSpore 2.3 and later write IR version 3, where the arguments of an operator are inputs of its
node. MindSpore Lite up to 2.2 reads version 1, where they are attributes of the operator. The
allow-list holds what MindSpore Lite 2.0 was seen to compute right; other operators are dropped by
it, or compute something else, with a warning at most (RightShift; convolutions with weights that are
not constant).
"""

import copy
from pathlib import Path

from mindspore.train import mind_ir_pb2 as ir

from src.errors import UserError

VERSIONS = (3, 1)  # that can be written; MindSpore's own comes first
# Operator -> (inputs of a version 1 node, attributes that the inputs after them become).
ARGUMENTS = {
    "Argmax": (1, ("axis", "output_type")),
    "BiasAdd": (2, ("format",)),
    "MatMul": (2, ("transpose_a", "transpose_b")),
    "OneHot": (4, ("axis",)),
    "ReduceMean": (2, ("keep_dims",)),
    "StridedSlice": (
        4, ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"),
    ),
}  # fmt: skip
ALLOWED = {
    *ARGUMENTS, "Add", "Conv2D", "Div", "Floor", "MakeTuple", "MaxPool", "Maximum", "Minimum", "Mul",
    "Pad", "ReLU", "Reshape", "Sub", "Tile", "Transpose",
    "Depend", "Load", "TupleGetItem", "UpdateState",  # order of evaluation and tuples; no arithmetic
}  # fmt: skip
_REFERENCE = "REF::"
_FORMATS = {0: b"NCHW", 1: b"NHWC"}
_INT32 = 6  # TensorProto's number of int32


def check_portable(path: Path) -> None:
    """UserError, naming operator and layer, for what is not in the allow-list."""
    model = _read(path)
    types = {p.name: p.op_type for p in model.primitives}
    if model.functions:
        raise UserError(f"{path} holds control flow; only straight graphs run on MindSpore Lite")
    for node in model.graph.node:
        name = types.get(node.op_type.removeprefix(_REFERENCE), node.op_type)
        if name != "Constant" and name not in ALLOWED:
            raise UserError(
                f"{path}: operator {name} (at {node.domain or node.name}) is not among those that "
                f"run on MindSpore Lite: {', '.join(sorted(ALLOWED))}"
            )


def rewrite(path: Path, version: int) -> None:
    """Turn a checked file of version 3 into one of `version` (of `VERSIONS`), in place."""
    if version == VERSIONS[0]:
        return
    model = _read(path)
    _Rewriter(model).run()
    model.mind_ir_version = version
    path.write_bytes(model.SerializeToString())


def _read(path: Path) -> ir.ModelProto:
    model = ir.ModelProto()
    model.ParseFromString(path.read_bytes())
    return model


class _Rewriter:
    """Moves the arguments of each node into an operator of its own."""

    def __init__(self, model: ir.ModelProto):
        self.model = model
        self.operators = {p.name: p for p in model.primitives}
        self.constants = {n.output[0]: n for n in model.graph.node if n.op_type == "Constant"}
        self.rewritten: dict[tuple, ir.PrimitiveProto] = {}

    def run(self) -> None:
        for node in self.model.graph.node:
            operator = self.operators.get(node.op_type.removeprefix(_REFERENCE))
            if operator is not None and operator.op_type in ARGUMENTS:
                self._node(node, operator)
        self._forget_unused()

    def _node(self, node: ir.NodeProto, operator: ir.PrimitiveProto) -> None:
        kept, names = ARGUMENTS[operator.op_type]
        values = [self._value(i) for i in node.input[kept:]]
        key = (operator.name, *(value.SerializeToString() for value in values))
        if key not in self.rewritten:
            self.rewritten[key] = self._with_attributes(operator, names, values)
        node.op_type = _REFERENCE + self.rewritten[key].name
        del node.input[kept:]

    def _value(self, name: str) -> ir.AttributeProto:
        if name not in self.constants:
            raise UserError(f"the argument {name} of an operator is not constant")
        return next(a for a in self.constants[name].attribute if a.name == "value")

    def _with_attributes(self, operator, names, values) -> ir.PrimitiveProto:
        new = copy.deepcopy(operator)
        new.name = f"{operator.op_type}:with_attributes_{len(self.rewritten)}"
        new.prim_type = ir.PrimitiveProto.PRIMITIVE
        others = [a for a in new.attribute if a.name not in names]
        del new.attribute[:]
        new.attribute.extend(others)
        for name, value in zip(names, values, strict=False):
            new.attribute.append(_attribute(name, value))
        return new

    def _forget_unused(self) -> None:
        """Constants and operators that no node names any more."""
        graph = self.model.graph
        used = {i for node in graph.node for i in node.input} | {o.name for o in graph.output}
        for node in list(graph.node):
            if node.op_type == "Constant" and node.output[0] not in used:
                graph.node.remove(node)
        self.model.primitives.extend(self.rewritten.values())
        named = {node.op_type for node in graph.node}
        for operator in list(self.model.primitives):
            if _REFERENCE + operator.name not in named:
                self.model.primitives.remove(operator)


def _attribute(name: str, value: ir.AttributeProto) -> ir.AttributeProto:
    new = ir.AttributeProto()
    new.CopyFrom(value)
    if name == "format":
        new.Clear()
        new.type, new.s = ir.AttributeProto.STRING, _FORMATS[value.i]
    elif name == "output_type":
        new.Clear()
        new.type = ir.AttributeProto.TENSORS
        new.tensors.add(data_type=_INT32)
    new.name = name
    return new
