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
"""Which engine runs an artefact: the native one where there is one, else the oracle."""

import logging
from pathlib import Path

from src import kernels
from src.engine.artefact import load_artefact
from src.engine.native import Native
from src.engine.oracle import Oracle
from src.errors import UserError

LOG = logging.getLogger("dynquant")
ENGINES = ("auto", "native", "oracle")


def open_engine(path: Path, name: str = "auto", threads: int = 0):
    """An engine with the artefact `path` loaded, `run(images, plan=None, row=0)`.

    Args:
        name: native (C++), oracle (NumPy, slow), or auto: native where it can be built.
        threads: of the native engine; 0: DYNQUANT_NUM_THREADS, or all cores allowed.

    Raises:
        UserError: unknown name, threads below 0, native asked for but not to be had, or an
            artefact that is missing or damaged.
    """
    if name not in ENGINES:
        raise UserError(f"engine {name}: allowed are {', '.join(ENGINES)}")
    if threads < 0:
        raise UserError(f"--threads {threads}: must be at least 0")
    if name != "oracle" and kernels.available():
        kernels.set_threads(threads)
        return Native(path)
    if name == "native":
        raise UserError(
            "engine native cannot be built here (the line above says why); install g++, or use "
            "engine oracle"
        )
    if name == "auto":
        LOG.warning("no native engine here: the NumPy oracle runs instead, exact but slow")
    return Oracle(load_artefact(path))
