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
# The whole road: train, evaluate, export to MINDIR, write the report, print a short table.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

DEFAULT_RECIPE=config/resnet8_digits_abn_234bit.yaml

usage() {
  cat <<EOF
usage: bash scripts/run_train.sh [RECIPE] [key=value ...]
       bash scripts/run_train.sh --resume RUN [key=value ...]

RECIPE      a name in config/, or a file (default: $DEFAULT_RECIPE)
RUN         the folder of a run that was interrupted
key=value   overrides, e.g. train.epochs=20 device.target=Ascend run.dir=runs/first;
            config/default.yaml lists all keys; relative paths start at the project root
PYTHON      environment variable: a Python to use instead of .venv
EOF
}

step() {
  local code=0
  say "==$(printf ' %q' "$@")"
  DYNQUANT_GOES_ON=1 "$PY" "$@" || code=$?
  if ((code == 0)); then return; fi
  if ((code != 2)); then say "run_train.sh: $1 ended with exit code $code"; fi # 2: it has said why
  if [[ $1 == train.py && -f $RUN/ckpt/last.ckpt ]]; then
    say "its last checkpoint is whole; continue with: bash scripts/run_train.sh --resume $(printf %q "$RUN")"
  fi
  exit "$code"
}

recipe=$DEFAULT_RECIPE
resume=""
case ${1:-} in
  -h | --help)
    usage
    exit
    ;;
  --resume)
    if (($# < 2)); then refuse "--resume needs the folder of a run"; fi
    old_run "$2"
    resume=yes
    shift 2
    ;;
  "" | *=*) ;;
  *)
    find_recipe "$1"
    recipe=$RECIPE
    shift
    ;;
esac
check_overrides "$@"

use_python requirements.txt
if [[ -n $resume ]]; then
  step train.py --resume "$RUN" "$@"
else
  new_run "$(basename -- "$recipe" .yaml)" "$@"
  step train.py --config "$recipe" "$@" "run.dir=$RUN"
fi
step eval.py --run "$RUN"
step export.py --run "$RUN" --format mindir
step report.py --run "$RUN"
step -m src.report.summary --run "$RUN"
say "next: bash scripts/run_export.sh $(printf %q "$RUN") int      # integers, for infer.py"
