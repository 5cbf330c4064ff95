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
"""Every code file starts with the same Apache header; the licence text is whole."""

import pytest

from tests.project.files import ROOT, project_files, relative

HEADER = """\
Copyright 2026 The Dynamic Quantization for MindSpore Authors

Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License at

    http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS,
WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
See the License for the specific language governing permissions and
limitations under the License.
"""
COMMENT = {".py": "#", ".sh": "#", ".cc": "//", ".h": "//", "": "#"}


def has_header(text: str, mark: str) -> bool:
    """Whether the text starts with the header as comments; a `#!` line may stand before it."""
    lines = text.splitlines()
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
    expected = [f"{mark} {line}".rstrip() for line in HEADER.splitlines()]
    return lines[: len(expected)] == expected


def test_every_code_file_has_the_header():
    files = [*project_files(".py", ".sh", ".cc", ".h"), *project_files("run", under=".ci/")]
    missing = [
        relative(path)
        for path in files
        if not has_header(path.read_text(encoding="utf-8"), COMMENT[path.suffix])
    ]
    assert not missing, f"the Apache header is missing or differs in: {', '.join(missing)}"


@pytest.mark.parametrize("mark", ["#", "//"])
def test_a_header_with_another_year_or_a_missing_line_is_seen(mark):
    good = "\n".join(f"{mark} {line}".rstrip() for line in HEADER.splitlines()) + "\ncode\n"
    assert has_header(good, mark)
    assert has_header("#!/usr/bin/env bash\n" + good, mark)
    assert not has_header(good.replace("2026", "2025"), mark)
    assert not has_header(good.replace(f"{mark} limitations under the License.\n", ""), mark)
    assert not has_header("code\n" + good, mark)


def test_licence_is_the_whole_apache_text():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert all(f"\n   {number}. " in text for number in range(1, 10))
    assert "END OF TERMS AND CONDITIONS" in text
