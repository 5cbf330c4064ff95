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
import json

import pytest

from src.engine.artefact import parse_artefact
from tests.engine.files import parts_of
from tests.engine.programs import static

GOOD = {
    "model": "resnet8", "method": "dqt", "data": "digits", "classes": ["a", "b"], "image_size": 32,
    "mean": [0.5, 0, 1], "std": [0.2, 0.2, 1], "exponent": -3, "layers": {"0": "conv1"},
    "scales": {"conv1": {"weights": [[0.1, 0.2], [1]], "inputs": 3}}, "widths": [2, 8],
    "config": {"x": None}, "other": [1.5, True],
}  # fmt: skip
ODD = {
    "model": [None, 3],
    "method": [["dqt"]],
    "data": [5],
    "classes": [5, "abc", [1], {"0": "a"}, None, [["a"]]],
    "image_size": [0, "32", 32.0, True, 2**40],
    "mean": [[0.5, 0.5], 0.5, ["a", "b", "c"], [True] * 3, [10**400] * 3],
    "std": [None, [[1, 1, 1]]],
    "exponent": ["19", 1.5, 63, True, None],
    "layers": [["conv1"], {"x": "conv1"}, {"0": 5}, {"9" * 5000: "conv1"}],
    "scales": [[1], {"a": 1}, {"a": {"weights": [1]}}, {"a": {"weights": ["b"], "inputs": 1}},
               {"a": {"weights": [[[1]]], "inputs": 1}}],
    "widths": [5, ["2"], [0], [9]],
    "looks": [1, "no", None],
    "rows_of_choices": [0, [-1], [True], [None]],
}  # fmt: skip


def artefact(notes: str) -> bytes:
    parts = parts_of(static())
    parts.notes = notes
    return bytes(parts)


def test_notes_that_export_writes_are_taken():
    assert parse_artefact(artefact(json.dumps(GOOD))).notes == GOOD


@pytest.mark.parametrize("key, value", [(key, value) for key in ODD for value in ODD[key]])
def test_odd_notes_are_refused_when_the_file_is_loaded(key, value):
    with pytest.raises(ValueError, match=f"the notes' {key} must be .*, not "):
        parse_artefact(artefact(json.dumps(GOOD | {key: value})))


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_what_no_json_has_is_refused(number):
    """Else `--json` would print it again."""
    with pytest.raises(ValueError, match=f"the notes hold {number}"):
        parse_artefact(artefact(f'{{"other": [{number}]}}'))
