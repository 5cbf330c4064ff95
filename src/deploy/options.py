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
"""What export.py may be asked for, and what it calls its files."""

import argparse

from src.errors import UserError

ONNX_FOLDER = "onnx"  # of a network that escalates
SUFFIXES = {"int": ".safetensors", "mindir": ".mindir", "onnx": ".onnx"}
LARGEST_BATCH = 1024  # images


def check_options(options: argparse.Namespace) -> None:
    """Before anything is built. UserError: options that do not go together, a batch out of range, a
    name of another format."""
    form, batch, out = options.format, options.batch, options.out
    if not 1 <= batch <= LARGEST_BATCH:
        raise UserError(f"--batch {batch}: allowed are 1 to {LARGEST_BATCH} images")
    if options.bundle and (form, batch) != ("mindir", 1):
        raise UserError("--bundle goes with --format mindir and --batch 1")
    if batch != 1 and form != "mindir":
        raise UserError(f"--batch {batch} goes with --format mindir")
    if options.qdq and form != "onnx":
        raise UserError("--qdq goes with --format onnx")
    if options.compare is not None:
        if form != "int":
            raise UserError(f"--compare {options.compare} goes with --format int")
        if options.compare < 1:
            raise UserError(f"--compare {options.compare}: 1 image or more is needed")
    _check_widths(options)
    if not (options.run or out):
        raise UserError("--config needs --out PATH")
    if is_folder(options) or not out:
        return
    if out.is_dir():
        raise UserError(f"--out {out} is a folder; name a file")
    if out.suffix != SUFFIXES[form]:
        raise UserError(
            f"--out {out}: a file of --format {form} ends in {SUFFIXES[form]}; "
            f"name it {out}{SUFFIXES[form]}"
        )


def _check_widths(options: argparse.Namespace) -> None:
    """What is asked of the widths must be something that the file can hold."""
    form = options.format
    for name in ("bits", "plan"):
        value = getattr(options, name)
        if value is not None and form == "int":
            raise UserError(f"--{name} {value}: an artefact holds all widths; infer.py --{name} picks")
        if value is not None and options.qdq:
            raise UserError(f"--{name} {value}: --qdq goes with a network that has no other widths")
    if options.escalate and not (options.bundle or form == "onnx"):
        raise UserError("--escalate goes with --bundle or --format onnx; an artefact holds the ladder anyway")
    if options.escalate and options.qdq:
        raise UserError("--escalate: --qdq goes with a network that has no other widths")


def is_folder(options: argparse.Namespace) -> bool:
    """Whether the export is a folder and not a file."""
    return options.bundle or options.escalate


def file_name(options: argparse.Namespace, model: str, of_plan: str = "") -> str:
    """The name that an export gets in RUN/export; of_plan: end of the stem, of one that holds one plan."""
    if is_folder(options):
        return ("bundle" if options.bundle else ONNX_FOLDER) + of_plan
    stem = "model" if options.format == "int" else model + of_plan + "_qdq" * options.qdq
    return stem + SUFFIXES[options.format]
