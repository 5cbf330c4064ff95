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
"""Text from outside (file names, notes of a file, names of classes) as it may be shown in a line.

Such text can hold anything: a newline that forges a line of output, codes that rewrite a terminal, marks
that turn the direction of writing, bytes of a file name that are no UTF-8 (Python holds them as single
surrogates, which no encoding takes).
"""

import unicodedata

# Control characters, surrogates, ends of line and of paragraph.
_ESCAPED = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTION = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(value: object) -> str:
    """`value` as text of one line, with escapes (\\n, \\x1b, \\udcff) for what must not be shown as it is."""
    text = str(value)
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if unicodedata.category(character) in _ESCAPED or character in _DIRECTION:
        return character.encode("unicode_escape").decode("ascii")
    return character
