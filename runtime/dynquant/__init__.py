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
"""Exported networks, run in integers from pixels to logits; no framework is needed.

    from dynquant import load, read_view

    net = load("model.safetensors")
    for answer in net(images):              # uint8 (N, 3, net.size, net.size), RGB
        print(answer.label, answer.probability, answer.w_bits, answer.bitops)
    net.logits(images)                      # float64 (N, classes)

`read_view(file, net.size, net.data)` reads a picture as the network takes it. `load(..., wish=Wish(bits=4))` asks
for other widths than the network's own choice. Bad input is one UserError.
"""

from dynquant.data.views import read_view
from dynquant.engine.classifier import Answer, Classifier
from dynquant.engine.load import load
from dynquant.engine.wish import Wish
from dynquant.errors import UserError

__all__ = ["Answer", "Classifier", "UserError", "Wish", "load", "read_view"]
