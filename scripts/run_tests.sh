#!/usr/bin/env bash
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
# Set up and run the tests; arguments go to pytest (default: everything that is not slow).
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  echo "usage: bash scripts/run_tests.sh [pytest arguments]      default: -m \"not slow\", several processes"
  exit
fi
# A file's tests stay in one process. Most of the time MindSpore compiles, on one core; each process
# takes up to 2 GB. In the order of tests/conftest.py: xdist's own has files of few tests, the long ones, last.
if (($# == 0)); then
  set -- -m "not slow" -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
fi

use_python requirements.txt requirements-onnx.txt requirements-dev.txt
exec "$PY" -m pytest "$@"
