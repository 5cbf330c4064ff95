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
is returned as a table, what is missing or too much is an error that lists names. Only the head
(the classifier) may stay as it is, fresh: weights trained on other classes are a usual start. Or it
comes from a file of its own (head_file.py).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mindspore import Tensor
from safetensors.numpy import load_file

from src.errors import UserError, reason
from src.files import check_readable
from src.models.backbone import DENSE, NORM, Backbone, Node
from src.models.ckpt_file import read_ckpt
from src.models.head_file import head_of
from src.parameters import assign

# What PyTorch calls a normalisation's arrays.
_OF_NORMS = {
    "weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance",
}  # fmt: skip
_WRAPPERS = re.compile(r"^(module|model)\.")
_IGNORED = re.compile(
    r"(num_batches_tracked|global_step|learning_rate\w*|momentum)$|^(moments|accum|stat)\."
)
_QUANTISED = re.compile(r"_quantizer\.|^(head|controller)\.")  # a quantiser's step, a controller
RUN_STATE = "dynquant_state"  # entry of a run's own checkpoints: JSON with the `stage`
FLOAT, HEAD_STAGE = "float", "head"  # the stages of float training: all layers, a new classifier alone
BOMB = 64  # an archive that unpacks to more than so many times its size holds no trained weights
ALWAYS_UNPACKED = 2**28  # bytes


@dataclass
class LoadedWeights:
    """What `load_float_weights` did.

    Attributes:
        table: one line per tensor: name in the file -> name in the model, shape.
        new_head: why the head starts anew, "" if it came from the file.
    """

    table: list[str] = field(default_factory=list)
    new_head: str = ""


def load_float_weights(
    backbone: Backbone, path: str | Path, new_head: bool = False,
    head_path: str | Path | None = None, classes: Sequence[str] = (),
) -> LoadedWeights:  # fmt: skip
    """Copy the weights in `path` into a float network.

    Args:
        new_head: it keeps its fresh head, whatever the file has. It does so in any case
            where only the number of classes differs.
        head_path: file of the head alone; that of `path`, if it has one, is not used then.
        classes: names of the data's classes, in the order of the labels; () if not known.

    Raises:
        UserError: no such file, unknown kind of file, corrupt file, weights of a quantised network,
            missing, extra, misshapen or not finite tensors, or a head of other classes; the network is
            then unchanged.
    """
    nodes, wanted = backbone.nodes, backbone.parameters()
    head = nodes[-1].name
    found, extra = {}, []
    for name, value in read_tensors(Path(path)).items():
        ours = our_name(name, nodes, value.ndim)
        if ours in wanted:
            found[ours] = (path, name, value)
        elif not _IGNORED.search(name):
            extra.append(name)
    loaded = LoadedWeights()
    if head_path is None:
        loaded.new_head = _why_new_head(wanted, found, head, new_head)
    else:
        own = head_of(head_path, read_tensors(Path(head_path)), nodes[-1], classes)
        found |= {ours: (head_path, ours, value) for ours, value in own.items()}
    heads = [name for name in wanted if loaded.new_head and name.startswith(f"{head}.")]
    for ours in heads:
        found.pop(ours, None)
    missing = sorted(set(wanted) - set(found) - set(heads))
    if missing or extra:
        raise UserError(_misfit(path, head, missing, extra))
    for ours, (file, name, value) in found.items():
        if tuple(value.shape) != tuple(wanted[ours].shape):
            raise UserError(
                f"{file}: {name} has shape {tuple(value.shape)}, the model's {ours} has "
                f"{tuple(wanted[ours].shape)}; check model.name and model.num_classes"
            )
        if value.dtype.kind not in "fiu":
            raise UserError(f"{file}: {name} is {value.dtype}; weights are real numbers")
        if not np.isfinite(value).all():
            raise UserError(f"{file}: {name} holds NaN or infinity; use other weights")
    for ours, (_, name, value) in found.items():
        assign(wanted[ours], value)
        loaded.table.append(_row(name, wanted[ours]))
    loaded.table += [_row("(new)", wanted[ours]) for ours in heads]
    return loaded


