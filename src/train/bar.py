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
"""What a waiting person sees: a bar with the time left on a terminal, plain lines elsewhere."""

import logging
import sys
import time

from tqdm import tqdm

LOG = logging.getLogger("dynquant")


class EpochBar:
    """Shows one epoch; a context manager.

    Args:
        stage, epoch: e.g. `dqnet` and `2/10`.
        steps: steps of the epoch.
        log_every: steps between plain lines.
        show: False on workers other than the first.
        done: steps that an earlier process did.
    """

    def __init__(
        self, stage: str, epoch: str, steps: int, log_every: int, show: bool = True, done: int = 0
    ):
        self.title, self.steps, self.log_every = f"{stage} epoch {epoch}", steps, log_every
        self.start, self.done, self.before = time.perf_counter(), done, done
        self.plain = show and not sys.stdout.isatty()
        self.bar = tqdm(
            total=steps, initial=done, desc=f"{stage} {epoch}", leave=False, disable=not show or self.plain,
            # What 80 columns hold; the bar itself takes what is left of them.
            dynamic_ncols=True, bar_format="{desc} {percentage:3.0f}% {bar} {remaining} left{postfix}",
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()

    def step(self, texts: tuple[str, str]) -> None:
        """One step is done; its numbers, for the bar and for a plain line."""
        self.done += 1
        short, text = texts
        self.bar.set_postfix_str(short, refresh=False)
        self.bar.update()
        if self.plain and (self.done % self.log_every == 0 or self.done == self.steps):
            each = (time.perf_counter() - self.start) / (self.done - self.before)
            left = each * (self.steps - self.done)
            LOG.info("%s: step %d/%d, %s, %s left", self.title, self.done, self.steps, text,
                     clock(left))  # fmt: skip


def clock(seconds: float) -> str:
    """1:05 or 2:03:10."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
