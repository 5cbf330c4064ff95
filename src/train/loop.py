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
"""A training run: the stages of its method one after the other, then the evaluation."""

import copy
import dataclasses
import logging

import numpy as np
from mindspore import nn

from src.config import Config
from src.errors import UserError
from src.keys import ModelConfig
from src.methods import METHODS, build_system
from src.methods.base import FLOAT, HELD_OUT, Stage, System
from src.models import build_model
from src.models.geometry import describe
from src.models.network import Network
from src.models.weights import LoadedWeights
from src.printable import printable
from src.runtime import Runtime, set_seeds, wait_for_all
from src.train.batches import eval_loader, load_split, on_held_out, open_loaders
from src.train.checkpoints import RunState, load_checkpoint, read_state, save_checkpoint, take_over
from src.train.evaluate import evaluate, summarise
from src.train.metrics import count_rows
from src.train.new_head import settle_head
from src.train.post_training import is_quantised_so, quantise_untrained
from src.train.results import evaluate_run
from src.train.resume import check_steps, check_stored
from src.train.run_folder import RunFolder
from src.train.run_ladder import forget_ladder
from src.train.trainer import Trainer

LOG = logging.getLogger("dynquant")


def train_run(config: Config, folder: RunFolder, runtime: Runtime, resume: bool) -> dict:
    """Train what is left of a run and evaluate it; returns the numbers of eval/test.json."""
    return _Run(config, folder, runtime).train(resume)


