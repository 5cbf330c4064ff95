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
"""The list of breaks fits the project as it is, and the verdicts are what they say."""

import pytest

from tests.mutations import run
from tests.mutations.breaks import BREAKS
from tests.mutations.one_break import Break
from tests.mutations.run import CAUGHT, SURVIVED, UNFIT, broken, judged
from tests.project.files import ROOT


def test_every_break_has_one_place_and_tests_that_are_there():
    assert len(BREAKS) >= 60 and len(set(BREAKS)) == len(BREAKS)
    for one in BREAKS:
        text = (ROOT / one.file).read_text(encoding="utf-8")
        assert text.count(one.old) == 1, f"{one.file}: {one.old}"
        assert "\n" not in one.old + one.new and one.old != one.new
        changed = text.replace(one.old, one.new)
        compile(changed, one.file, "exec")
        missing = [test for test in one.tests if not (ROOT / test.partition("::")[0]).exists()]
        assert one.tests and not missing, missing


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "sum.py").write_text("def add(a, b):\n    return a + b\n")
    (tmp_path / "test_sum.py").write_text("from sum import add\n\n\ndef test_add():\n    assert add(2, 2) == 4\n")
    return tmp_path


@pytest.mark.parametrize(
    "old, new, verdict",
    [
        ("a + b", "a - b", CAUGHT), ("a + b", "a * b", SURVIVED),
        pytest.param("def add", "def added", UNFIT, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_verdicts(tree, old, new, verdict):
    before = (tree / "sum.py").read_text()
    assert judged(tree, Break("sum.py", old, new, ("test_sum.py",))) == verdict
    assert (tree / "sum.py").read_text() == before


@pytest.mark.slow
def test_an_endless_loop_is_seen(tree, monkeypatch):
    monkeypatch.setattr(run, "LONGEST", 3)
    endless = Break("sum.py", "return a + b", "return sum(1 for _ in iter(int, 1))", ("test_sum.py",))
    assert judged(tree, endless) == CAUGHT


def test_a_break_that_fits_nowhere_or_twice_is_refused(tree):
    for old in ("a - b", "a"):
        with pytest.raises(ValueError, match="places for the break"), broken(tree, Break("sum.py", old, "x", ())):
            pass
