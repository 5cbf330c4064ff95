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
# Damaged artefacts against the C++ loader and engine, under the address and undefined-behaviour
# sanitizers: scripts/fuzz_loader.sh SECONDS SEED ARTEFACT...   (valid files to start from)
# With clang++ it is libFuzzer that mutates; with g++ the target's own loop.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
if [ $# -lt 3 ]; then
  echo "usage: bash scripts/fuzz_loader.sh SECONDS SEED ARTEFACT..." >&2
  exit 2
fi
seconds=$1 seed=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
csrc=$root/src/kernels/csrc
flags=("-I$csrc" -std=c++17 -O1 -g -pthread -fno-sanitize-recover=all
  -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION) # checksums are not compared: no damage would get past them
# All of the engine but its ABI, which chooses among instruction sets.
mapfile -t sources < <(find "$csrc/engine" -name '*.cc' ! -name engine_abi.cc | sort)
sources+=("$csrc/threads/threads.cc" "$root/tests/fuzz/fuzz_loader.cc" -DDQ_NS=dq_portable)
compiler=${CXX:-g++}
if [ -z "${CXX:-}" ] && command -v clang++ > /dev/null; then compiler=clang++; fi
if "$compiler" --version | grep -q clang; then
  sanitize=-fsanitize=fuzzer,address,undefined
  "$compiler" "${flags[@]}" "$sanitize" -DDQ_LIBFUZZER "${sources[@]}" -o "$work/fuzz"
  mkdir "$work/corpus"
  for artefact in "$@"; do
    cp "$artefact" "$(mktemp "$work/corpus/XXXXXX")" # many have one name
  done
  "$work/fuzz" -max_total_time="$seconds" -seed="$seed" "$work/corpus"
  exit
fi
"$compiler" "${flags[@]}" -fsanitize=address,undefined "${sources[@]}" -o "$work/fuzz"
"$work/fuzz" "$seconds" "$seed" "$@"
