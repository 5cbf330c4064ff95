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
"""`python -m src.deploy.mindir.run_file FILE BATCHES.npy OUTPUTS.npz`: run a MINDIR on (batches, N, 3, S, S);
each output is stacked likewise."""

import sys
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor

from src.deploy.graph_files import load_graph


def main(path: str, batches: str, result: str) -> None:
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    network = load_graph(Path(path))
    answers = [_outputs(network(Tensor(batch))) for batch in np.load(batches)]
    np.savez(result, *map(np.stack, zip(*answers, strict=True)))


def _outputs(made: Tensor | tuple) -> list[np.ndarray]:
    return [output.asnumpy() for output in (made if isinstance(made, tuple) else (made,))]


if __name__ == "__main__":
    main(*sys.argv[1:])
