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
"""Dynamic quantization for MindSpore. `src/README.md` is the map of this package."""

import os
import platform
import signal
import sys
from pathlib import Path

# All of this must be in place before MindSpore starts, so it lives where every import of ours passes.
# On x86-64 CPUs with AVX-512 MindSpore 2.10 runs 3x3 convolutions through oneDNN's reference loop,
# 50 to 100 times slower than its AVX2 kernels; `src/runtime.py` logs which setting is in force.
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
os.environ.setdefault("GLOG_v", "3")  # errors only: MindSpore's warnings drown the progress line
# While libraries load nothing is at stake, and some end in an abort when Ctrl-C raises an exception in
# their midst: there the signal just ends a script. `src/entry.py` listens to it from its start on.
_SCRIPT = Path(sys.argv[0]).resolve()
if _SCRIPT.is_file() and _SCRIPT.parent == Path(__file__).resolve().parents[1]:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
