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
"""What another library's exception says, in one line of ours."""

import numpy as np
import pytest

from src.errors import reason


@pytest.mark.parametrize(
    "error, said",
    [
        (ValueError("  a line\nand another"), "a line"),
        (KeyError(), "KeyError"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (ValueError("x" * 300), "x" * 300),
        (ValueError("x" * 301), "x" * 296 + " ..."),
    ],
)
def test_what_another_librarys_exception_says(error, said):
    assert reason(error) == said


def test_an_archive_that_quotes_itself(tmp_path):
    """zipfile shows all bytes that a damaged header takes for a name."""
    path = tmp_path / "weights.npz"
    np.savez(path, **{"conv1.weight": np.zeros(4000, np.uint8)})
    content = bytearray(path.read_bytes())
    content[26:28] = (3000).to_bytes(2, "little")  # the length of a member's name
    path.write_bytes(content)
    with pytest.raises(Exception, match="differ") as error, np.load(path) as archive:
        archive["conv1.weight"]
    assert len(str(error.value)) > 3000
    assert len(reason(error.value)) == 300
