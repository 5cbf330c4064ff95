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
"""Batches of a data set: order, shards, padding, and read-ahead by threads.

A batch is a pure function of (seed, epoch, number of the batch, rank): the number of threads
changes nothing. The ranks divide a global batch of `world * batch_size` samples among themselves,
each taking its rows, random numbers included: joined, they are the batch of a single worker.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from src.data.dataset import Dataset
from src.errors import UserError

ORDER_STREAM, AUGMENT_STREAM = 1, 2
THREAD_NAME = "dynquant-data"


@dataclass(frozen=True)
class Batch:
    """One step's samples, always of the full batch size (graphs have static shapes).

    Attributes:
        images: float32 [B,3,S,S], normalised.
        labels: int32 [B].
        index: int64 [B], positions in the data set.
        valid: only the first `valid` samples count, 0 <= valid <= B; the others are padding.
    """

    images: np.ndarray
    labels: np.ndarray
    index: np.ndarray
    valid: int


class Loader:
    """Epochs of batches for one rank.

    Training: shuffled by (seed, epoch) and augmented; what fills no global batch is dropped
    (another rest in each epoch). Evaluation: in order, every sample once over all ranks, the end
    padded with samples from the beginning; a rank's last batch may then have valid = 0.

    Args:
        batch_size: samples per batch and rank.
        train: shuffle and augment.
        seed: 0 or more; with the epoch it determines order and augmentation.
        rank, world: this worker's number, and how many there are.
        workers: read-ahead threads; 0 makes the batches in the caller's thread.
        augment: False: images as in evaluation, in training, too.

    Raises:
        UserError: a value out of range, or the data set fills no global batch.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        train: bool,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
        workers: int = 2,
        augment: bool = True,
    ) -> None:
        if batch_size < 1 or workers < 0 or seed < 0 or not 0 <= rank < world:
            raise UserError(
                f"loader: batch_size={batch_size} workers={workers} seed={seed} rank={rank} "
                f"world={world}; allowed: batch_size >= 1, workers >= 0, seed >= 0, "
                "0 <= rank < world"
            )
        self.dataset, self.batch_size, self.train, self.seed = dataset, batch_size, train, seed
        self.augment = train and augment
        self.rank, self.world, self.workers = rank, world, workers
        self.stride = batch_size * world
        whole, rest = divmod(len(dataset), self.stride)
        self.batches = whole if train or rest == 0 else whole + 1
        if self.batches == 0:
            raise UserError(
                f"data.batch_size={batch_size} on {world} worker(s) needs {self.stride} images, "
                f"{dataset.name} has {len(dataset)}; "
                f"set data.batch_size to {max(1, len(dataset) // world)} or less"
            )

    def __len__(self) -> int:
        """Batches per epoch, the same on every rank."""
        return self.batches

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of one epoch (counted from 0), from `first` on, read ahead by at most 2 * workers.

        An error in a thread is raised here, in its batch's turn. The threads live as long as the
        iterator: leaving the loop early (or `close()`) ends them.
        """
        order = self.order(epoch)
        numbers = range(first, len(self))
        if self.workers == 0:
            for number in numbers:
                yield self.batch(epoch, order, number)
            return
        # These threads are the parallelism; OpenCV's own would only fight them for cores.
        single = {"initializer": cv2.setNumThreads, "initargs": (0,)}
        pool = ThreadPoolExecutor(self.workers, THREAD_NAME, **single)
        ahead: deque[Future[Batch]] = deque()
        try:
            for number in numbers:
                ahead.append(pool.submit(self.batch, epoch, order, number))
                if len(ahead) > 2 * self.workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def order(self, epoch: int) -> np.ndarray:
        """int64 [N]: the samples in this epoch's order, before the ranks divide them."""
        if not self.train:
            return np.arange(len(self.dataset))
        rng = np.random.default_rng([self.seed, epoch, ORDER_STREAM])
        return rng.permutation(len(self.dataset))

    def batch(self, epoch: int, order: np.ndarray, number: int) -> Batch:
        """This rank's rows of global batch `number`."""
        row = self.rank * self.batch_size
        start = number * self.stride + row
        index = order[np.arange(start, start + self.batch_size) % len(order)]
        draws = None
        if self.augment:
            rng = np.random.default_rng([self.seed, epoch, AUGMENT_STREAM, number])
            draws = rng.random((self.stride, self.dataset.draws))[row : row + self.batch_size]
        return Batch(
            images=self.dataset.batch(index, draws),
            labels=self.dataset.labels[index],
            index=index,
            valid=min(max(len(order) - start, 0), self.batch_size),
        )
