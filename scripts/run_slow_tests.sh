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
# Everything that takes long: the tests marked slow, properties on new cases, damaged files, damaged artefacts under
# sanitizers, and breaks that the tests must see. A part that fails does not stop the others.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  echo "usage: bash scripts/run_slow_tests.sh [SECONDS [SEED]]      SECONDS of each kind of fuzzing (300)"
  exit
fi
seconds=${1:-300} seed=${2:-$RANDOM}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || refuse "SECONDS=$seconds: a whole number of 1 or more is needed"
[[ $seed =~ ^[0-9]+$ ]] || refuse "SEED=$seed: a whole number is needed"

use_python requirements.txt requirements-onnx.txt requirements-dev.txt

failed=()
part() { # NAME COMMAND...
  say "== $1"
  "${@:2}" || failed+=("$1")
}

say "seed $seed"
part "tests marked slow" "$PY" -m pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder
part "properties on new cases" "$PY" -m pytest -m "not slow" --hypothesis-profile=search --hypothesis-seed="$seed" \
  tests/quantizers/test_properties.py tests/cost/test_properties.py tests/engine tests/deploy/integer/test_fixed_point.py
part "damaged files" "$PY" tests/fuzz/fuzz_files.py --seconds "$seconds" --seed "$seed"
part "damaged artefacts, the oracle" "$PY" tests/fuzz/fuzz_artefact.py --seconds "$seconds" --seed "$seed"
part "damaged artefacts, the C++ engine under sanitizers" \
  bash scripts/fuzz_loader.sh "$seconds" "$seed" results/*/model.safetensors
part "one-line breaks" "$PY" -m tests.mutations --jobs 2

if ((${#failed[@]})); then
  say "failed:$(printf '\n  %s' "${failed[@]}")"
  exit 1
fi
say "everything slow has passed"
