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
"""`config/default.yaml`, made from the sections: `python -m src.default_file` writes it."""

import argparse
import dataclasses
import math
import sys

import yaml

from src.config import choices_of, sections
from src.entry import guarded
from src.files import whole_file
from src.recipes import DEFAULT_FILE

HEADER = """\
# Every key with its default, in the order in which an image and then a training run meet them.
# A recipe (the other files here) holds only what differs; `key=value` on the command line wins.
# A path may begin with ~, the home folder.
"""
COMMENTS = 26  # comments begin after this column, where the value leaves room


def default_text() -> str:
    """What the file holds: every section, every key with its default and its comment."""
    return "\n".join([HEADER, *map(_section, sections())])


def _section(name: str) -> str:
    section = sections()[name]
    values = dataclasses.asdict(section())
    lines = [f"{name}:"]
    for item in dataclasses.fields(section):
        comment = item.metadata["comment"]
        choices = choices_of(f"{name}.{item.name}")
        if choices is not None:
            comment = comment.replace("{choices}", " | ".join(choices))
        value = f"  {item.name}: {_as_yaml(values[item.name])}"
        lines.append(f"{value.ljust(COMMENTS)} # {comment}")
    return "\n".join(lines) + "\n"


def _as_yaml(value) -> str:
    """On one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf)
    return text.removesuffix("...\n").strip()


def main(arguments: list[str]) -> int:
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    with whole_file(DEFAULT_FILE) as file:
        file.write_text(default_text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
