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
"""Which images train, which judge the epochs, and which are kept for the end: digits throughout."""

import numpy as np
import pytest

from src.config import load_config
from src.data import load
from src.errors import UserError
from src.runtime import Runtime
from src.train.batches import eval_loader, load_split, open_loaders

SMALL = ["data.image_size=8", "data.batch_size=32", "data.eval_batch_size=64"]


def loaders(*overrides, runtime: Runtime | None = None):
    config = load_config(None, [*SMALL, *overrides])
    return open_loaders(config, runtime or Runtime("CPU"), load_split(config, "train"))


def pictures(dataset) -> list[tuple[bytes, int]]:
    """Each image with its label, to compare sets of samples."""
    rows = zip(dataset.images, dataset.labels, strict=True)
    return sorted((image.tobytes(), int(label)) for image, label in rows)


def test_held_out_images_judge_and_neither_train_nor_test():
    found = loaders("data.val_split=0.2", "train.seed=3")
    assert found.held_out
    trained, judged = pictures(found.train.dataset), pictures(found.judge.dataset)
    whole, test = (load("digits", None, part, image_size=8) for part in ("train", "test"))
    assert sorted(trained + judged) == pictures(whole)
    assert len(judged) == 288 and judged != pictures(test)
    shares = np.bincount(found.judge.dataset.labels) / np.bincount(whole.labels)
    assert abs(shares - 0.2).max() < 0.5 / np.bincount(whole.labels).min() + 1e-9


def test_the_seed_of_the_run_picks_them():
    chosen = {}
    for seed in (1, 2):
        found = loaders("data.val_split=0.2", f"train.seed={seed}")
        chosen[seed] = pictures(found.judge.dataset)
        expected = load("digits", None, "val", image_size=8, val_split=0.2, seed=seed)
        assert chosen[seed] == pictures(expected)
        left = load("digits", None, "train", image_size=8, val_split=0.2, seed=seed)
        assert pictures(found.train.dataset) == pictures(left)
    assert chosen[1] != chosen[2]


def test_without_a_held_out_part_the_test_set_judges_and_that_is_said():
    found = loaders()
    assert not found.held_out
    assert pictures(found.judge.dataset) == pictures(load("digits", None, "test", image_size=8))
    assert len(found.train.dataset) == 1442


def test_training_is_shuffled_and_augmented_and_judging_is_neither():
    found = loaders("data.val_split=0.2")
    first, second = (next(iter(found.train.epoch(epoch))) for epoch in (1, 2))
    assert not np.array_equal(first.index, second.index)
    plain = found.train.dataset.batch(first.index)
    assert not np.array_equal(first.images, plain)
    batches = list(found.judge.epoch(0))
    seen = np.concatenate([batch.index[: batch.valid] for batch in batches])
    np.testing.assert_array_equal(seen, np.arange(288))
    np.testing.assert_array_equal(batches[0].images, found.judge.dataset.batch(batches[0].index))


def test_workers_share_each_split():
    parts = [loaders(runtime=Runtime("CPU", rank=rank, workers=2)) for rank in (0, 1)]
    for which in ("train", "judge"):
        one, other = (list(getattr(part, which).epoch(0)) for part in parts)
        index = [np.concatenate([batch.index[: batch.valid] for batch in half]) for half in (one, other)]
        assert not set(index[0]) & set(index[1])
        assert len(index[0]) + len(index[1]) == {"train": 1408, "judge": 355}[which]


def test_the_configured_statistics_are_used():
    config = load_config(None, [*SMALL, "data.mean=[0, 0, 0]", "data.std=[1, 1, 1]"])
    test = load_split(config, "test")
    np.testing.assert_allclose(test.batch(np.arange(2)), test.images[:2] / 255.0, atol=1e-6)
    assert len(eval_loader(config, Runtime("CPU"), test)) == 6  # 355 images by 64


def test_more_workers_than_images_are_refused():
    with pytest.raises(UserError, match=r"data\.batch_size=800 on 2 worker\(s\) is more than the 1442"):
        loaders("data.batch_size=800", runtime=Runtime("CPU", workers=2))


@pytest.mark.parametrize(
    ("overrides", "share"),
    [
        (["data.name=image_folder", "data.path=FOLDER"], 0.1), (["data.name=digits"], 0.0),
        (["data.name=image_folder", "data.path=FOLDER", "data.val_split=0"], 0.0),
    ],
)  # fmt: skip
def test_of_own_pictures_a_tenth_is_held_out_unless_it_is_said(overrides, share):
    assert load_config(None, overrides).data.val_split == share


def test_a_single_class_is_refused(tmp_path):
    for part in ("train", "val"):
        (tmp_path / part / "cat").mkdir(parents=True)
        for i in range(40):
            (tmp_path / part / "cat" / f"{i}.jpg").touch()
    with pytest.raises(UserError, match=r"data\.path=.* holds one class, cat: .* two or more"):
        loaders("data.name=image_folder", f"data.path={tmp_path}")
