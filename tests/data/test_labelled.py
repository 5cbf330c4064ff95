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
"""A labelled test set for an exported network: the pictures that its training left out."""

import pytest

from src.data.labelled import load_test
from src.errors import UserError

NOTES = {
    "data": "image_folder", "classes": ["a", "b"], "image_size": 8, "mean": [0.5] * 3, "std": [0.5] * 3,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for name in NOTES["classes"]:
        (tmp_path / name).mkdir()
        for i in range(10):
            (tmp_path / name / f"{i}.jpg").touch()
    return str(tmp_path)


@pytest.mark.parametrize(
    ("config", "images"),
    [({"data": {"test_split": 0.5}}, 10), ({"data": {"test_split": "0.5"}}, 4), (None, 4), ({"data": 3}, 4)],
)
def test_of_class_folders_alone_the_share_of_its_own_training(folder, config, images):
    assert len(load_test("image_folder", folder, NOTES | {"config": config}, "it")) == images


def test_other_classes_are_refused(folder):
    with pytest.raises(UserError, match="it was trained for 2 classes of image_folder; .* names them otherwise"):
        load_test("image_folder", folder, NOTES | {"classes": ["a", "c"]}, "it")
