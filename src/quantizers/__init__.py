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
"""Quantisers by name. A new one is a file here and a line in `WEIGHT` and `ACTIVATION`; what other
rooms ask of it is in `base.py`."""

from src.quantizers.dorefa import DorefaActivation, DorefaWeight
from src.quantizers.lsq import LsqActivation, LsqWeight
from src.quantizers.nested import NestedActivation, NestedWeight
from src.quantizers.pact import PactActivation

WEIGHT = {"dorefa": DorefaWeight, "pact": DorefaWeight, "lsq": LsqWeight, "nested": NestedWeight}
ACTIVATION = {
    "dorefa": DorefaActivation,
    "pact": PactActivation,
    "lsq": LsqActivation,
    "nested": NestedActivation,
}
if WEIGHT.keys() != ACTIVATION.keys():
    raise ImportError(
        f"{__name__}: {', '.join(sorted(WEIGHT.keys() ^ ACTIVATION.keys()))} stands in one of WEIGHT and ACTIVATION "
        "alone; a quantiser of weights borrows another's for inputs, as pact borrows dorefa's for weights"
    )
