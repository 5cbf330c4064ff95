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
"""Paths as a user types them."""

from pathlib import Path

from src.errors import UserError


def expand_home(text: str) -> str:
    """`text` with a leading `~` or `~NAME` as that home folder, which a shell leaves standing in
    `key=~/x` and `--option=~/x`.

    Raises:
        UserError: nobody has such a home folder.
    """
    if not text.startswith("~"):
        return text
    try:
        return str(Path(text).expanduser())
    except RuntimeError as error:
        raise UserError(
            f"{text}: there is no such home folder; write ./{text} if the name begins with ~"
        ) from error


def as_path(text: str) -> Path:
    """The path that a command line names: `type=as_path` of an argument."""
    return Path(expand_home(text))
