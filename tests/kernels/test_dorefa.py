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
"""DoReFa's weights: the kernel against the definition, and its gradient in float64."""

import numpy as np
import pytest

from src.kernels.direct import call
from src.kernels.errors import KernelError

SHAPES = [(4, 3, 3, 3), (1,), (30, 1000), (7,)]
TOPS = np.array([3, 15, 255], np.float32)


def t_like(shape, seed=0):
    return np.tanh(np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def largest(t):
    """Of zeros, and of what is as good as zero, 1."""
    m = np.abs(t).max()
    return m if m > np.float32(1e-6) else m.dtype.type(1)


def defined(t, tops):
    """In float32, one operator at a time."""
    f = np.float32
    u = t / (f(2) * largest(t)) + f(0.5)
    return np.stack([(f(2) * np.floor(u * n + f(0.5)) - n) * (f(1) / n) for n in tops])


def gradient(t, dvalues):
    """d/dt of sum(dvalues * 2u), where 2u = t / max|t| + 1."""
    t, g = t.astype(np.float64), dvalues.astype(np.float64).sum(0)
    m = largest(t)
    at_top = np.abs(t) == m
    return g / m - at_top * np.sign(t) * (g * t).sum() / m**2 / max(1, at_top.sum())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_are_those_of_the_definition_bit_for_bit(isa, shape):
    t = t_like(shape)
    for tops in (TOPS, TOPS[1:2]):
        (values,) = call("dq_dorefa", [t, tops], [(len(tops), *shape)])
        np.testing.assert_array_equal(values, defined(t, tops))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradient(isa, shape, ties):
    t = t_like(shape)
    if ties:
        t.flat[-1] = -t.flat[np.abs(t).argmax()]
    dvalues = np.random.default_rng(1).standard_normal((3, *shape)).astype(np.float32)
    (dt,) = call("dq_dorefa_grad", [t, TOPS, dvalues], [shape])
    expected = gradient(t, dvalues)
    np.testing.assert_allclose(dt, expected, atol=2e-5 * np.abs(expected).max() + 2e-6)


@pytest.mark.parametrize("size", [0.0, 1e-40, 1e-9, 9e-7, 1.1e-6])
@pytest.mark.parametrize("shape", [(4, 3, 3, 3), (30, 1000)], ids=str)
def test_weights_that_are_all_zero_or_nearly(isa, shape, size):
    """Finite, and as defined, on both sides of what counts as zero."""
    t = (t_like(shape) / np.abs(t_like(shape)).max() * np.float32(size)).astype(np.float32)
    (values,) = call("dq_dorefa", [t, TOPS], [(3, *shape)])
    np.testing.assert_array_equal(values, defined(t, TOPS))
    dvalues = np.random.default_rng(1).standard_normal((3, *shape)).astype(np.float32)
    (dt,) = call("dq_dorefa_grad", [t, TOPS, dvalues], [shape])
    expected = gradient(t, dvalues)
    assert np.isfinite(values).all() and np.isfinite(dt).all()
    np.testing.assert_allclose(dt, expected, atol=2e-5 * np.abs(expected).max())


def test_what_does_not_fit_is_refused(isa):
    t = t_like((4, 5))
    for tops in ([0.0], [256.0], [2.5]):
        with pytest.raises(KernelError, match="dorefa: the largest code"):
            call("dq_dorefa", [t, np.array(tops, np.float32)], [(1, 4, 5)])
    with pytest.raises(KernelError, match="dorefa: the shapes"):
        call("dq_dorefa", [t, TOPS], [(2, 4, 5)])
    with pytest.raises(KernelError, match="gradient of dorefa: the shapes"):
        call("dq_dorefa_grad", [t, TOPS, np.zeros((2, 4, 5), np.float32)], [(4, 5)])