def classes_of(path: str | Path, backbone: Backbone) -> int | None:
    """How many classes the classifier in a weights file has; None: the file holds none.

    Raises:
        UserError: as `read_tensors`.
    """
    head = f"{backbone.nodes[-1].name}.weight"
    for name, value in read_tensors(Path(path)).items():
        if our_name(name, backbone.nodes, value.ndim) == head and value.ndim:
            return len(value)
    return None


def _why_new_head(wanted: dict, found: dict, head: str, asked: bool) -> str:
    if asked:
        return "model.head=new"
    name = f"{head}.weight"
    if name not in wanted or name not in found:
        return ""
    path, _, value = found[name]
    ours, theirs = tuple(wanted[name].shape), tuple(value.shape)
    if ours[1:] != theirs[1:] or ours == theirs:
        return ""
    return f"{path} has {theirs[0]} classes, the model {ours[0]}"


def _row(name: str, parameter) -> str:
    return f"{name:<44} -> {parameter.name:<40} {tuple(parameter.shape)}"


def _misfit(path: str | Path, head: str, missing: list[str], extra: list[str]) -> str:
    if any(_QUANTISED.search(name) for name in extra):
        return (
            f"{path} is of a quantised network ({_some(extra)}); model.weights takes float weights, "
            "such as ckpt/float.ckpt of a run, or the checkpoint of a run with method.name=float"
        )
    without_head = all(name.startswith(f"{head}.") for name in missing) and not extra
    hint = "; model.head_weights=FILE adds its classifier, model.head=new starts a new one" if without_head else ""
    return (
        f"{path} does not fit the model: missing {_some(missing)}; not used {_some(extra)}; "
        f"check model.name, model.shortcut, model.width and the file{hint}"
    )


def our_name(name: str, nodes: list[Node], axes: int | None = None) -> str:
    """Path in the network of these nodes of a tensor that a file calls `name`; or what is left of it.

    axes: of the tensor. They tell a convolution's from a normalisation's, where files number layers in
    several ways and a name alone could be of either.
    """
    name = _WRAPPERS.sub("", name)
    place, _, leaf = name.rpartition(".")
    ours = [
        f"{node.name}.{_OF_NORMS.get(leaf, leaf) if node.kind == NORM else leaf}"
        for node in nodes
        if (place == node.name or place in node.elsewhere)
        and (axes is None or (node.kind == NORM) == (axes == 1) or node.kind == DENSE)
    ]
    return ours[0] if ours else name


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a weights file by name.

    Raises:
        UserError: no such file, unknown suffix, the file cannot be read whole, or it is a checkpoint
            of a quantised run.
    """
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise UserError(f"weights file {path} {what}")
    check_readable(path)
    try:
        if path.suffix == ".npz":
            return _read_npz(path)
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix == ".ckpt":
            stored = read_ckpt(path)
            _check_stage(path, stored.get(RUN_STATE))
            return {n: p.asnumpy() for n, p in stored.items() if isinstance(p, Tensor)}
    except UserError:
        raise
    except Exception as error:  # each reader has its own exceptions for a damaged file
        raise UserError(f"weights file {path} cannot be read, it may be damaged: {reason(error)}") from error
    raise UserError(f"weights file {path}: unknown kind; allowed are .ckpt, .npz, .safetensors")


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        size, unpacked = path.stat().st_size, sum(e.file_size for e in archive.zip.infolist())
        if unpacked > max(ALWAYS_UNPACKED, BOMB * size):
            raise UserError(f"weights file {path}: {size:,} bytes that unpack to {unpacked:,}")
        return {name: archive[name] for name in archive.files}


def _check_stage(path: Path, state) -> None:
    """A run's own checkpoint says what was trained: DoReFa's float masters look like any weights."""
    stage = FLOAT if state is None else json.loads(str(state))["stage"]
    if stage not in (FLOAT, HEAD_STAGE):
        raise UserError(
            f"weights file {path} is a checkpoint of a quantised network ({stage}); model.weights "
            "takes float weights, such as ckpt/float.ckpt of its run, or the checkpoint of a run "
            "with method.name=float"
        )


def _some(names: list[str]) -> str:
    if not names:
        return "none"
    tail = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + tail
