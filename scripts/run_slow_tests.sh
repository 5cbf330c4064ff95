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
# Everything that takes long: the tests marked slow, properties on new cases, damaged files, damaged artefacts and all
# kernels under sanitizers, and breaks that the tests must see. A part that fails does not stop the others, and what was interrupted
# goes on with the parts that are left.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

parts=(slow properties files oracle engine kernels breaks)
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  echo "usage: bash scripts/run_slow_tests.sh [SECONDS [SEED [PART...]]]      SECONDS of each kind of fuzzing (300)"
  echo "       parts: ${parts[*]} (all)"
  exit
fi
seconds=${1:-300} seed=${2:-$RANDOM}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || refuse "SECONDS=$seconds: a whole number of 1 or more is needed"
[[ $seed =~ ^[0-9]+$ ]] || refuse "SEED=$seed: a whole number is needed"
wanted=("${@:3}")
for name in "${wanted[@]}"; do
  [[ " ${parts[*]} " == *" $name "* ]] || refuse "PART=$name: one of ${parts[*]} is needed"
done

use_python requirements.txt requirements-onnx.txt requirements-dev.txt

failed=()
part() { # NAME ABOUT COMMAND...
  if ((${#wanted[@]})) && [[ " ${wanted[*]} " != *" $1 "* ]]; then return; fi
  say "== $1: $2"
  "${@:3}" || failed+=("$1")
}

say "seed $seed"
part slow "tests marked so" "$PY" -m pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder
part properties "on new cases" "$PY" -m pytest -m "not slow" --hypothesis-profile=search --hypothesis-seed="$seed" \
  tests/quantizers/test_properties.py tests/cost/test_properties.py tests/engine tests/deploy/integer/test_fixed_point.py
part files "damaged ones" "$PY" tests/fuzz/fuzz_files.py --seconds "$seconds" --seed "$seed"
part oracle "damaged artefacts" "$PY" tests/fuzz/fuzz_artefact.py --seconds "$seconds" --seed "$seed"
part engine "damaged artefacts, under sanitizers" \
  bash scripts/fuzz_loader.sh "$seconds" "$seed" results/*/model.safetensors
part kernels "under sanitizers" bash scripts/sanitize_kernels.sh
part breaks "of one line, which the tests must see" "$PY" -m tests.mutations --jobs 2

if ((${#failed[@]})); then
  say "failed; once that is mended: bash scripts/run_slow_tests.sh $seconds $seed ${failed[*]}"
  exit 1
fi
say "${wanted[*]:-everything slow} passed"
