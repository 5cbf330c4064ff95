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
import os

import pytest

from src.printable import printable


@pytest.mark.parametrize(
    "text, shown",
    [
        ("cat", "cat"),
        ("größe 猫 \N{CAT FACE}\u00a0x", "größe 猫 \N{CAT FACE}\u00a0x"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[2J\x07\x9b", "\\x1b[2J\\x07\\x9b"),
        (os.fsdecode(b"caf\xe9"), "caf\\udce9"),
        ("a\u2028b\u2029", "a\\u2028b\\u2029"),
        ("gpj.\u202egnp", "gpj.\\u202egnp"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),  # a joiner that spelling needs
        (5, "5"),
    ],
)
def test_what_is_shown(text, shown):
    assert printable(text) == shown
    printable(text).encode()
