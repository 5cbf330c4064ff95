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
"""Activations of an integer program in the graph of quantise / dequantise pairs."""

import numpy as np
import pytest

from src.engine.integers import INT32
from src.engine.oracle import Oracle
from tests.engine.builder import Builder
from tests.engine.programs import pixels

pytest.importorskip("onnx", reason="onnx is optional: requirements-onnx.txt")


def test_learned_levels(tmp_path):
    """A runtime finds the oracle's levels, and sums products of codes of 8 bits."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is optional: requirements-onnx.txt")
    from src.deploy.integer.level_codes import thresholds
    from src.deploy.onnx.export import run_onnx
    from src.deploy.onnx.qdq import as_qdq

    b, scale = Builder(3), 0.25
    x = b.bucketise(b.image(6), 9)
    levels = b.operations[x].arrays["levels"]
    b.operations[x].arrays["thresholds"] = thresholds(levels, scale, 2.0**13)
    program = b.logits(b.conv(x, 4, levels=7, w_bits=(3,), a_bits=(4,)))
    names = ["image", *["conv"] * 2, *map(str, range(3, len(program.operations)))]
    scales = {"weights": [[0.5]], "inputs": [scale]}
    program.notes = {"exponent": 13, "scales": {"conv": scales}, "layers": dict(enumerate(names))}
    registers = Oracle(program).trace(pixels(program, 1)[0])
    assert len(np.unique(registers[1])) == 9
    image = (registers[0][None] / 2.0**13).astype(np.float32)
    (tmp_path / "net.onnx").write_bytes(as_qdq(program, 6, 5).SerializeToString())
    (logits,) = run_onnx(tmp_path / "net.onnx", image)
    np.testing.assert_allclose(logits[0], registers[-1].ravel() / 2.0**13, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    "low, high, kind",
    [(INT32.min, INT32.max, None), (0, INT32.max, "Relu"), (0, 6 << 17, "Clip"), (-9, 9, "Clip")],
)
def test_bounds_of_sums(low, high, kind):
    from onnx.reference import ReferenceEvaluator

    from src.deploy.onnx.qdq import as_qdq

    b = Builder()
    x = b.image(6)
    b.operations[b.add(x, x)].low = low
    b.operations[-1].high = high
    program = b.logits(x + 1)
    program.notes = {"exponent": 17, "scales": {}, "layers": {}}
    program.notes["layers"] = {i: str(i) for i in range(len(program.operations))}
    model = as_qdq(program, 6, 5)
    kinds = [node.op_type for node in model.graph.node]
    assert [k for k in kinds if k in ("Relu", "Clip")] == ([kind] if kind else [])
    registers = Oracle(program).trace(pixels(program, 1)[0])
    image = (registers[0][None] / 2.0**17).astype(np.float32)
    (logits,) = ReferenceEvaluator(model).run(None, {"image": image})
    np.testing.assert_allclose(logits[0], registers[-1].ravel() / 2.0**17, rtol=1e-4, atol=1e-3)
