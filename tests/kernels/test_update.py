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
"""The operators that end a training step: clipping, decay, and the optimizers' rules, against float64."""

import numpy as np
import pytest

from src import kernels
from src.kernels.direct import bind
from src.kernels.errors import KernelError

SHAPES = [(3,), (1,), (50, 1000), (4, 3, 3, 3)]
DECAYS = [0.0, 0.5, 0.1, 0.0]
RATES = [0.1, 0.2, 0.1, 0.3]
GROUPS = [1, 0, 1, 2]  # of rates 0.2, 0.1, 0.3


def arrays(lists, shapes=SHAPES):
    """Lists of arrays of `shapes`; all but the first two, gradients and parameters, are positive."""
    rng = np.random.default_rng(0)
    made = [[rng.standard_normal(s).astype(np.float32) for s in shapes] for _ in range(lists)]
    return [*made[:2], *([abs(a) for a in kept] for kept in made[2:])]


def run(function, lists, settings, decays=DECAYS, groups=GROUPS):
    """The norm; what is written is written in `lists`."""
    norm, rates = np.zeros(1, np.float32), np.array([0.2, 0.1, 0.3], np.float32)
    ends = [np.array(values, np.float32) for values in (decays, settings)]
    bind(function, [*(a for one in lists for a in one), rates, np.array(groups, np.int32), *ends, norm])()
    return norm[0]


def wide(lists):
    return [[a.astype(np.float64) for a in one] for one in lists]


def norm_of(gradients):
    return np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in gradients))


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("limit", [0.0, 1.0, 1e6])
def test_momentum(isa, limit, nesterov):
    lists = arrays(3)
    before, expected = wide(lists), norm_of(lists[0])
    assert run("dq_momentum", lists, [0.9, nesterov, limit]) == pytest.approx(expected, rel=1e-5)
    factor = min(1.0, limit / expected) if limit else 1.0
    for i, (g, p, m) in enumerate(zip(*before, strict=True)):
        g = g * factor + DECAYS[i] * p
        m = 0.9 * m + g
        np.testing.assert_allclose(lists[2][i], m, atol=1e-6)
        move = g + 0.9 * m if nesterov else m
        np.testing.assert_allclose(lists[1][i], p - RATES[i] * move, atol=1e-6)
        np.testing.assert_array_equal(lists[0][i], before[0][i])


@pytest.mark.parametrize("limit", [0.0, 1.0])
def test_adamw(isa, limit):
    lists = arrays(4)
    before, expected = wide(lists), norm_of(lists[0])
    assert run("dq_adamw", lists, [0.9, 0.99, 0.01, limit]) == pytest.approx(expected, rel=1e-5)
    factor = min(1.0, limit / expected) if limit else 1.0
    for i, (g, p, m, s) in enumerate(zip(*before, strict=True)):
        m = 0.9 * m + 0.1 * g * factor
        s = 0.99 * s + 0.01 * (g * factor) ** 2
        np.testing.assert_allclose(lists[2][i], m, atol=1e-6)
        np.testing.assert_allclose(lists[3][i], s, atol=1e-6)
        move = m / (np.sqrt(s) + 0.01) + DECAYS[i] * p
        np.testing.assert_allclose(lists[1][i], p - RATES[i] * move, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_a_gradient_that_is_not_finite_counts_as_zero(isa, bad):
    lists = arrays(3)
    lists[0][2][0, 0] = bad
    before = wide(lists)
    assert not np.isfinite(run("dq_momentum", lists, [0.5, 0, 1.0]))
    for i, (_, p, m) in enumerate(zip(*before, strict=True)):
        moved = p - RATES[i] * (0.5 * m + DECAYS[i] * p)
        np.testing.assert_allclose(lists[1][i], moved, atol=1e-6)


def test_threads_do_not_change_a_bit(isa):
    results = []
    for threads in (1, 2, 3):
        kernels.set_threads(threads)
        lists = arrays(4)
        norm = run("dq_adamw", lists, [0.9, 0.99, 0.01, 1.0])
        results.append((norm, *(a.tobytes() for one in lists for a in one)))
    kernels.set_threads(0)
    assert len(set(results)) == 1


def test_it_counts_steps(isa):
    before = kernels.steps_done()
    run("dq_momentum", arrays(3), [0.9, 0, 0.0])
    assert kernels.steps_done() == before + 1


def test_what_does_not_fit_is_refused(isa):
    lists, settings = arrays(3), [0.9, 0, 0.0]
    changes = (
        {"decays": DECAYS[:3]}, {"settings": settings[:2]}, {"groups": GROUPS[:3]}, {"groups": [0, 1, 2, 3]},
        {"groups": [0, 1, -1, 0]},
    )  # fmt: skip
    for change in changes:
        with pytest.raises(KernelError, match="momentum: .*shapes"):
            run("dq_momentum", lists, **{"settings": settings, **change})
    for i in (1, 2):
        cut = [list(one) for one in lists]
        cut[i][0] = cut[i][0][:2]
        with pytest.raises(KernelError, match="momentum: .*shapes"):
            run("dq_momentum", cut, settings)
    with pytest.raises(KernelError, match="momentum: .*number of tensors"):
        run("dq_momentum", [*lists[:2], lists[2][:3]], settings)
    with pytest.raises(KernelError, match="momentum: .*number of tensors"):
        bind("dq_momentum", [lists[0][0]])()
