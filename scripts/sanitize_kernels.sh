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
# The native kernels of every instruction set that the machine has, under the address and undefined-behaviour sanitizers
# of g++: the tests that hold them to their definitions, random programs among them (not those that limit memory, of which
# sanitizers reserve terabytes).
#   bash scripts/sanitize_kernels.sh [PYTEST ARGUMENT...]      (default: not those marked slow)
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  echo "usage: bash scripts/sanitize_kernels.sh [PYTEST ARGUMENT...]      e.g. -m slow (not those marked slow)"
  exit
fi
arguments=("$@")
if ((!$#)); then arguments=(-m "not slow"); fi

use_python requirements.txt requirements-onnx.txt requirements-dev.txt

compiler=$(command -v "${CXX:-g++}") || refuse "no ${CXX:-g++}; install g++, or name it by CXX="
runtime=$("$compiler" -print-file-name=libasan.so)
[[ $runtime == /* ]] || refuse "$compiler has no libasan, which comes with g++; CXX= names another compiler"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The project compiles its library by this in place of the compiler, into a cache of its own.
cat > "$work/c++" << END
#!/usr/bin/env bash
exec "$compiler" "\$@" -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=undefined
END
chmod +x "$work/c++"
export CXX=$work/c++ DYNQUANT_CACHE_DIR=$work/cache
say "compiling the kernels with sanitizers (several minutes) ..."
"$PY" -c "from src.kernels import build; build.compile_library()"
grep -q __asan_init "$DYNQUANT_CACHE_DIR"/*.so || die "$compiler built a library without sanitizers"
# A Python without them has to load what they stand in for first; what it keeps until its end is no leak of ours.
LD_PRELOAD="$runtime $("$compiler" -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 \
  UBSAN_OPTIONS=print_stacktrace=1 "$PY" -m pytest "${arguments[@]}" -p no:cacheprovider \
  tests/engine/test_{conv_kernels,compiled_plan,native}.py \
  tests/kernels/test_{conv,dorefa,dynamic,fake_quant,levels,max_pool,norm,subsample,update}.py
