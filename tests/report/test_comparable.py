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
"""Which runs are compared with which, and what is said against it."""

import json

import numpy as np
import pytest

from src.report.comparable import Entry, groups, objections
from src.report.load import load_run
from tests.report.fake_run import Fake, write_run


@pytest.fixture
def entry(tmp_path):
    def write(number, labels=None, **values) -> Entry:
        folder = write_run(tmp_path / f"run{number}", Fake(**{"images": 40, "dynamic": 2, **values}), labels)
        return Entry(number, load_run(folder))

    return write


def grouped(*entries) -> list[list[int]]:
    return [[entry.number for entry in group.entries] for group in groups(entries)]


def titles(*entries) -> list[str]:
    return [title for title, _ in objections(groups(entries))]


def test_runs_on_the_same_images_are_a_group_and_nothing_stands_against_it(entry):
    first, second = entry(1), entry(2, method="static", dynamic=0)
    assert grouped(first, second) == [[1, 2]] and titles(first, second) == []


def test_other_data_other_images_and_other_folders_are_apart(entry):
    some = np.arange(40) % 10
    fewer = entry(4, np.arange(30) % 10, images=30)
    entries = [entry(1, some), entry(2, some, data="cifar10"), entry(3, some[::-1]), fewer]
    assert grouped(*entries) == [[1], [2], [3], [4]]
    assert titles(*entries) == [
        "These runs are on different data sets:",
        "Not all runs on digits answered the same test images:",
    ]
    said = dict(objections(groups(entries)))
    assert "run 1 on 40; run 3 on 40; run 4 on 30" in said["Not all runs on digits answered the same test images:"]
    for start, data in ((5, "image_folder"), (8, "arrays")):
        own = [entry(start + n, some, data=data, data_path=f"/x/{name}") for n, name in enumerate("aba")]
        assert grouped(*own) == [[start, start + 2], [start + 1]]


def test_a_shorter_training_is_told(entry):
    some = np.arange(40) % 10
    entries = [entry(1, some), entry(2, some, epochs=6), entry(3, some, pretrain=0)]
    ((title, text),) = objections(groups(entries))
    assert title == "These runs were not trained equally long:"
    assert text.startswith("24 epochs after 6 in float (run 1); 6 epochs after 6 in float (run 2); 24 epochs (run 3).")
    elsewhere = entry(4, some, data="cifar10", epochs=6)  # no comparison, so no objection to its length
    assert "These runs on digits were not trained equally long:" in titles(*entries, elsewhere)
    assert "on cifar10 were" not in " ".join(titles(*entries, elsewhere))


def test_a_new_classifier_that_learned_alone_is_no_longer_training(entry):
    entries = [entry(1), entry(2)]
    stages = entries[1].run.metrics.stage
    stages[:0] = ["head"] * 4
    assert entries[1].trained == entries[0].trained == (6, 24) and titles(*entries) == []


def test_a_run_without_training_has_no_epochs(entry):
    untrained = entry(1)
    untrained.run.metrics = None
    untrained.run.config["train"]["epochs"] = 0
    assert untrained.training == "no training"


def test_without_answers_nothing_is_tested(entry, tmp_path):
    entries = [entry(1), entry(2)]
    (tmp_path / "run2/eval/test.npz").unlink()
    entries[1] = Entry(2, load_run(tmp_path / "run2"))
    assert grouped(*entries) == [[1], [2]]
    assert titles(*entries) == ["Answers to single images are missing:"]


def test_class_names_come_from_any_run_that_tells_them_else_from_the_data_set(entry, tmp_path):
    entries = [entry(1, data="image_folder"), entry(2, data="image_folder"), entry(3)]
    file = tmp_path / "run2/eval/test.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"classes": {"fig": {}, "pear": {}}}))
    entries[1] = Entry(2, load_run(tmp_path / "run2"))
    photos, digits = groups(entries)
    assert photos.names == ["fig", "pear"] and digits.names == list("0123456789")
