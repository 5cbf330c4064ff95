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
"""What is timed: one case is one network, trained by one runner in a process of its own.

| kind | ours | peers |
| --- | --- | --- |
| float | the network itself | the same |
| static | LSQ at `bits` | LSQ, clamp and straight-through rounding |
| dynamic | DQNet-DoReFa, `bits` and one more and one less | the authors' form: K convolutions and a mask |
| supernet | ABN over LSQ at the same widths: three plans a step, largest, smallest and random | none |
| ddq | DDQ at `bits`, levels and gates learned | none |

First and last layer are float everywhere.
"""

from dataclasses import dataclass

from src.bench.torch_nets import DESIGNS

KINDS = ("float", "static", "dynamic", "supernet", "ddq")
WITHOUT_PEERS = ("supernet", "ddq")
OURS = ("native", "native-int16", "portable")  # int16: device.gradient_dtype
# Timed when nobody asks for others: MindSpore's own operators take minutes of steps, and with large
# images hours, beside seconds of the kernels'.
USUAL = ("native", "native-int16")
PEERS = {"torch": ("torch", "torch-channels_last")}  # both memory layouts; the faster one counts
ISAS = ("avx2",)


@dataclass(frozen=True)
class Case:
    """Attributes: as in the rows of `--json`.

    threads: CPU threads of the runner, at least 1.
    isa: "" for the best instructions of the machine, or one of `ISAS`.
    """

    kind: str
    runner: str
    model: str
    batch: int
    image_size: int
    bits: int
    threads: int
    isa: str = ""

    bench = "step"

    @property
    def is_peer(self) -> bool:
        return self.runner not in OURS

    @property
    def name(self) -> str:
        return f"{self.kind} {self.runner}"

    @property
    def num_classes(self) -> int:
        return classes_of(self.model)


def classes_of(model: str) -> int:
    """Logits of a model: ImageNet's, or CIFAR-10's."""
    return 1000 if has_imagenet_stem(model) else 10


def side_of(model: str, asked: int | None) -> int:
    """Side of the images in pixels: as asked for, or what fits the model."""
    return asked or (224 if has_imagenet_stem(model) else 32)


def has_imagenet_stem(model: str) -> bool:
    """Whether the model is made for large images (strides in and behind the stem)."""
    return model in DESIGNS and DESIGNS[model].large  # another name is refused by the configuration
