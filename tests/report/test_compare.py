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
import re

import pytest

from src.errors import UserError
from src.report.compare import comparison_page, write_comparison
from src.report.load import load_run
from tests.report.fake_run import Fake, write_run


@pytest.fixture
def folders(tmp_path):
    return [
        write_run(tmp_path / "dynamic", Fake(images=80)),
        write_run(tmp_path / "static", Fake(method="static", dynamic=0, images=80)),
        write_run(tmp_path / "float", Fake(method="float", dynamic=0, images=80)),
    ]


def test_runs_are_sorted_by_bitops_and_numbered(folders):
    page = comparison_page([load_run(folder) for folder in folders])
    names = re.findall(r'<td class="num">(\d)</td><td>(\w+)</td>', page)
    assert names == [("1", "dynamic"), ("2", "static"), ("3", "float")]
    assert page.count("<circle") == 2  # the float run has no BitOPs
    assert "different data sets" not in page


def test_other_data_sets_are_called_out(tmp_path, folders):
    other = write_run(tmp_path / "other", Fake(data="cifar10", images=40))
    page = comparison_page([load_run(folder) for folder in [*folders, other]])
    assert "These runs are on different data sets:" in page


def test_a_run_without_evaluation_is_named(tmp_path, folders):
    (folders[0] / "eval/test.json").unlink()
    page = write_comparison(folders, tmp_path / "out" / "c.html").read_text()
    assert "<b>dynamic</b> is not evaluated." in page
    (folders[1] / "eval/test.json").unlink()
    with pytest.raises(UserError, match="at least two evaluated runs, found 1"):
        write_comparison(folders, tmp_path / "c.html")
