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
  echo "usage: bash scripts/run_export.sh RUN [FORMAT [export.py option ...]]"
  echo "RUN: a folder in runs/      FORMAT: mindir (default), int or onnx"
  echo "options: --bundle [--mindir-version 1] for the 310, --qdq for onnx, data.path=FOLDER, ..."
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  usage
  exit
fi
if (($# < 1)); then refuse "which run?"; fi
old_run "$1"
format=${2:-mindir}
needed=(requirements.txt)
if [[ $format == onnx ]]; then needed+=(requirements-onnx.txt); fi

use_python "${needed[@]}"
exec "$PY" export.py --run "$RUN" --format "$format" "${@:3}"
