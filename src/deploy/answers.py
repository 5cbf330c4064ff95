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
"""What the trained network itself says of images: what every exported file is compared with."""

import numpy as np
from mindspore import Tensor

from src.methods.base import Method


def network_answers(method: Method, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Logits float32 (N, classes), and the plan (N, layers, columns) of candidates, if any.

    Args:
        images: float32 (N, 3, S, S), normalised.
    """
    method.sample = False
    method.network.set_train(False)
    noise = map(Tensor, method.noise(np.random.default_rng(0), len(images), False))
    outputs = method.network(Tensor(images), *noise)
    if not isinstance(outputs, tuple):
        return outputs.asnumpy(), None
    return outputs[0].asnumpy(), outputs[1].asnumpy().argmax(-1)
