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
"""Return codes of the native functions (csrc/abi/codes.h), as sentences."""

import re

OK, NO_CHOICE = 0, 20
MESSAGES = {
    10: "wrong number of tensors",
    11: "a tensor has the wrong number of dimensions",
    12: "a tensor has the wrong type: all are float32 (the geometry is int32)",
    13: "the shapes of the tensors do not fit together",
    14: "geometry out of range: 1 <= stride <= 8, 0 <= padding < kernel size, groups must divide the channels, "
    "the kernel must fit into the padded image, and short gradients are 0 or 1",
    15: "too large: an image or a weight tensor may have at most 2^31 - 1 elements",
    16: "a dimension is zero",
    17: "the largest code (a_max, high) must be an integer in 1..255, the smallest (low) one in -128..0",
    18: "a scale (a_inv, a_scale, inv, scale or w_scale) must be positive and finite, and scale = 2^s / inv with "
    "(largest code + 1) * 2^s <= 256",
    19: "wq is not w_scale times integers: pass weights that are already quantised, with their own scale",
    NO_CHOICE: "a row of onehot holds no number",
    21: "out of memory for scratch buffers",
    22: "DYNQUANT_ISA names an instruction set that this machine lacks",
    23: "internal error",
    24: "the artefact is damaged, or not one",
    25: "a candidate of the plan, the row of statistics or the budget is out of range",
    26: "the engine has been closed",
    27: "settings of levels: the least bits are 1 to those of the levels, the correction is not below 0",
}
_RETURNED = re.compile(r"function\((dq_\w+)\)[^\n]*? is (\d+)")


class KernelError(Exception):
    """A native function refused its arguments."""


def describe(function: str, code: int) -> str:
    """A sentence for a return code, naming the operator."""
    name = function.removeprefix("dq_").removesuffix("_grad")
    where = f"gradient of {name}" if function.endswith("_grad") else name
    return f"{where}: {MESSAGES.get(code, f'unknown return code {code}')}"


def no_choice(error: Exception) -> bool:
    """Whether MindSpore raised it for a function that found no largest value in a choice."""
    found = _RETURNED.search(str(error))
    return found is not None and int(found[2]) == NO_CHOICE


def explain(error: Exception) -> str | None:
    """The sentence for an error that MindSpore raised for one of the native functions, else None."""
    found = _RETURNED.search(str(error))
    return describe(found[1], int(found[2])) if found else None