class _Run:
    def __init__(self, config: Config, folder: RunFolder, runtime: Runtime):
        self.config, self.folder, self.runtime = config, folder, runtime
        if config.train.tensorboard:
            folder.draw_curves()
        self.train_set = load_split(config, "train")
        settle_head(config, self.train_set)
        self.asked = copy.deepcopy(config)  # `model.weights` changes from stage to stage
        self.stages = METHODS[config.method.name].stages(config)

    def train(self, resume: bool) -> dict:
        state = read_state(self.folder.last) if resume and self.folder.last.is_file() else None
        first = self._place(state)
        if resume:
            done = state.epoch if state else 0
            check_stored(count_rows(self.folder.metrics_file), done, self.stages[first], self.folder.last)
        self.loaders = open_loaders(self.config, self.runtime, self.train_set)
        self._tell_images()
        steps = len(self.train_set), self.config.data.batch_size * self.runtime.workers
        if state is not None:
            check_steps((state.images, steps[0]), (state.batch, steps[1]))
        self._check_what_follows(first)
        for i in range(len(self.stages)):
            self._start_from(i)
            if i < first:
                continue
            if state is None or i > first:
                float_top1 = state.float_top1 if state else -1.0
                state = RunState(self.stages[i].name, *steps, float_top1=float_top1)
            system = self._run(i, state)
        wait_for_all(self.runtime)
        if self.folder.best.is_file():
            load_checkpoint(self.folder.best, system.network)
        if system.learned is not None:
            for name, value in system.learned.tell().items():
                self.folder.write_json(name, value)
            self.folder.write_layers(system.table, self.train_set.image_size)
        return evaluate_run(self.config, system, self.folder, self.runtime, state.float_top1)

    def _tell_images(self) -> None:
        count, held, share = len(self.train_set), self.loaders.judge.dataset, self.config.data.val_split
        LOG.info("%d training images in %d classes", count, self.train_set.num_classes)
        held_by = np.bincount(self.train_set.labels, minlength=self.train_set.num_classes)
        empty = [printable(self.train_set.classes[i]) for i in np.flatnonzero(held_by == 0)]
        if empty:
            LOG.warning("WARNING: classes without a training image: %s", ", ".join(empty))
        if self.loaders.held_out:
            LOG.info("%d more are held out to choose the best epoch by (data.val_split=%g)", len(held), share)
        else:
            LOG.info("none is held out (data.val_split=0): the last epoch counts")

    def _place(self, state: RunState | None) -> int:
        """Number of the stage to go on with. UserError: the method has no such stage."""
        if state is None:
            return 0
        names = [stage.name for stage in self.stages]
        if state.stage not in names:
            raise UserError(
                f"{self.folder.last} is of stage {state.stage}; this method's are {', '.join(names)}"
            )
        return names.index(state.stage)

    def _check_what_follows(self, first: int) -> None:
        """That the stages to come can begin, which would else be known only when the one before is over.

        Raises:
            UserError: too few held-out images for one of them, layers that the network does not have, a
                teacher that cannot be read.
        """
        config = self.config
        for stage in self.stages[first:]:
            if stage.images == HELD_OUT:
                on_held_out(self.loaders, config, self.runtime)
        if first + 1 == len(self.stages):
            return
        last = self.stages[-1]
        fresh = dataclasses.replace(config.model, weights=None, head="auto", head_weights=None)
        self._build(_with_model(config, fresh), last.builds, last.build)
        if config.train.teacher_weights:
            self._teacher(config)
        set_seeds(config.train.seed)  # building used some of the numbers that the stages begin with

    def _start_from(self, i: int) -> None:
        """A float stage leaves float weights, like those that `model.weights` names."""
        before = self.stages[i - 1] if i else None
        if before is not None and before.builds == FLOAT:
            self.config.model.weights = str(self.folder.checkpoint(before.leaves))
            self.config.model.head, self.config.model.head_weights = "auto", None

    def _run(self, i: int, state: RunState) -> System:
        stage = self.stages[i]
        system = self._build_told(stage)
        before = self.stages[i - 1] if i else None
        is_taken_over = before is not None and before.builds != FLOAT and bool(before.leaves)
        if is_taken_over and not state.has_begun:
            take_over(self.folder.checkpoint(before.leaves), system.network)
        if stage.builds == self.config.method.name:
            self.folder.write_layers(system.table, self.train_set.image_size)
        config = _of_stage(self.config, stage)
        if stage.builds != FLOAT and config.model.weights is not None and state.float_top1 < 0:
            self._measure(config, state)
        teacher = self._teacher(config) if stage.builds == config.method.name else None
        loaders = self.loaders
        if stage.images == HELD_OUT:
            loaders = on_held_out(loaders, config, self.runtime)
        trainer = Trainer(stage, system, config, self.folder, self.runtime, loaders, teacher, state)
        if is_quantised_so(stage, system) and not state.has_begun:
            own, _ = self._float(config, config.model)
            quantise_untrained(config, system, own.network, self.train_set)
            is_taken_over = True
        elif stage.epochs == 0 and system.chooses and not is_taken_over:
            LOG.warning("%s: nothing is trained (train.epochs=0): widths are chosen at random", stage.name)
        trainer.begin(is_taken_over)
        # For the next resume, now that the run is known to go on with it.
        self.folder.store_config(self.asked)
        forget_ladder(self.folder)
        trainer.run()
        if stage.leaves:
            if self.runtime.is_main:
                save_checkpoint(self.folder.checkpoint(stage.leaves), system.network, state)
            wait_for_all(self.runtime)
        return system

    def _build_told(self, stage: Stage) -> System:
        """With what came of its float weights in the log."""
        system, loaded = self._build(self.config, stage.builds, stage.build)
        if loaded.table:
            LOG.info("%d float tensors from %s", len(loaded.table), self.config.model.weights)
            LOG.debug("%s", "\n".join(loaded.table))
        if loaded.new_head:
            LOG.info("the classifier starts anew: %s", loaded.new_head)
        return system

    def _teacher(self, config: Config) -> nn.Cell | None:
        """The float network that a stage distils from, if it does.

        Raises:
            UserError: a teacher of other classes, or whose features are not the network's in number.
        """
        train, model = config.train, config.model
        weights = train.teacher_weights or model.weights
        if train.distill_weight == 0 or weights is None:
            return None
        teacher = dataclasses.replace(model, weights=weights)
        if train.teacher_weights:  # a file of all its layers
            teacher = dataclasses.replace(teacher, head="auto", head_weights=None)
        if train.teacher_model:
            teacher = dataclasses.replace(teacher, name=train.teacher_model, file=None, width=1.0)
        system, loaded = self._float(config, teacher)
        if loaded.new_head:  # it answers nothing yet
            raise UserError(
                f"train.distill_weight > 0: {weights} cannot teach, as its classifier would be "
                f"new ({loaded.new_head}); give train.teacher_weights=FILE of the same classes"
            )
        if train.distill_features > 0 and train.teacher_model:
            own = Network(build_model(model, self.train_set.num_classes))
            theirs, ours = self._features(system.network), self._features(own)
            if theirs != ours:
                raise UserError(
                    f"train.distill_features > 0: the classifier of train.teacher_model={train.teacher_model} "
                    f"reads {theirs} values, {model.name}'s {ours}; leave it 0 with this teacher"
                )
        return system.network

    def _features(self, network: Network) -> int:
        """How many values the last link of a float network reads: of most, the classifier."""
        values = describe(network.backbone, self.train_set.image_size)
        return values.of(network.links[-1][0] - 1).size

    def _measure(self, config: Config, state: RunState) -> None:
        """The test accuracy of the network of `model.weights`, where it has one."""
        system, loaded = self._float(config, config.model)
        if loaded.new_head:
            return
        LOG.info("evaluating the float network from %s ...", config.model.weights)
        loader = eval_loader(config, self.runtime, load_split(config, "test"))
        state.float_top1 = summarise(system, evaluate(system, loader, self.runtime))["top1"]
        if not self.loaders.held_out:
            LOG.info("float network: test top-1 %.2f%%", 100 * state.float_top1)

    def _float(self, config: Config, model: ModelConfig) -> tuple[System, LoadedWeights]:
        return self._build(_with_model(config, model), FLOAT)

    def _build(self, config: Config, builds: str, build=None) -> tuple[System, LoadedWeights]:
        """For the training images; `builds`, `build`: as of `Stage`."""
        data = self.train_set
        return build_system(
            config, data.num_classes, data.image_size, self.runtime.native, builds, build, data.classes
        )


def _with_model(config: Config, model: ModelConfig) -> Config:
    return Config(**{**vars(config), "model": model})


def _of_stage(config: Config, stage: Stage) -> Config:
    train = dataclasses.replace(config.train, **stage.train)
    return Config(**{**vars(config), "train": train})

