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
"""One stage of training: epochs of one network with one schedule, checkpointed after each epoch."""

import logging
import time

import numpy as np
from mindspore import Parameter, Tensor, nn

from src import interrupts, kernels
from src.config import Config
from src.layers.norm import freeze_statistics
from src.methods.base import HELD_OUT, Stage, System, in_last
from src.parameters import assign
from src.runtime import (
    MeanOverWorkers,
    Runtime,
    average_statistics,
    broadcast_parameters,
    sum_over_workers,
    wait_for_all,
)
from src.train.bar import EpochBar
from src.train.batches import Loaders
from src.train.calibrate import calibrate
from src.train.checkpoints import RunState, load_checkpoint, save_checkpoint
from src.train.evaluate import evaluate
from src.train.guard import explain_not_finite
from src.train.judge import Judge
from src.train.losses import TaskLoss
from src.train.optimizers import build_optimizer
from src.train.run_folder import RunFolder
from src.train.schedules import learning_rates
from src.train.step import Objective, build_step, with_experience
from src.train.step_numbers import StepNumbers

LOG = logging.getLogger("dynquant")


class Trainer:
    """Trains a system's network through one stage.

    Args:
        stage: what its method says of it.
        teacher: float network for distillation, or None.
        state: where to continue; `state.epoch` > 0 loads the run's last checkpoint.
    """

    def __init__(
        self, stage: Stage, system: System, config: Config, folder: RunFolder, runtime: Runtime,
        loaders: Loaders, teacher: nn.Cell | None, state: RunState,
    ):  # fmt: skip
        self.stage, self.system, self.config, self.folder = stage, system, config, folder
        self.runtime, self.loaders, self.state = runtime, loaders, state
        self.name, self.epochs = stage.name, stage.epochs
        self.train = train = config.train
        for priced in (system.monitor, system.penalty):
            if runtime.workers > 1 and hasattr(priced, "join_workers"):
                priced.join_workers(MeanOverWorkers(runtime.workers))
        self.keeps_statistics = stage.keeps_statistics
        if stage.keeps_statistics:
            freeze_statistics(system.network)
        self.draws = stage.draws(system)
        task_loss = TaskLoss(train.label_smoothing, train.distill_weight, train.distill_temperature)
        if stage.objective is None:
            self.objective = Objective(system, task_loss, teacher, train.distill_features)
        else:
            self.objective = stage.objective(system, task_loss, teacher)
        self.rates = learning_rates(train, stage.lr, stage.epochs, len(loaders.train))
        learned = _learned(stage, system)
        of_updates = np.repeat(self.rates or [stage.lr], stage.updates).tolist()
        self.optimizer = build_optimizer(learned, train, of_updates)
        self.step = build_step(self.objective, self.optimizer, train, runtime)
        if stage.experience is not None:
            experience = stage.experience(system).set_train(False)
            self.step = with_experience(self.step, experience, stage.updates)
        self.judge = Judge(self.name, system, loaders, runtime, train.seed)
        self.is_compiled = False
        self.read_every = 1 if runtime.target == "CPU" else train.log_every

    def begin(self, is_taken_over: bool = False) -> None:
        """Take over what the run has stored, or first values; what comes again is forgotten.

        Args:
            is_taken_over: its quantisers have their steps, from an earlier stage or from a search.

        Raises:
            UserError: the checkpoint is damaged, or of another network.
        """
        if self.state.has_begun:
            load_checkpoint(self.folder.last, self.system.network, self.optimizer)
            # Of the steps as they are now: a resume may change how many updates each has.
            done = self.state.epoch * len(self.loaders.train) + self.state.step
            assign(self.optimizer.global_step, np.array([done * self.stage.updates]))
        else:
            self.folder.forget_best()
            broadcast_parameters(self.runtime, self.system.network)
            if not is_taken_over:
                self._first_steps()
        self.folder.forget_after(self.name, self.state.epoch)

    def run(self) -> None:
        """Train the epochs that are left, once it has begun; `state` follows."""
        for epoch in range(self.state.epoch + 1, self.epochs + 1):
            if self.system.learned is not None:
                self.system.learned.before_epoch(epoch, self.epochs)
            if not self.keeps_statistics and in_last(self.train.freeze_statistics, epoch, self.epochs):
                self._freeze_statistics(epoch)
            row = self._train_epoch(epoch)
            average_statistics(self.runtime, self.system.network)
            if epoch % self.train.eval_every == 0 or epoch == self.epochs:
                row |= self._judge(epoch)
            self.folder.append_metrics(row)
            self._store(epoch)
        if self.epochs == 0 and not self.state.has_begun:
            if self.system.learned is not None:  # as an only epoch would leave it
                self.system.learned.before_epoch(1, 1)
            self._store(0)
        if self.stage.measure is not None:
            self._measure()

    def _freeze_statistics(self, epoch: int) -> None:
        """A graph that is compiled does not know of it: the next step is compiled anew."""
        LOG.info("%s epoch %d: normalisations keep their running statistics from here on", self.name, epoch)
        self.keeps_statistics = True
        freeze_statistics(self.system.network)
        self.step = build_step(self.objective, self.optimizer, self.train, self.runtime)
        self.is_compiled = False

    def _store(self, epoch: int, step: int = 0, sums=()) -> None:
        """What is done: so many epochs, and so many steps of the next."""
        self.state.go_to(epoch, step, sums)
        if self.runtime.is_main:
            save_checkpoint(self.folder.last, self.system.network, self.state, self.optimizer)

    def _store_steps(self, epoch: int, numbers: StepNumbers) -> None:
        """What is done of an epoch; what workers have of their own is joined first, as at its end."""
        if self.runtime.workers > 1:
            average_statistics(self.runtime, self.system.network)
            numbers.sums = sum_over_workers(self.runtime, numbers.sums) / self.runtime.workers
        self._store(epoch - 1, numbers.steps, numbers.sums)

    def _store_stopped(self, epoch: int, numbers: StepNumbers) -> None:
        """The same for an epoch that a signal ends; workers may have got it at different steps."""
        with interrupts.held("when it is stored"):
            is_sound = numbers.read() is None
            if self.runtime.workers > 1 or not is_sound or numbers.steps == self.state.step:
                return
            self._store_steps(epoch, numbers)
        LOG.info("%s epoch %d: stored after step %d", self.name, epoch, numbers.steps)

    def _measure(self) -> None:
        """Of the network that the stage ends with: the best one, if images were held out, else the last."""
        LOG.info("%s: measuring what it has learned ...", self.name)
        path, state, optimizer = self.folder.last, self.state, self.optimizer
        wait_for_all(self.runtime)  # one of them writes the best
        if self.folder.best.is_file():
            path, optimizer = self.folder.best, None
            state = load_checkpoint(path, self.system.network)
        judge, seed = self.loaders.judge, self.config.train.seed
        with interrupts.held("when it is measured"):
            self.stage.measure(self.system, lambda: evaluate(self.system, judge, self.runtime, seed))
        if self.runtime.is_main:
            save_checkpoint(path, self.system.network, state, optimizer)

    def _first_steps(self) -> None:
        batch = next(iter(self.loaders.train.epoch(0)))
        draws = self.system.drawn(self._randomness(0), len(batch.images), train=True)
        search = self.config.quant.searches(self.epochs)
        count = calibrate(self.system.network, (batch.images, *draws), self.runtime, search)
        if count:
            how = "searched on" if search else "set from"
            LOG.info("%s: first steps of %d quantisers %s the first batch", self.name, count, how)

    def _randomness(self, epoch: int) -> np.random.Generator:
        letters = [ord(c) for c in self.name]
        return np.random.default_rng((self.config.train.seed, epoch, self.runtime.rank, *letters))

    def _train_epoch(self, epoch: int) -> dict:
        self.objective.set_train(True)
        loader, numbers = self.loaders.train, StepNumbers(self.state.step, self.state.sums)
        first_step = (epoch - 1) * len(loader)
        start = time.perf_counter()
        try:
            data_seconds = self._train_steps(epoch, first_step, numbers)
        except KeyboardInterrupt:
            self._store_stopped(epoch, numbers)
            raise
        seconds = time.perf_counter() - start
        means = self._named(sum_over_workers(self.runtime, numbers.means) / self.runtime.workers)
        row = {
            "stage": self.name,
            "epoch": epoch,
            "step": first_step + len(loader),
            "lr": float(self.rates[first_step + len(loader) - 1]),
            "train_loss": means["loss"],
            "train_top1": means["right"] / loader.batch_size,
            "seconds": seconds,
            "data_seconds": data_seconds,
        }
        if self.system.monitor is not None:
            row |= {name: means[name] for name in ("mean_bits", "bitops", "entropy")}
        elif self.system.learned is not None:
            row |= {name: means[name] for name in ("mean_bits", "bitops")}
        own = {name: means[name] for name in self.objective.scalars if name not in Objective.scalars}
        return row | own | self.system.targets

    def _train_steps(self, epoch: int, first_step: int, numbers: StepNumbers) -> float:
        """The steps of an epoch that are left; returns the seconds of waiting for data."""
        loader, rng, before = self.loaders.train, self._randomness(epoch), numbers.steps
        images, steps = loader.batch_size, self.epochs * len(loader)
        for i in range(before):  # random numbers that are used up
            self.draws.draw(rng, images, (first_step + i) / steps)
        data_seconds, fetched = 0.0, time.perf_counter()
        place, every = f"{epoch}/{self.epochs}", self.train.log_every
        with EpochBar(self.name, place, len(loader), every, self.runtime.is_main, before) as bar:
            for i, batch in enumerate(loader.epoch(epoch, before), before):
                data_seconds += time.perf_counter() - fetched
                draws = self.draws.draw(rng, images, (first_step + i) / steps)
                with interrupts.held("when the step is done"):
                    numbers.add(self.one_step(batch, draws))
                    if self._is_read(i + 1):
                        self._read(numbers, epoch, batch.images, draws, i + 1)
                bar.step(self._texts(numbers))
                if self.train.save_every and (i + 1) % self.train.save_every == 0 and i + 1 < len(loader):
                    self._store_steps(epoch, numbers)
                fetched = time.perf_counter()
        return data_seconds

    def _is_read(self, step: int) -> bool:
        """Whether the numbers are needed after that step of an epoch."""
        saved = self.train.save_every and step % self.train.save_every == 0
        return step % self.read_every == 0 or step == len(self.loaders.train) or bool(saved)

    def _read(
        self, numbers: StepNumbers, epoch: int, images: np.ndarray, draws: tuple, step: int
    ) -> None:
        bad_step = numbers.read()
        if bad_step is not None:
            where = f"{self.name}, epoch {epoch}, step {bad_step}"
            is_first = (epoch, bad_step) == (1, 1)
            # Those of an earlier step are gone.
            of_passes = self.draws.passes(draws) if bad_step == step else ()
            passes = [(images, *own) for own in of_passes]
            raise explain_not_finite(self.system.network, passes, where, is_first)

    def _named(self, means: np.ndarray) -> dict[str, float]:
        """Means over steps by the objective's names for them; the gradient's norm comes last."""
        return dict(zip((*self.objective.scalars, "norm"), map(float, means), strict=True))

    def one_step(self, batch, draws: tuple):
        """The step's scalars (see `Objective`) and gradient norm; the first call compiles."""
        inputs = [Tensor(x) for x in (batch.images, batch.labels, *draws)]
        if not self.is_compiled:
            return self._first_step(inputs)
        before = kernels.steps_done() if self.runtime.native else 0
        outputs = self.step(*inputs)
        if self.runtime.native:
            # Asking MindSpore for a result makes it spin on a core that the kernels need.
            kernels.wait_for_step(before + self.stage.updates)
        return outputs

    def _first_step(self, inputs: list[Tensor]):
        LOG.info("%s: compiling the graph ...", self.name)
        start = time.perf_counter()
        with interrupts.held("when the graph is compiled"):
            outputs = self.step(*inputs)
            outputs[0].asnumpy()
        seconds = time.perf_counter() - start
        LOG.info("%s: compiled, with the first step, in %.1f s", self.name, seconds)
        self.is_compiled = True
        return outputs

    def _texts(self, numbers: StepNumbers) -> tuple[str, str]:
        """The epoch's numbers so far: as short as a narrow terminal needs, and in full."""
        if numbers.steps == 0:
            return "", ""
        means, targets = self._named(numbers.means), self.system.targets
        text = f"loss {means['loss']:.4f} top1 {means['right'] / self.loaders.train.batch_size:.2%}"
        if self.system.monitor is None and self.system.learned is None:
            return text, text
        text += f" bits {means['mean_bits']:.2f}"
        further = "" if self.system.monitor is None else f" entropy {means['entropy']:.2f}"
        if "budget_bits" not in targets:
            return text, text + further
        text += f"/{targets['budget_bits']:g}"
        text += f" BitOPs {means['bitops'] / targets['budget_bitops']:.0%}"
        return text, f"{text} of budget{further}"

    def _judge(self, epoch: int) -> dict[str, float]:
        """The columns of metrics.csv for how an epoch was judged; the best one is stored."""
        numbers = self.judge.judge(epoch)
        row = {f"val_{name}": value for name, value in numbers.items()}
        if self.system.learned is not None and not self.system.learned.is_final():
            return row
        # Images that it learns from tell no best epoch.
        if self.stage.images == HELD_OUT or numbers["top1"] > self.state.best_top1:
            self.state.best_top1 = numbers["top1"]
            if self.loaders.held_out and self.runtime.is_main:
                self.state.go_to(epoch)
                save_checkpoint(self.folder.best, self.system.network, self.state)
        return row


def _learned(stage: Stage, system: System) -> list[Parameter]:
    """The parameters that a stage trains."""
    learned = [p for p in system.network.trainable_params() if stage.learns(p.name)]
    if not stage.head_alone:
        return learned
    head = system.network.backbone.nodes[-1].name
    return [p for p in learned if p.name.startswith(f"{head}.")]
