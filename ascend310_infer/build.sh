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
# Builds the inference program: bash build.sh [OUT [COPY]]     default: out/ beside this script
#
# COPY: where the program is copied to, so that another build into OUT does not touch it.
# Builds into one OUT wait for each other.
#
# environment:
#   LITE_HOME or MS_LITE_HOME  MindSpore Lite: the official tarball or the wheel, unpacked. Without it
#                              only --device_type=Host can be run.
#   CXX, CMAKE_TOOLCHAIN_FILE  another compiler, also one for aarch64
#   JOBS                       files compiled at once (default 2)
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$root/out}
copy=${2:-}
lite=${LITE_HOME:-${MS_LITE_HOME:-}}

die() {
  echo "error: $*" >&2
  exit 1
}

command -v cmake >/dev/null || die "cmake is not installed (3.14 or later is needed)"
if [[ -n $lite && ! -d $lite ]]; then die "LITE_HOME=$lite: no such folder"; fi
if [[ -n $lite ]]; then lite=$(CDPATH='' cd -- "$lite" && pwd); fi
mkdir -p -- "$out" || die "cannot make the folder $out"
if command -v flock >/dev/null; then
  exec 9>>"$out/.lock"
  flock 9
fi
rm -f -- "$out/CMakeCache.txt" # another compiler or LITE_HOME than the last time is no mistake
log=$out/build.log
{ cmake -S "$root" -B "$out" -DLITE_HOME="$lite" && cmake --build "$out" -j "${JOBS:-2}"; } >"$log" 2>&1 || {
  grep -i -m 6 error "$log" >&2 || tail -n 12 "$log" >&2
  die "the build failed; the whole log is $log"
}
if [[ -z $lite ]]; then
  echo "built without MindSpore Lite, for --device_type=Host only; set LITE_HOME for the others" >&2
fi
if [[ -n $copy ]]; then cp -- "$out/main" "$copy" || die "cannot write $copy"; fi
echo "${copy:-$out/main}"
