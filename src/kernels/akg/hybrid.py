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
"""How a kernel of AKG's hybrid DSL becomes a MindSpore operator, and whether it can here.

MindSpore compiles the source of a `@kernel` function in a helper process, once per set of input
shapes (a second on CPU), into `akg_kernel_meta` below MS_COMPILER_CACHE_PATH or the current folder.
One failed compilation ends that helper for good: the first call says "Response is empty.", later
ones of any kernel "Send request before Open() error". So everything that is known to fail is
refused here, before AKG sees it.

A DSL function sees its arguments' shapes and no other constants: what must be static, as a stride,
is the shape of an extra argument.
"""

import importlib.util
import shutil

import mindspore as ms
from mindspore import ops

from src.errors import UserError

ADVICE = "or use the plain operators"


def why_not() -> str:
    """Why AKG cannot run here, and the way out; empty where it can."""
    target = ms.get_context("device_target")
    if target not in ("CPU", "GPU"):
        return f"device.target={target}: AKG compiles for CPU and GPU; use the plain operators"
    if importlib.util.find_spec("mindspore._akg") is None:
        return f"MindSpore {ms.__version__} here has no AKG: install mindspore==2.10.0, {ADVICE}"
    if importlib.util.find_spec("decorator") is None:
        return f"AKG needs the Python package decorator: pip install decorator, {ADVICE}"
    if target == "CPU" and shutil.which("g++") is None:  # AKG links with it, whatever CXX says
        return f"AKG needs g++ on the PATH: install it, {ADVICE}"
    return ""


def custom(kernel, out_shape) -> ops.Custom:
    """The operator of a DSL kernel: int32 tensors in, one int32 tensor out.

    UserError where AKG cannot run.

    Args:
        kernel: a function decorated with `mindspore.ops.kernel`, at the top level of its file.
        out_shape: shape of the output from the shapes of the inputs.
    """
    reason = why_not()
    if reason:
        raise UserError(f"AKG kernels are not available: {reason}")

    def out_dtype(*dtypes):
        for dtype in dtypes:
            if getattr(dtype, "element_type", lambda kind=dtype: kind)() != ms.int32:
                raise UserError(f"{kernel.__name__}: an input is {dtype}; AKG kernels take int32")
        return ms.int32

    return ops.Custom(kernel, out_shape, out_dtype, func_type="hybrid")
