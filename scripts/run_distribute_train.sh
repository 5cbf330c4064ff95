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
# Data-parallel training on this machine with MindSpore's own launcher, msrun.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

usage() {
  cat <<EOF
usage: bash scripts/run_distribute_train.sh RECIPE WORKERS [key=value ...]

RECIPE       a file of config/
WORKERS      processes to start, one per device; 1 or more
key=value    overrides, e.g. device.target=Ascend; device.target is CPU by default;
             relative paths start at the project root
MASTER_PORT  environment variable: port of the scheduler, 1024..65535 (default: a free one)
PYTHON       environment variable: a Python to use instead of .venv

The output of worker 0 is shown; the logs of all are in RUN/workers.
EOF
}

is_in_range() { # VALUE LOW HIGH, for values of any spelling
  [[ $1 =~ ^[1-9][0-9]{0,5}$ ]] && (($1 >= $2 && $1 <= $3))
}

explain_failure() { # EXIT_CODE; what worker 0 said has been shown already
  local log
  if [[ ! -f $logs/worker_0.log ]]; then tail -n 3 "$logs/msrun.log" >&2; fi
  if ! grep -q -s '^error:' "$logs/worker_0.log"; then
    for log in "$logs"/worker_*.log; do
      if [[ $log != */worker_0.log ]] && grep -q -E '^error:|Error\b' "$log"; then
        say "---- $log"
        grep -E '^error:|Error\b' "$log" | tail -n 3 >&2
      fi
    done
  fi
  say "error: training failed with exit code $1; the logs of all processes are in $logs"
  exit "$1"
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  usage
  exit
fi
if (($# < 2)); then refuse "RECIPE and WORKERS are needed"; fi
recipe=$(from_caller "$1")
workers=$2
shift 2
if [[ ! -f $recipe ]]; then refuse "no recipe $recipe; the shipped ones are:" config/*.yaml; fi
is_in_range "$workers" 1 4096 || refuse "WORKERS=$workers: a whole number of 1 or more is needed"
check_overrides "$@"
if [[ -n ${MASTER_PORT:-} ]]; then
  is_in_range "$MASTER_PORT" 1024 65535 || refuse "MASTER_PORT=$MASTER_PORT: 1024..65535 is allowed"
fi

use_python requirements.txt
# msrun starts the `python` that comes first in PATH, and use_python put PY's folder there.
[[ ${PY%/*}/python -ef $PY ]] ||
  die "PYTHON=$PYTHON: beside it there must be the same program under the name \`python\` (msrun starts that)"
new_run "$(basename -- "$recipe" .yaml)-${workers}workers" "$@"
logs=$RUN/workers
if [[ $logs != /* ]]; then logs=$ROOT/$logs; fi
mkdir -p "$logs"
rm -f "$logs"/*.log
port=${MASTER_PORT:-$("$PY" -c '
import socket
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    print(probe.getsockname()[1])')}
export GLOG_v=${GLOG_v:-3} # MindSpore's own log: errors only; setting up a cluster warns a lot

say "== train.py with $workers workers; run folder $RUN; scheduler on port $port"
"$PY" -m mindspore.parallel.cluster.run --worker_num="$workers" --local_worker_num="$workers" \
  --master_port="$port" --log_dir="$logs" --join=True --tail_worker_log=-1 \
  train.py --config "$recipe" "$@" "run.dir=$RUN" >"$logs/msrun.log" 2>&1 &
launcher=$!
# msrun takes its workers along on SIGINT alone.
trap 'kill -INT "$launcher" 2>/dev/null; wait; exit 130' INT TERM
tail -F -n +1 --pid="$launcher" "$logs/worker_0.log" 2>/dev/null &
code=0
wait "$launcher" || code=$?
wait
if ((code != 0)); then explain_failure "$code"; fi
say "next: bash scripts/run_eval.sh $(printf %q "$RUN")"
