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
"""How an epoch is judged, and what the log tells of it."""

import logging
import time

import numpy as np

from src import interrupts
from src.methods.base import System
from src.runtime import Runtime
from src.train.bar import clock
from src.train.batches import Loaders
from src.train.evaluate import evaluate, summarise

LOG = logging.getLogger("dynquant")


class Judge:
    """Answers the images that judge after the epochs of a stage.

    Args:
        name: of the stage.
        seed: of what evaluation draws.
    """

    def __init__(self, name: str, system: System, loaders: Loaders, runtime: Runtime, seed: int):
        self.name, self.system, self.loaders = name, system, loaders
        self.runtime, self.seed = runtime, seed
        self.is_compiled = self.is_collapsed = False

    def judge(self, epoch: int) -> dict[str, float]:
        """loss, top1 and top5: means over the evaluations of `System.judged_at`."""
        if not self.is_compiled:
            LOG.info("%s: compiling the evaluation ...", self.name)
            self.is_compiled = True
        start = time.perf_counter()
        with interrupts.held("when the epoch is judged"):
            judged = [self.numbers(forced) for forced in self.system.judged_at]
        seconds = clock(time.perf_counter() - start)
        what = "held-out" if self.loaders.held_out else "test"
        texts = [self._told(numbers) for numbers in judged]
        LOG.info("%s epoch %d: %s top-1 %s (%s)", self.name, epoch, what, "; ".join(texts), seconds)
        self.tell_collapse(judged[0]["collapsed"])
        return {name: float(np.mean([n[name] for n in judged])) for name in ("loss", "top1", "top5")}

    def numbers(self, forced: int | None) -> dict:
        """As `summarise`, with `System.forced` as given."""
        before, self.system.forced = self.system.forced, forced
        answers = evaluate(self.system, self.loaders.judge, self.runtime, self.seed)
        numbers = summarise(self.system, answers)
        self.system.forced = before
        return numbers

    def _told(self, numbers: dict) -> str:
        text = f"{numbers['top1']:.2%}"
        if self.system.widths or self.system.learned is not None:
            text += f", {numbers['mean_bits']:.2f} bits, {numbers['bitops'] / 1e6:.1f} M BitOPs"
        return text

    def tell_collapse(self, is_collapsed: bool) -> None:
        """Once when the controller collapses, and once when it chooses again."""
        if is_collapsed and not self.is_collapsed:
            LOG.warning(
                "the controller has collapsed: (nearly) all images get one plan%s",
                f"; {self.system.against_collapse}" if self.system.against_collapse else "",
            )
        elif self.is_collapsed and not is_collapsed:
            LOG.info("the controller chooses between images again")
        self.is_collapsed = is_collapsed
