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
"""Bundles in the real MindSpore Lite, on the CPU: the answers of the network, and clear failures.

LITE_HOME names MindSpore Lite (scripts/get_mindspore_lite.sh); without it these tests are skipped.
"""

import pytest

from tests.ascend310.bundles import (
    NETWORKS,
    QUICK,
    assert_answers,
    assert_rungs,
    copy_as_version_1,
    flags,
    made,
    made_in_rungs,
)
from tests.ascend310.program import assert_one_error


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A bundle of version 3 that tests may copy."""
    folder = tmp_path_factory.mktemp("quick")
    return made(QUICK, folder, 3)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n == QUICK else pytest.mark.slow) for n in NETWORKS],
)
def test_the_networks_answers(name, lite, quick, tmp_path):
    if name == QUICK:
        folder, (expected, plan) = copy_as_version_1(quick[0], tmp_path / "copy"), quick[1:]
    else:
        folder, expected, plan = made(name, tmp_path / "made", 1)
    for mode in ("stages",) if plan is None else ("stages", "single"):
        done = lite(tmp_path, *flags(folder, "CPU", f"--mode={mode}"))
        assert done.returncode == 0, done.stderr
        assert_answers(folder, tmp_path, expected, plan)


def test_a_network_that_escalates(lite, tmp_path):
    """By its usual setting, which has all rungs, and by a budget that allows the lowest alone."""
    folder, expected, ladder = made_in_rungs(tmp_path / "made", 1)
    done = lite(tmp_path, *flags(folder))
    assert done.returncode == 0, done.stderr
    assert_rungs(folder, tmp_path, expected, ladder, ladder.rows[-1])
    done = lite(tmp_path, *flags(folder, "CPU", f"--budget={ladder.rows[0].bitops}"))
    assert done.returncode == 0, done.stderr
    assert_rungs(folder, tmp_path, expected, ladder, ladder.rows[0])
    assert_one_error(lite(tmp_path, *flags(folder, "CPU", "--budget=1k")), 1, "--budget", "allow at least that")


def test_version_3_on_an_old_lite_names_the_flag(lite, quick, tmp_path):
    assert_one_error(lite(tmp_path, *flags(quick[0])), 1, "--mindir-version 1", ".mindir")


def test_ascend_without_cann(lite, quick, tmp_path):
    assert_one_error(lite(tmp_path, *flags(quick[0], "Ascend")), 1, "Ascend", "CANN")


@pytest.mark.parametrize("size", [0, 1000])
def test_a_truncated_file_is_named(size, lite, quick, tmp_path):
    folder = copy_as_version_1(quick[0], tmp_path / "copy")
    path = folder / "bundle" / "fc.mindir"
    path.write_bytes(path.read_bytes()[:size])
    assert_one_error(lite(tmp_path, *flags(folder)), 1, "fc.mindir")


def test_swapped_files_are_found(lite, quick, tmp_path):
    folder = copy_as_version_1(quick[0], tmp_path / "copy")
    path = folder / "bundle" / "fc.mindir"
    path.write_bytes((folder / "bundle" / "front.mindir").read_bytes())
    assert_one_error(lite(tmp_path, *flags(folder)), 1, "fc.mindir", "floats")
