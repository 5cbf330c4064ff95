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
"""A training from a configuration, or from a run folder, to its numbers: what `train.py` and the API share."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.config import Config, load_config, unread
from src.errors import UserError
from src.runtime import Runtime, describe, has_lost_worker, start
from src.train.loop import train_run
from src.train.run_folder import RunFolder, continue_run, create_run

LOG = logging.getLogger("dynquant")


@dataclass
class Training:
    """A run folder that this process trains in, its configuration, the device, whether it goes on, and the
    overrides that were given in vain."""

    folder: RunFolder
    config: Config
    runtime: Runtime
    resume: bool
    in_vain: Sequence[str] = ()

    @classmethod
    def new(cls, recipe: str | Path | None, overrides: Sequence[str]) -> "Training":
        """UserError: a key or value that is not allowed, a folder that cannot be had."""
        config = load_config(recipe, overrides)
        runtime = start(config.device, config.train.seed)
        if runtime.workers > 1 and config.run.dir is None:
            raise UserError("several workers need run.dir=FOLDER, the same one for all")
        return cls(create_run(config, recipe, runtime.is_main), config, runtime, False, unread(config, overrides))

    @classmethod
    def of(cls, run: str | Path, overrides: Sequence[str]) -> "Training":
        """An existing run, to train on. UserError: none is there, or it would be another run."""
        folder, config = continue_run(run, overrides)
        runtime = start(config.device, config.train.seed)
        folder.quiet = not runtime.is_main
        folder.claim()
        return cls(folder, config, runtime, True, unread(config, overrides))

    def run(self) -> dict:
        """Train and evaluate: the numbers of eval/test.json, and `run`, the folder.

        Raises:
            KeyboardInterrupt: with what is kept, and how to go on.
            UserError: another worker has ended.
        """
        self.folder.start_log()
        try:
            LOG.info("run folder %s", self.folder.path)
            LOG.info("%s", describe(self.runtime))
            for text in self.in_vain:
                LOG.warning("WARNING: method.name=%s does not read %s", self.config.method.name, text)
            if self.resume:
                self.folder.note_continuation()
            numbers = train_run(self.config, self.folder, self.runtime, self.resume)
            LOG.info("finished: test top-1 %.2f%%", 100 * numbers["top1"])
        except KeyboardInterrupt:
            raise KeyboardInterrupt(self.folder.how_to_go_on(self.runtime.workers)) from None
        except RuntimeError as error:
            if not has_lost_worker(error):
                raise
            raise UserError(
                "another worker of this job has ended, or cannot be reached; its log says why; stopped "
                + self.folder.how_to_go_on(self.runtime.workers)
            ) from error
        finally:
            self.folder.end()
        return {"run": str(self.folder.path), **numbers}
