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
"""An artefact, ready to answer."""

import numpy as np
import pytest

from src.engine.artefact import save_artefact
from src.engine.load import load
from src.engine.oracle import Oracle
from src.engine.wish import Wish
from src.errors import UserError
from tests.engine.programs import nested, pixels


@pytest.fixture
def path(tmp_path):
    program = nested()
    program.notes = {"exponent": 19, "data": "digits", "classes": ["a", "b"]}
    save_artefact(program, tmp_path / "net.safetensors")
    return tmp_path / "net.safetensors"


def test_it_answers_with_the_engine_asked_for(path):
    net, images = load(str(path), "oracle"), pixels(nested(), 3)
    logits, plan = Oracle(nested()).run(images)
    assert isinstance(net.engine, Oracle) and (net.size, net.data, net.classes) == (8, "digits", ["a", "b"])
    assert [answer.index for answer in net(images)] == logits.argmax(1).tolist()
    np.testing.assert_array_equal(net.logits(images), logits / 2.0**19)
    assert [answer.w_bits for answer in net(images)] == np.array([2, 4, 8])[plan[:, :, 0]].tolist()


def test_it_grants_a_wish(path):
    net = load(path, "oracle", wish=Wish(bits=4))
    assert all(answer.w_bits == [4, 4, 4] for answer in net(pixels(nested(), 2)))


def test_a_missing_file_is_told(path):
    with pytest.raises(UserError, match="nowhere"):
        load(path.with_name("nowhere.safetensors"))


@pytest.mark.parametrize(
    "shape, dtype",
    [((1, 3, 8, 8), np.float32), ((1, 8, 8, 3), np.uint8), ((3, 8, 8), np.uint8), ((0, 3, 8, 8), np.uint8)],
)
def test_images_that_do_not_fit_are_refused_in_one_line(shape, dtype, path):
    net, images = load(path, "oracle"), np.zeros(shape, dtype)
    for call in (net, net.logits):
        with pytest.raises(UserError, match=r"takes uint8 \(N, 3, 8, 8\), RGB, N at least 1"):
            call(images)
