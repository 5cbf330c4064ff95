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
"""What `bench.py infer` times: one case is one network, run by one runner in a process of its own.

| kind | ours (runner native) | peers |
| --- | --- | --- |
| static | LSQ at `bits` | the 8-bit network as ONNX: int8 weights by channel, int8 sums of residuals |
| dynamic | DQT (nested codes), every layer at `bits`, or drawn anew for each image and layer (`mix`) | none |
| escalating | ABN over LSQ at `bits`, or (`mix`) narrow, then wide for the half with the smaller margin | none |
| float | none: our engine runs integers | the float network as ONNX |

First and last layer have 8 bits. Weights are random: times are those of a trained network, answers are not.
"""

from dataclasses import dataclass, replace
from itertools import product

from src.bench.case import ISAS, side_of
from src.bench.options import check_at_least, check_words
from src.bench.torch_nets import DESIGNS
from src.cores import cores
from src.errors import UserError

STATIC, DYNAMIC, ESCALATING, FLOAT = KINDS = ("static", "dynamic", "escalating", "float")
NATIVE = "native"
PEERS = ("onnxruntime", "openvino", "litert", "torch")
MIX = "mix"
WIDTHS = tuple(range(2, 9))
DYNAMIC_WIDTHS = (4, 8)
RUNGS = (2, 4)


@dataclass(frozen=True)
class InferCase:
    """Attributes: as in the rows of `--json`.

    bits: width of all layers; a mean where they differ.
    plan: "" for one width throughout, `mix` for widths that change with image and layer.
    file: what the runner loads: an artefact, or an ONNX file.
    """

    kind: str
    runner: str
    model: str
    batch: int
    image_size: int
    bits: float
    threads: int
    isa: str = ""
    plan: str = ""
    file: str = ""

    bench = "infer"

    @property
    def is_peer(self) -> bool:
        return self.runner != NATIVE

    @property
    def name(self) -> str:
        width = self.plan or f"{self.bits:g} bit"
        return f"{self.kind} {self.runner}" + ("" if self.kind == FLOAT else f" {width}")


def list_groups(options) -> list[list[InferCase]]:
    """Groups of cases that take turns with each other, one for each model, batch and count of threads.

    Args:
        options: of the command line: models, batches, threads, kinds, bits, peers, image_size, isa.
            Batches and threads may be empty: 1 and 64 (224 pixels: 8) images; 1 and 2 threads.

    Raises:
        UserError: an unknown model, kind or peer, or a number out of range.
    """
    check_words("--model", options.model, tuple(DESIGNS))
    check_words("--kinds", options.kinds, KINDS)
    check_words("--peers", options.peers, PEERS)
    check_words("--isa", [options.isa] if options.isa else [], ISAS)
    for option, values in (("--batch", options.batch), ("--threads", options.threads)):
        for value in values:
            check_at_least(option, value, 1)
    for bits in options.bits:
        if bits not in WIDTHS:
            raise UserError(f"--bits {bits}: allowed are {WIDTHS[0]} to {WIDTHS[-1]}")
    groups = []
    for model in options.model:
        size = side_of(model, options.image_size)
        batches = options.batch or (1, 64 if size < 64 else 8)
        threads = options.threads or sorted({1, min(2, cores())})
        for batch, count in product(batches, threads):
            one = InferCase("", NATIVE, model, batch, size, 8, count, options.isa)
            groups.append(_cases(one, options.kinds, options.bits, options.peers))
    return groups


def _cases(one: InferCase, kinds: list[str], bits: list[int], peers: list[str]) -> list[InferCase]:
    made = []
    if STATIC in kinds:
        made += [replace(one, kind=STATIC, bits=b) for b in bits]
        made += [replace(one, kind=STATIC, runner=peer) for peer in peers]
    if DYNAMIC in kinds:
        made += [replace(one, kind=DYNAMIC, bits=b) for b in DYNAMIC_WIDTHS]
        made.append(replace(one, kind=DYNAMIC, bits=sum(DYNAMIC_WIDTHS) / 2, plan=MIX))
    if ESCALATING in kinds:
        made += [replace(one, kind=ESCALATING, bits=b) for b in RUNGS]
        made.append(replace(one, kind=ESCALATING, bits=sum(RUNGS) / 2, plan=MIX))
    if FLOAT in kinds:
        made += [replace(one, kind=FLOAT, runner=peer, bits=32) for peer in peers]
    return made
