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
"""Checks of what the command line of a benchmark says, shared by all of them."""

from src.errors import UserError


def check_at_least(option: str, value: int, low: int) -> None:
    """UserError: the value of an option is too small."""
    if value < low:
        raise UserError(f"{option} {value}: must be at least {low}")


def check_words(option: str, values: list[str], allowed: tuple[str, ...]) -> None:
    """UserError: an option has a word that is not among the allowed ones."""
    for value in values:
        if value not in allowed:
            raise UserError(f"{option} {value}: allowed are {', '.join(allowed)}")
