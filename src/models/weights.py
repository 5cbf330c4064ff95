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
"""Float weights from other places: MindSpore `.ckpt`, PyTorch-style names in `.npz`, `.safetensors`.

Every tensor of the model must be found and every tensor of the file must be used; what went where
is returned as a table, what is missing or too much is an error that lists names.
"""

import re
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn
from safetensors.numpy import load_file

from src.errors import UserError
from src.files import check_readable
from src.parameters import assign

# PyTorch's name -> ours; the first that matches the end of a name is used.
_LEAVES = (
    (r"running_mean$", "moving_mean"),
    (r"running_var$", "moving_variance"),
    (r"(^|\.)((?:bn|(?:downsample|shortcut)\.1)[^.]*)\.weight$", r"\1\2.gamma"),
    (r"(^|\.)((?:bn|(?:downsample|shortcut)\.1)[^.]*)\.bias$", r"\1\2.beta"),
)
_PATHS = (
    (r"^(module|model)\.", ""),
    (r"^linear\.", "fc."),
    (r"^end_point\.", "fc."),
    (r"downsample\.0\.", "downsample.conv."),
    (r"downsample\.1\.", "downsample.bn."),
    (r"shortcut\.0\.", "downsample.conv."),
    (r"shortcut\.1\.", "downsample.bn."),
)
_IGNORED = re.compile(r"(num_batches_tracked|global_step|learning_rate|momentum|^moments\..*)$")


def load_float_weights(model: nn.Cell, path: str | Path) -> list[str]:
    """Copy the weights in `path` into `model`.

    Returns:
        a table, one line per tensor: name in the file -> name in the model, shape.

    Raises:
        UserError: no such file, unknown kind of file, corrupt file, missing, extra or misshapen
            tensors; the model is then unchanged.
    """
    tensors = read_tensors(Path(path))
    wanted = {p.name: p for p in model.get_parameters()}
    found, extra = {}, []
    for name, value in tensors.items():
        ours = our_name(name)
        if ours in wanted:
            found[ours] = (name, value)
        elif not _IGNORED.search(name):
            extra.append(name)
    missing = sorted(set(wanted) - set(found))
    if missing or extra:
        raise UserError(
            f"{path} does not fit the model: missing {_some(missing)}; not used {_some(extra)}; "
            "check model.name, model.shortcut and the file"
        )
    for ours, (name, value) in found.items():
        if tuple(value.shape) != tuple(wanted[ours].shape):
            raise UserError(
                f"{path}: {name} has shape {tuple(value.shape)}, the model's {ours} has "
                f"{tuple(wanted[ours].shape)}; check model.name and model.num_classes"
            )
    rows = []
    for ours, (name, value) in found.items():
        assign(wanted[ours], value)
        rows.append(f"{name:<44} -> {ours:<40} {tuple(value.shape)}")
    return rows


def our_name(name: str) -> str:
    """Name in the model of a tensor that a file calls `name`."""
    for pattern, leaf in (*_LEAVES, *_PATHS):
        name = re.sub(pattern, leaf, name)
    return name


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a weights file by name.

    Raises:
        UserError: no such file, unknown suffix, or the file cannot be read whole.
    """
    if not path.is_file():
        raise UserError(f"weights file {path} does not exist")
    check_readable(path)
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix == ".ckpt":
            loaded = ms.load_checkpoint(str(path))
            return {n: p.asnumpy() for n, p in loaded.items() if isinstance(p, Tensor)}
    except Exception as error:  # each reader has its own exceptions for a damaged file
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"weights file {path} cannot be read, it may be damaged: {reason}") from error
    raise UserError(f"weights file {path}: unknown kind; allowed are .ckpt, .npz, .safetensors")


def _some(names: list[str]) -> str:
    if not names:
        return "none"
    tail = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + tail
