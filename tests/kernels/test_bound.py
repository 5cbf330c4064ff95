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
"""Clipping and weight decay of all gradients in one kernel."""

import numpy as np
import pytest

from src import kernels
from src.kernels.direct import call
from src.kernels.errors import KernelError

SHAPES = [(3,), (1,), (50, 1000), (4, 3, 3, 3)]


def arrays(shapes=SHAPES):
    rng = np.random.default_rng(0)
    gradients = [rng.standard_normal(s).astype(np.float32) for s in shapes]
    parameters = [rng.standard_normal(s).astype(np.float32) for s in shapes]
    return gradients, parameters


def bounded(gradients, parameters, decays, limit):
    scalars = [np.array(decays, np.float32), np.array([limit], np.float32)]
    shapes = [g.shape for g in gradients]
    return call("dq_bound", [*gradients, *parameters, *scalars], [*shapes, (1,)])


@pytest.mark.parametrize("limit", [0.0, 1.0, 1e6])
def test_norm_limit_and_decay(isa, limit):
    gradients, parameters = arrays()
    decays = [0.0, 0.5, 0.1, 0.0]
    *got, norm = bounded(gradients, parameters, decays, limit)
    expected = np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in gradients))
    assert norm[0] == pytest.approx(expected, rel=1e-5)
    factor = min(1.0, limit / expected) if limit else 1.0
    for out, g, p, decay in zip(got, gradients, parameters, decays, strict=True):
        np.testing.assert_allclose(out, g * factor + np.float32(decay) * p, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_a_gradient_that_is_not_finite_counts_as_zero(isa, bad):
    gradients, parameters = arrays()
    gradients[2][0, 0] = bad
    *got, norm = bounded(gradients, parameters, [0.5] * 4, 1.0)
    assert not np.isfinite(norm[0])
    for out, p in zip(got, parameters, strict=True):
        np.testing.assert_array_equal(out, np.float32(0.5) * p)


def test_threads_do_not_change_the_norm(isa):
    inputs = (*arrays(), [0.0] * 4, 1.0)
    norms = set()
    for threads in (1, 2, 3):
        kernels.set_threads(threads)
        norms.add(float(bounded(*inputs)[-1][0]))
    kernels.set_threads(0)
    assert len(norms) == 1


def test_it_counts_steps(isa):
    before = kernels.steps_done()
    bounded(*arrays(), [0.0] * 4, 0.0)
    assert kernels.steps_done() == before + 1


def test_what_does_not_fit_is_refused(isa):
    gradients, parameters = arrays()
    with pytest.raises(KernelError, match="bound: .*shapes"):
        bounded(gradients, parameters, [0.0] * 3, 0.0)
    with pytest.raises(KernelError, match="bound: .*shapes"):
        bounded(gradients, [parameters[0][:2], *parameters[1:]], [0.0] * 4, 0.0)
    with pytest.raises(KernelError, match="bound: .*number of tensors"):
        call("dq_bound", [gradients[0], gradients[1]], [(3,), (1,)])
