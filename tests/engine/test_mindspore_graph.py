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
"""The MindSpore graph of an integer program: the oracle's integers, also from MINDIR in a new process."""

import subprocess
import sys

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src import kernels
from src.cost.ladder import climb, margin_of
from src.engine.mindspore_graph import MindSporeGraph
from src.engine.oracle import Oracle
from src.engine.rungs import rungs_of
from tests.engine import programs
from tests.engine.builder import BASE, RANGE
from tests.project.files import ROOT

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")

RELOAD = """
import sys
import mindspore as ms
import numpy as np
images = np.load(sys.argv[2])
logits, plan = ms.nn.GraphCell(ms.load(sys.argv[1]))(ms.Tensor(images))
np.savez(sys.argv[3], logits=logits.asnumpy(), plan=plan.asnumpy())
"""


class Registers(MindSporeGraph):
    """All registers in place of the answer."""

    def construct(self, images):
        return self.registers(images)


@pytest.mark.parametrize("name", ["bottleneck", "signed_candidates", "step_wise", "minding_apart", "pairs"])
def test_every_register_agrees(name):
    program = programs.NAMED[name]()
    images = programs.pixels(program, 2)
    found = [register.asnumpy() for register in Registers(program)(Tensor(images))]
    for n, image in enumerate(images):
        for i, expected in enumerate(Oracle(program).trace(image)):
            np.testing.assert_array_equal(found[i][n], expected, err_msg=f"register {i}")


@pytest.mark.parametrize("name", programs.NAMED)
def test_named_programs_agree(name):
    program = programs.NAMED[name]()
    images = programs.pixels(program, 3)
    for row in range(program.rows):
        logits, plan = Oracle(program).run(images, None, row)
        outputs = MindSporeGraph(program, row)(Tensor(images))
        found = outputs if plan is None else outputs[0]
        np.testing.assert_array_equal(found.asnumpy(), logits)
        if plan is not None:
            np.testing.assert_array_equal(outputs[1].asnumpy(), plan)


def test_a_run_may_have_a_budget_of_its_own():
    program = programs.minding()
    images, graph, plans = programs.pixels(program, 12), MindSporeGraph(program), []
    for budget in (0, BASE + RANGE // 3, 2**48):
        logits, plan = Oracle(program).run(images, budget=budget)
        found = graph(Tensor(images), Tensor(np.array([budget])))
        np.testing.assert_array_equal(found[0].asnumpy(), logits)
        np.testing.assert_array_equal(found[1].asnumpy(), plan)
        plans.append(plan)
    assert (plans[-1] != plans[0]).any()


def test_mindir_in_a_fresh_process(tmp_path):
    program = programs.nested()
    images = programs.pixels(program, 2)
    file, inputs, outputs = (tmp_path / n for n in ("net.mindir", "images.npy", "out.npz"))
    ms.export(MindSporeGraph(program), Tensor(images), file_name=str(file), file_format="MINDIR")
    np.save(inputs, images)
    command = [sys.executable, "-c", RELOAD, str(file), str(inputs), str(outputs)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300, capture_output=True)
    logits, plan = Oracle(program).run(images)
    with np.load(outputs) as found:
        np.testing.assert_array_equal(found["logits"], logits)
        np.testing.assert_array_equal(found["plan"], plan)


def test_one_graph_per_rung_escalates_like_the_oracle():
    program = programs.nested()
    images = programs.pixels(program, 4)
    rungs = rungs_of(program, (2, 8))
    logits = np.stack(
        [MindSporeGraph(program, plan=plan)(Tensor(images)).asnumpy() for plan in rungs.plans]
    )
    margins = np.stack([margin_of(one) for one in logits])
    threshold = int(np.sort(margins[0])[2])
    ends = climb(margins, (threshold,))
    expected = Oracle(program).climb(images, rungs_of(program, (2, 8), (threshold,)))
    np.testing.assert_array_equal(ends, expected[1])
    np.testing.assert_array_equal(logits[ends, np.arange(4)], expected[0])
