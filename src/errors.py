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
"""The one exception a user sees: its text names the thing that is wrong and the way out."""


class UserError(Exception):
    """Bad input. Entry scripts print it as `error: ...` and exit with code 2, without a traceback."""


_LONGEST = 300


def reason(error: Exception) -> str:
    """What another library's exception says, for a line of ours: its first line, or its type where it says nothing,
    up to 300 characters (a damaged archive is quoted byte for byte)."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= _LONGEST else f"{lines[0][: _LONGEST - 4]} ..."
