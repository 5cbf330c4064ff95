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
"""The files speak of the project alone: no paths of one machine, no hosts of package registries."""

import re

import pytest

from tests.project.files import project_files, relative

# Put together from pieces, so that this file does not hold what it looks for.
PIECES = [
    ("/wor", "k/"),
    ("/far", "m/"),
    ("/hom", r"e/\w"),
    ("/roo", "t/"),
    ("/tm", r"p/(venv|design|cifar10)\b"),
    (r"\.\./", r"shared\b"),
    (r"(?<!\w)\.libr", r"ary\b"),
    ("pythonho", "sted"),
    ("pypi", r"\.org"),
    ("registry", r"\.npmjs"),
    ("deb", r"\.debian"),
]
FORBIDDEN = re.compile("|".join(first + second for first, second in PIECES))
# The one file that may look beside the checkout for data and weights.
EXEMPT = {".ci/run"}


def test_no_machine_paths_and_registry_hosts():
    found = []
    for path in project_files():
        if relative(path) in EXEMPT:
            continue
        lines = path.read_bytes().decode("utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines, start=1):
            if FORBIDDEN.search(line):
                found.append(f"{relative(path)}:{number}: {line.strip()[:100]}")
    assert not found, "lines that do not speak of the project alone:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "cd /wor" + "k/main",
        "https://pypi" + ".org/simple",
        "../sha" + "red/data",
        "/hom" + "e/me",
        "/tm" + "p/venv/bin",
        "see .libr" + "ary/README",
    ],
)
def test_the_pattern_sees(line):
    assert FORBIDDEN.search(line)


@pytest.mark.parametrize(
    "line", ["framework/core", "work on /data", "shared by all", "/tmp/x", "a.library()"]
)
def test_the_pattern_lets_pass(line):
    assert not FORBIDDEN.search(line)
