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
"""Order, shards, padding, determinism and threads of the loader."""

import threading
import time

import numpy as np
import pytest

from src.data import Loader, load
from src.data.dataset import ArrayDataset, Facts
from src.data.loader import THREAD_NAME
from src.errors import UserError


def numbered(n: int) -> ArrayDataset:
    """Image i is filled with i; augmentation adds floor(100 * draw), so its draws can be read."""
    images = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 3, 2, 2))
    facts = Facts("numbered", ("even", "odd"), np.zeros(3), np.full(3, 1 / 255))

    def augment(pixels, draws):
        return pixels + (100 * draws[:, :1, None, None]).astype(np.uint8)

    return ArrayDataset(facts, images.copy(), np.arange(n) % 2, augment, draws=1)


def threads_left() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith(THREAD_NAME)]


def same(one, other) -> bool:
    return all(
        np.array_equal(getattr(one, field), getattr(other, field))
        for field in ("images", "labels", "index", "valid")
    )


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("train", [True, False])
def test_the_number_of_threads_changes_nothing(workers, train):
    dataset = load("digits", None, "test")
    slow = list(Loader(dataset, 32, train=train, seed=4, workers=0).epoch(3))
    fast = list(Loader(dataset, 32, train=train, seed=4, workers=workers).epoch(3))
    assert len(slow) == len(fast) == (11 if train else 12)
    assert all(same(one, other) for one, other in zip(slow, fast, strict=True))


def test_types_shapes_and_labels():
    batch = next(Loader(load("digits", None, "train"), 7, train=True).epoch(0))
    assert batch.images.shape == (7, 3, 32, 32) and batch.images.dtype == np.float32
    assert batch.labels.dtype == np.int32 and batch.index.dtype == np.int64
    assert isinstance(batch.valid, int) and batch.valid == 7


@pytest.mark.parametrize("world", [1, 2, 3])
def test_ranks_joined_are_the_batch_of_one_worker(world):
    dataset = numbered(50)
    whole = list(Loader(dataset, 4 * world, train=True, seed=2).epoch(1))
    ranks = [
        list(Loader(dataset, 4, train=True, seed=2, rank=rank, world=world).epoch(1))
        for rank in range(world)
    ]
    assert len(whole) == 50 // (4 * world)
    for number, batch in enumerate(whole):
        for field in ("images", "labels", "index"):
            joined = np.concatenate([getattr(rank[number], field) for rank in ranks])
            np.testing.assert_array_equal(joined, getattr(batch, field))


def test_an_epoch_of_training_has_each_sample_once_and_drops_another_rest_each_time():
    loader = Loader(numbered(50), 8, train=True, seed=1)
    seen = [np.concatenate([b.index for b in loader.epoch(epoch)]) for epoch in (0, 1)]
    for index in seen:
        assert len(index) == len(set(index)) == 48
    assert set(range(50)) - set(seen[0]) != set(range(50)) - set(seen[1])
    assert seen[0].tolist() != sorted(seen[0]) and seen[0].tolist() != seen[1].tolist()


def test_labels_and_images_belong_to_the_index():
    dataset = numbered(50)
    for batch in Loader(dataset, 8, train=False).epoch(0):
        np.testing.assert_array_equal(batch.labels, batch.index % 2)
        np.testing.assert_allclose(batch.images[:, 0, 0, 0], batch.index, atol=1e-4)


def test_seed_and_epoch_decide_order_and_augmentation():
    dataset = numbered(64)

    def first(seed, epoch):
        return next(Loader(dataset, 64, train=True, seed=seed, workers=0).epoch(epoch))

    def draws(batch):
        return np.rint(batch.images[:, 0, 0, 0]).astype(int) - batch.index

    assert same(first(1, 0), first(1, 0))
    for other in (first(2, 0), first(1, 1)):
        assert other.index.tolist() != first(1, 0).index.tolist()
        assert draws(other).tolist() != draws(first(1, 0)).tolist()
    batches = list(Loader(dataset, 16, train=True, seed=1, workers=0).epoch(0))
    assert len({tuple(draws(batch)) for batch in batches}) == 4


