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
"""Which cases a run has, and the configuration of ours."""

from src.bench.case import KINDS, OURS, PEERS, WITHOUT_PEERS, Case, side_of
from src.bench.options import check_at_least, check_words
from src.bench.torch_nets import DESIGNS
from src.cores import cores
from src.errors import UserError

# The peers' table, which has the names of ours: MindSpore, which ours loads, would change the
# environment that the workers of peers inherit.
MODELS = tuple(DESIGNS)


def list_cases(
    model: str, batch: int, image_size: int | None, kinds: list[str], bits: int,
    runners: list[str], peers: list[str], threads: int, isa: str,
) -> list[Case]:  # fmt: skip
    """The cases of one run, in the order in which they take turns.

    Args:
        image_size: side in pixels; None: 224 for ImageNet's stem, else 32.
        threads: 0: all cores that this process may use.

    Raises:
        UserError: an unknown model, kind, runner or peer, or sizes out of range.
    """
    size = check_options(model, batch, image_size, bits)
    check_words("--kinds", kinds, KINDS)
    check_words("--runners", runners, OURS)
    check_words("--peers", peers, tuple(PEERS))
    check_at_least("--threads", threads, 0)
    layouts = [layout for peer in peers for layout in PEERS[peer]]
    return [
        Case(kind, runner, model, batch, size, bits, threads or cores(), isa)
        for kind in kinds
        for runner in [*runners, *(layouts if kind not in WITHOUT_PEERS else [])]
        if (kind, runner) != ("float", "native-int16")  # a float layer's gradients are float
    ]


def check_options(model: str, batch: int, image_size: int | None, bits: int) -> int:
    """Side of the images in pixels: as asked for, or what fits the model. UserError: out of range."""
    check_words("--model", [model], MODELS)
    check_at_least("--batch", batch, 2)
    check_at_least("--bits", bits, 3)
    if bits > 7:
        raise UserError(f"--bits {bits}: at most 7, since a dynamic layer also has one bit more")
    return side_of(model, image_size)


def overrides(case: Case) -> list[str]:
    """The configuration of one of our own cases, as on the command line of `train.py`."""
    method = {
        "float": ["method.name=float"],
        "static": [
            "method.name=static", "quant.quantizer=lsq",
            f"quant.w_bits={case.bits}", f"quant.a_bits={case.bits}",
        ],
        "dynamic": ["method.name=dqnet", "quant.quantizer=dorefa", f"dqnet.target={case.bits}"],
        "supernet": [
            "method.name=abn", "quant.quantizer=lsq",
            f"abn.candidates=[{case.bits - 1}, {case.bits}, {case.bits + 1}]",
        ],
        "ddq": ["method.name=ddq", f"ddq.w_bits={case.bits}", f"ddq.a_bits={case.bits}"],
    }  # fmt: skip
    native = "off" if case.runner == "portable" else "on"
    gradients = "int16" if case.runner == "native-int16" else "float32"
    return [
        *method[case.kind], f"model.name={case.model}", f"data.batch_size={case.batch}",
        f"device.native={native}", f"device.gradient_dtype={gradients}",
        f"device.threads={case.threads}",
        "train.schedule=constant", "train.momentum=0.9", "train.weight_decay=1e-4",
    ]  # fmt: skip
