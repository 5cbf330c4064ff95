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
# Export a run's best checkpoint into RUN/export.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

usage() {
  echo "usage: bash scripts/run_export.sh RUN [FORMAT]"
  echo "RUN: a folder in runs/      FORMAT: mindir (default), int or onnx"
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  usage
  exit
fi
if (($# < 1 || $# > 2)); then refuse "one run and at most one format are taken"; fi
old_run "$1"

use_python requirements.txt
exec "$PY" export.py --run "$RUN" --format "${2:-mindir}"
