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
"""Evaluate a split and keep what came out: eval/<split>.json (numbers) and .npz (every answer)."""

import numpy as np

from src.config import Config
from src.data import Dataset
from src.files import whole_file
from src.methods.base import System
from src.runtime import Runtime, sum_over_workers
from src.train.batches import eval_loader, load_split
from src.train.evaluate import Answers, evaluate, summarise
from src.train.run_folder import RunFolder


def evaluate_split(
    config: Config, system: System, folder: RunFolder, runtime: Runtime, split: str, float_top1=-1.0
) -> dict:
    """Evaluate a network as it is, write eval/<split>.{json,npz}, return the numbers.

    With one width forced on all layers the files are <split>_<bits>bit, and the run's own stay.
    """
    loader = eval_loader(config, runtime, load_split(config, split))
    answers = evaluate(system, loader, runtime, config.train.seed)
    numbers = summarise(system, answers)
    numbers["baseline"] = {"float": {"top1": float_top1}} if float_top1 >= 0 else {}
    numbers["unreadable_images"] = _unreadable(loader.dataset, runtime)
    if runtime.is_main:
        name = split if system.forced is None else f"{split}_{system.widths[system.forced]}bit"
        folder.write_json(f"eval/{name}.json", numbers)
        _write_answers(folder, name, answers)
    return numbers


def _unreadable(dataset: Dataset, runtime: Runtime) -> int:
    """Of all workers, each of which reads its own share; what is left out, all of them see."""
    own = np.float32([dataset.errors - dataset.left_out])
    return dataset.left_out + int(sum_over_workers(runtime, own)[0])


def _write_answers(folder: RunFolder, name: str, answers: Answers) -> None:
    path = folder.path / "eval" / f"{name}.npz"
    with whole_file(path) as file:
        np.savez_compressed(
            file,
            label=answers.label, predicted=answers.predicted, loss=answers.loss,
            confidence=answers.confidence, bitops=answers.bitops,
            w_bits=answers.w_bits, a_bits=answers.a_bits,
            index=np.arange(len(answers.label), dtype=np.int64),
        )  # fmt: skip
