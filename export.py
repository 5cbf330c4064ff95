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
"""Export a trained network: `int` for infer.py, `mindir` for MindSpore and the 310, or `onnx`.

The file is loaded again and compared with the network on real images; the last line says how, and
after --config where the `weights` came from (`random` without model.weights).
"""

import argparse
import json
import sys

from src.deploy.arguments import parse as arguments_of
from src.deploy.options import check_options
from src.entry import guarded
from src.exports import export
from src.next_step import say_next


def parse(arguments: list[str]) -> argparse.Namespace:
    return arguments_of(arguments, __doc__.splitlines()[0])


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    check_options(options)
    row = export(options)
    print(json.dumps(row))
    if options.format == "int":
        say_next("infer.py", "--model", row["file"], to_fill_in="IMAGE...")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