@pytest.mark.parametrize(("n", "size", "world"), [(50, 8, 1), (50, 8, 3), (5, 8, 3), (48, 8, 2)])
def test_evaluation_covers_each_sample_once_over_all_ranks(n, size, world):
    dataset = numbered(n)
    ranks = [
        list(Loader(dataset, size, train=False, rank=rank, world=world).epoch(0))
        for rank in range(world)
    ]
    assert {len(rank) for rank in ranks} == {-(-n // (size * world))}
    counted = []
    for number in range(len(ranks[0])):
        for rank in ranks:
            batch = rank[number]
            assert batch.images.shape == (size, 3, 2, 2) and 0 <= batch.valid <= size
            assert batch.index.min() >= 0 and batch.index.max() < n
            counted += batch.index[: batch.valid].tolist()
    assert counted == list(range(n))  # in order, too


def test_padding_repeats_samples_from_the_beginning():
    last = list(Loader(numbered(10), 8, train=False).epoch(0))[-1]
    assert last.valid == 2 and last.index.tolist() == [8, 9, 0, 1, 2, 3, 4, 5]
    empty = list(Loader(numbered(5), 8, train=False, rank=2, world=3).epoch(0))
    assert [batch.valid for batch in empty] == [0]


class Failing(ArrayDataset):
    """Batches that hold sample 40 cannot be made; `tried` lists the first sample of each try."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.tried = []

    def pixels(self, indices, draws=None):
        self.tried.append(int(indices[0]))
        if 40 in indices:
            raise UserError("sample 40 is bad")
        return super().pixels(indices, draws)


def failing() -> Failing:
    base = numbered(200)
    return Failing(base.facts, base.images, base.labels, base.augment, base.draws)


def test_an_error_in_a_thread_arrives_in_its_batch_turn_and_ends_the_threads():
    got = []
    with pytest.raises(UserError, match="sample 40 is bad"):
        for batch in Loader(failing(), 8, train=False, workers=3).epoch(0):
            got.append(batch.index[0])
    assert got == [0, 8, 16, 24, 32]
    assert threads_left() == []


def test_leaving_early_leaves_no_threads_behind():
    for _ in Loader(numbered(200), 8, train=True, workers=3).epoch(0):
        assert len(threads_left()) >= 1
        break
    assert threads_left() == []
    iterator = Loader(numbered(200), 8, train=True, workers=3).epoch(0)
    next(iterator)
    iterator.close()
    assert threads_left() == []


def test_reading_ahead_is_bounded():
    dataset = failing()
    iterator = Loader(dataset, 1, train=False, workers=2).epoch(0)
    next(iterator)
    deadline = time.monotonic() + 10
    while len(dataset.tried) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert sorted(dataset.tried) == [0, 1, 2, 3, 4]  # the one handed over and 2 * workers more
    iterator.close()


@pytest.mark.parametrize(
    "wrong",
    [{"batch_size": 0}, {"workers": -1}, {"seed": -1}, {"rank": 2, "world": 2}, {"rank": -1}],
)
def test_values_out_of_range_are_refused(wrong):
    arguments = {"batch_size": 4, "train": True} | wrong
    with pytest.raises(UserError, match=f"{next(iter(wrong))}={next(iter(wrong.values()))}"):
        Loader(numbered(10), **arguments)


def test_a_batch_larger_than_the_training_set_is_refused():
    with pytest.raises(UserError, match=r"data\.batch_size=6 on 2 .* 12 images, .* 10; .* 5 or"):
        Loader(numbered(10), 6, train=True, world=2)


@pytest.mark.slow
def test_cifar10_batches_come_fast_enough(cifar10_path):
    """A ResNet-20 step of 128 takes 50 ms or more on a CPU; the data must be far below that."""
    loader = Loader(load("cifar10", str(cifar10_path), "train"), 128, train=True, workers=2)
    start, cpu = time.perf_counter(), time.process_time()
    count = sum(1 for _ in loader.epoch(0))
    assert count / (time.perf_counter() - start) > 60
    assert (time.process_time() - cpu) / count < 0.015
