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
#
# Cross-builds ascend310_infer/ for aarch64, the processor of many Atlas boards.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

usage() {
  cat <<'TEXT'
usage: bash scripts/build_aarch64.sh [--host-only] [OUT]      default: ascend310_infer/out/aarch64

Needs aarch64-linux-gnu-g++ (Debian and Ubuntu: apt install g++-aarch64-linux-gnu) and cmake. Takes
MindSpore Lite for aarch64 from LITE_HOME, else fetches it with get_mindspore_lite.sh (56 MB); with
--host-only it needs none, and the program knows --device_type=Host only. Prints the program's path.

To try it on another machine (apt install qemu-user-static):
  qemu-aarch64-static -L /usr/aarch64-linux-gnu OUT/main --device_type=Host --mindir_path=... ...
With --device_type=CPU also set GLOG_v=4 before it: -E GLOG_v=4 after the -L option does.
TEXT
}

host_only=""
case ${1:-} in
  -h | --help)
    usage
    exit
    ;;
  --host-only)
    host_only=yes
    shift
    ;;
esac
if (($# > 1)) || [[ ${1:-} == -* ]]; then refuse "at most one folder"; fi
out=${1:-$ROOT/ascend310_infer/out/aarch64}
if [[ $out != /* ]]; then out=$CALLER_DIR/$out; fi
compiler=aarch64-linux-gnu-g++
command -v "$compiler" >/dev/null || die "$compiler is not installed (apt install g++-aarch64-linux-gnu)"

lite=""
if [[ -z $host_only ]]; then
  lite=${LITE_HOME:-$(bash "$ROOT/scripts/get_mindspore_lite.sh" aarch64)} || exit
  if [[ $lite != /* ]]; then lite=$CALLER_DIR/$lite; fi
fi
LITE_HOME=$lite MS_LITE_HOME="" CXX=$compiler exec bash "$ROOT/ascend310_infer/build.sh" "$out"
