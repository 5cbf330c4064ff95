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
"""Evaluate a split and keep what came out: eval/<name>.json (numbers) and .npz (every answer)."""

import logging

import numpy as np

from src.config import Config
from src.data import Dataset, by_class
from src.files import check_writable, whole_file
from src.methods.base import System
from src.printable import printable
from src.runtime import Runtime, sum_over_workers
from src.train.batches import eval_loader, load_split
from src.train.escalate import Rungs, at_width, bare_ladder, ending_at, escalated, on_other_images
from src.train.evaluate import Answers, evaluate, summarise
from src.train.run_folder import RunFolder
from src.train.run_ladder import can_be_fitted, fit_ladder, stand_for, write_ladder
from src.train.shuffle import others, told, worth

LOG = logging.getLogger("dynquant")


def evaluate_run(
    config: Config, system: System, folder: RunFolder, runtime: Runtime, float_top1=-1.0
) -> dict:
    """What a finished run keeps of itself; returns the numbers of eval/test.json.

    A network that runs at several uniform widths, if there are held-out images, also leaves its ladder
    (ladder.json), its answers at each of these widths (eval/test_<bits>bit.*), and eval/ladder.json: what
    the ladder's rows cost and get right on the test set. Without a controller that looks at the
    image, the run stands for the ladder's cheapest row that is as good as the widest rung.
    """
    results = _Results(config, system, folder, runtime, "test", float_top1)
    if can_be_fitted(config, system):
        ladder = fit_ladder(config, system, runtime)
        write_ladder(folder, ladder)
        for bits in system.widths:
            with at_width(system, bits):
                results.keep(f"test_{bits}bit", tells=False)
        rows = on_other_images(ladder, results.rungs)
        about = {"measured_on": "test", "thresholds_from": "held-out training images"}
        folder.write_json("eval/ladder.json", {**about, "rows": rows})
        stand_for(ladder, system)
    return results.keep("test")


def evaluate_split(
    config: Config, system: System, folder: RunFolder, runtime: Runtime, split: str, float_top1=-1.0,
    suffix: str = "",
) -> dict:  # fmt: skip
    """Evaluate a network as it is, write eval/<split><suffix>.{json,npz}, return the numbers.

    The suffix keeps an evaluation that is not the run's own, such as one at one width throughout,
    apart from it.
    """
    results = _Results(config, system, folder, runtime, split, float_top1)
    return results.keep(split + suffix)


class _Results:
    """Evaluations of one network on one split."""

    def __init__(
        self, config: Config, system: System, folder: RunFolder, runtime: Runtime, split: str,
        float_top1: float,
    ):  # fmt: skip
        self.system, self.folder, self.runtime = system, folder, runtime
        self.seed = config.train.seed
        if runtime.is_main:
            check_writable(folder.path / "eval")
        self.baseline = {"float": {"top1": float_top1}} if float_top1 >= 0 else {}
        self.loader = eval_loader(config, runtime, load_split(config, split))
        self.rungs = Rungs(system, self.loader, runtime)

    def keep(self, name: str, tells: bool = True) -> dict:
        """Evaluate the system as it stands, write eval/<name>.{json,npz}, return the numbers.

        tells: how the classes fared, in the log.
        """
        answers, shuffled = self._answers()
        numbers = summarise(self.system, answers)
        if shuffled is not None:
            hardness = self.rungs[self.system.widths[0]].loss
            numbers |= worth(answers, shuffled, hardness)
            LOG.log(
                logging.INFO if numbers["choice_pays"] else logging.WARNING, "%s", told(numbers)
            )
        names = self.loader.dataset.classes
        matrix = by_class.confusion_matrix(answers.label, answers.predicted, len(names))
        numbers |= by_class.as_json(matrix, names)
        if tells:
            _tell(matrix, names)
            _tell_price(self.system, numbers)
        numbers["baseline"] = self.baseline
        numbers["unreadable_images"] = _unreadable(self.loader.dataset, self.runtime)
        if self.runtime.is_main:
            self.folder.write_json(f"eval/{name}.json", numbers)
            _write_answers(self.folder, name, answers)
        return numbers

    def _answers(self) -> tuple[Answers, Answers | None]:
        """The network's, and, where widths depend on the image, with every image at another's."""
        system, row = self.system, self.system.climbing
        if row is not None:
            ladder = bare_ladder(system)
            own = escalated(ladder, row, self.rungs)
            ends = own.rung[others(len(own.rung), self.seed)]
            return own, ending_at(ladder, row, self.rungs, ends) if system.chooses else None
        if isinstance(system.forced, int):
            return self.rungs[system.widths[system.forced]], None
        own = evaluate(system, self.loader, self.runtime, self.seed)
        if not system.chooses:
            return own, None
        plans = own.plan[others(len(own.plan), self.seed)]
        shuffled = evaluate(system, self.loader, self.runtime, self.seed, plans)
        if (shuffled.plan != plans).any():
            raise ValueError(f"{type(system.controller).__name__} does not take plans that it is given")
        return own, shuffled


def _tell(matrix: np.ndarray, names: list[str]) -> None:
    LOG.info("%s", printable(by_class.told(matrix, names)))
    found = by_class.one_class(matrix)
    if found:
        LOG.warning("%s", printable(by_class.told_one_class(found, names)))


def _unreadable(dataset: Dataset, runtime: Runtime) -> int:
    """Of all workers, each of which reads its own share; what is left out, all of them see."""
    own = np.float32([dataset.errors - dataset.left_out])
    return dataset.left_out + int(sum_over_workers(runtime, own)[0])


def _tell_price(system: System, numbers: dict) -> None:
    """Where choosing costs more than it can save."""
    with_choosing = numbers["bitops"] + numbers["bitops_controller"]
    widest = system.cost.with_dynamic_at(system.widths[-1]) if system.widths else 0
    if numbers["bitops_controller"] and with_choosing > widest:
        LOG.warning(
            "WARNING: with its controller an image costs %.1f M BitOPs, at %d bits throughout %.1f M: a smaller "
            "controller has fewer units (hidden) and sees fewer pixels (pool)",
            with_choosing / 1e6, system.widths[-1], widest / 1e6,
        )  # fmt: skip


def _write_answers(folder: RunFolder, name: str, answers: Answers) -> None:
    path = folder.path / "eval" / f"{name}.npz"
    with whole_file(path) as file:
        np.savez_compressed(
            file,
            label=answers.label, predicted=answers.predicted, loss=answers.loss,
            confidence=answers.confidence, margin=answers.margin, bitops=answers.bitops,
            w_bits=answers.w_bits, a_bits=answers.a_bits, rung=answers.rung,
            index=np.arange(len(answers.label), dtype=np.int64),
        )  # fmt: skip
