#!/bin/bash
# Damaged artefacts against the C++ loader and engine, under the address and undefined-behaviour
# sanitizers: scripts/fuzz_loader.sh SECONDS SEED ARTEFACT...   (valid files to start from)
# With clang++ it is libFuzzer that mutates; with g++ the target's own loop.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
if [ $# -lt 3 ]; then
  sed -n 's/^# //p' "$0" | sed -n 2,3p >&2
  exit 2
fi
seconds=$1 seed=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
csrc=$root/src/kernels/csrc
flags=(-std=c++17 -O1 -g -pthread -fno-sanitize-recover=all)
sources=("$root/tests/fuzz/fuzz_loader.cc" "$csrc"/engine/{safetensors,program,check,engine,integer_ops}.cc
  "$csrc/pool.cc" -DDQ_NS=dq_portable)
compiler=${CXX:-g++}
if [ -z "${CXX:-}" ] && command -v clang++ > /dev/null; then compiler=clang++; fi
if "$compiler" --version | grep -q clang; then
  "$compiler" "${flags[@]}" -fsanitize=fuzzer,address,undefined -DDQ_LIBFUZZER \
    "${sources[@]}" -o "$work/fuzz"
  mkdir "$work/corpus"
  cp "$@" "$work/corpus"
  exec "$work/fuzz" -max_total_time="$seconds" -seed="$seed" "$work/corpus"
fi
"$compiler" "${flags[@]}" -fsanitize=address,undefined \
  "${sources[@]}" -o "$work/fuzz"
"$work/fuzz" "$seconds" "$seed" "$@"
