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
"""The numbers of an epoch's steps, read from the device now and then."""

from types import SimpleNamespace

import pytest
from mindspore import Tensor

from src.train.step_numbers import StepNumbers

FAILED = "Return value from CPU AOT kernel(lib.so)'s function(dq_dynamic_conv2d) is {}. Any return value not equal to 0"


def failing(code: int):
    """A value whose kernel returned a code."""

    def asnumpy():
        raise RuntimeError(FAILED.format(code))

    return SimpleNamespace(asnumpy=asnumpy)


def test_logits_of_a_choice_that_are_not_finite_are_found_like_a_loss_that_is_not():
    numbers = StepNumbers()
    for value in (Tensor(1.0), Tensor(2.0), failing(20)):
        numbers.add((value,))
    assert numbers.read() == 3 and numbers.sums.tolist() == [3.0]


def test_other_errors_of_kernels_are_no_step_that_is_not_finite():
    numbers = StepNumbers()
    numbers.add((failing(21),))
    with pytest.raises(RuntimeError, match="is 21"):
        numbers.read()
