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
"""The data of a run as loaders: training batches, and the splits that are evaluated."""

from dataclasses import dataclass, replace

from src.config import Config
from src.data import Dataset, Loader, load
from src.errors import UserError
from src.runtime import Runtime


@dataclass
class Loaders:
    """Training batches, the images that epochs are judged by, and whether those were held out."""

    train: Loader
    judge: Loader
    held_out: bool


def open_loaders(config: Config, runtime: Runtime, train_set: Dataset) -> Loaders:
    """The loaders of a training run; the held-out split judges if there is one, else the test set.

    Raises:
        UserError: one class, or fewer training images than one batch of all workers.
    """
    data, held_out = config.data, config.data.val_split > 0
    if train_set.num_classes < 2:
        raise UserError(
            f"data.path={data.path} holds one class, {train_set.classes[0]}: a classifier tells two or more "
            "apart; add a folder of pictures of something else"
        )
    if len(train_set) < data.batch_size * runtime.workers:
        raise UserError(
            f"data.batch_size={data.batch_size} on {runtime.workers} worker(s) is more than the "
            f"{len(train_set)} training images; choose a smaller one"
        )
    train = Loader(
        train_set, data.batch_size, train=True, seed=config.train.seed,
        rank=runtime.rank, world=runtime.workers, workers=data.workers,
    )  # fmt: skip
    judged = load_split(config, "val" if held_out else "test")
    return Loaders(train, eval_loader(config, runtime, judged), held_out)


def on_held_out(loaders: Loaders, config: Config, runtime: Runtime) -> Loaders:
    """The loaders of a stage that learns from the held-out images, without augmentation.

    Raises:
        UserError: there are none, or fewer than one batch of all workers.
    """
    if not loaders.held_out:
        raise UserError(
            f"method.name={config.method.name} has a stage that learns from held-out images: data.val_split=0 "
            "leaves none; give a share of the training images, e.g. data.val_split=0.1"
        )
    data, held_out = config.data, loaders.judge.dataset
    if len(held_out) < data.batch_size * runtime.workers:
        raise UserError(
            f"method.name={config.method.name} has a stage that learns from held-out images: "
            f"data.batch_size={data.batch_size} on {runtime.workers} worker(s) is more than the {len(held_out)} "
            "that data.val_split leaves; choose a smaller batch, or a larger share"
        )
    train = Loader(
        held_out, data.batch_size, train=True, seed=config.train.seed, rank=runtime.rank,
        world=runtime.workers, workers=data.workers, augment=False,
    )  # fmt: skip
    return replace(loaders, train=train)


def load_split(config: Config, split: str) -> Dataset:
    """A split of the configured data set."""
    data = config.data
    return load(
        data.name, data.path, split,
        image_size=data.image_size, val_split=data.val_split, seed=config.train.seed,
        mean=data.mean, std=data.std, colour_jitter=data.colour_jitter, crop_area=data.crop_area,
        flip=data.flip, shift=data.shift, max_errors=data.max_errors, test_split=data.test_split,
    )  # fmt: skip


def eval_loader(config: Config, runtime: Runtime, dataset: Dataset) -> Loader:
    """Batches of a split in order, shared among the workers."""
    data = config.data
    return Loader(
        dataset, min(data.eval_batch_size, len(dataset)), train=False, seed=config.train.seed,
        rank=runtime.rank, world=runtime.workers, workers=data.workers,
    )  # fmt: skip
