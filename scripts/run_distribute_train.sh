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
# Data-parallel training on this machine: a scheduler and a process per worker, as MindSpore's dynamic
# cluster wants them. All of them end with this script, whichever way it ends.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

usage() {
  cat <<EOF
usage: bash scripts/run_distribute_train.sh RECIPE WORKERS [key=value ...]
       bash scripts/run_distribute_train.sh --resume RUN WORKERS [key=value ...]

RECIPE       a name in config/, or a file
RUN          the folder of a run that was interrupted
WORKERS      processes to start, one per device; 1 or more
key=value    overrides, e.g. device.target=Ascend; device.target is CPU by default;
             relative paths start at the project root
MASTER_PORT  environment variable: port of the scheduler, 1024..65535 (default: a free one);
             it must be free
PYTHON       environment variable: a Python to use instead of .venv

The output of worker 0 is shown; the logs of all are in RUN/workers (workers-2 ... when RUN has one).
EOF
}

is_in_range() { # VALUE LOW HIGH, for values of any spelling
  [[ $1 =~ ^[1-9][0-9]{0,5}$ ]] && (($1 >= $2 && $1 <= $3))
}

free_port() { # PORT, or 0 for any; prints it, or fails when something listens there
  "$PY" -c '
import socket, sys
with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("", int(sys.argv[1])))
    except OSError:
        sys.exit(1)
    print(probe.getsockname()[1])' "$1"
}

# The processes that run, by what they are.
declare -A running=()

launch() { # NAME ROLE NUMBER ARGUMENT...
  : >"$logs/$1.log" # it is there when it is followed, however late the process starts
  MS_ROLE=$2 MS_NODE_ID=$3 RANK_ID=$3 DEVICE_ID=$3 \
    DYNQUANT_GOES_ON=1 "$PY" train.py "${@:4}" >>"$logs/$1.log" 2>&1 </dev/null &
  running[$1]=$!
}

# Sets `failed` to the process that failed first and `code` to its exit code; neither when all end well.
wait_for_all() {
  local name
  failed="" code=0
  while ((${#running[@]})); do
    for name in "${!running[@]}"; do
      if kill -0 "${running[$name]}"; then continue; fi
      wait "${running[$name]}" || code=$?
      unset "running[$name]"
      if ((code != 0)); then
        failed=$name
        return
      fi
    done
    sleep 0.2
  done
} 2>/dev/null # bash tells of a killed process in words of its own

stop_all() {
  local try
  if ((${#running[@]} == 0)); then return; fi
  kill -TERM "${running[@]}" || true
  for ((try = 0; try < 50; try++)); do # 10 s for those that write a file
    kill -0 "${running[@]}" || break
    sleep 0.2
  done
  kill -KILL "${running[@]}" || true
  wait "${running[@]}" || true
  running=()
} 2>/dev/null

interrupted() { # EXIT_CODE
  stop_all
  say "interrupted: all workers are stopped; their logs are in $logs" 2>&3
  if [[ -f ${logs%/workers*}/ckpt/last.ckpt ]]; then
    say "continue with: bash scripts/run_distribute_train.sh --resume $(printf %q "$RUN") $workers" 2>&3
  fi
  exit "$1"
}

explain_failure() { # what worker 0 said has been shown already
  local log
  if ! grep -q -s '^error:' "$logs/worker_0.log"; then
    for log in "$logs"/*.log; do
      if [[ $log != */worker_0.log ]] && grep -q -E '^error:|Error\b' "$log"; then
        say "---- $log"
        grep -E '^error:|Error\b' "$log" | tail -n 3 >&2
      fi
    done
  fi
  say "error: training failed: ${failed//_/ } ended with exit code $code, the others were stopped;" \
    "the logs of all are in $logs"
  exit "$code"
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  usage
  exit
fi
resume=""
if [[ ${1:-} == --resume ]]; then
  resume=yes
  shift
fi
if (($# < 2)); then refuse "RECIPE (or --resume RUN) and WORKERS are needed"; fi
if [[ -n $resume ]]; then old_run "$1"; else find_recipe "$1"; fi
workers=$2
shift 2
is_in_range "$workers" 1 4096 || refuse "WORKERS=$workers: a whole number of 1 or more is needed"
check_overrides "$@"
if [[ -n ${MASTER_PORT:-} ]]; then
  is_in_range "$MASTER_PORT" 1024 65535 || refuse "MASTER_PORT=$MASTER_PORT: 1024..65535 is allowed"
fi

use_python requirements.txt
port=$(free_port "${MASTER_PORT:-0}") ||
  die "MASTER_PORT=$MASTER_PORT is taken by another program; leave MASTER_PORT out to get a free one"
if [[ -n $resume ]]; then
  arguments=(--resume "$RUN" "$@")
else
  new_run "$(basename -- "$RECIPE" .yaml)-${workers}workers" "$@"
  arguments=(--config "$RECIPE" "$@" "run.dir=$RUN")
fi
logs=$RUN/workers # as train.py sees it: relative paths start at the root
if [[ $logs != /* ]]; then logs=$ROOT/$logs; fi
number=2
while [[ -e $logs ]]; do
  logs=${logs%/*}/workers-$number
  number=$((number + 1))
done
mkdir -p -- "$logs" || die "run.dir=$RUN cannot be made"
export GLOG_v=${GLOG_v:-3} # MindSpore's own log: errors only; setting up a cluster warns a lot
export MS_WORKER_NUM=$workers RANK_SIZE=$workers MS_SCHED_HOST=127.0.0.1 MS_SCHED_PORT=$port

say "== train.py with $workers workers; run folder $RUN; scheduler on port $port"
exec 3>&2 # a signal may come while stderr goes elsewhere
trap stop_all EXIT
trap 'interrupted 130' INT
trap 'interrupted 143' TERM
trap 'interrupted 129' HUP
launch scheduler MS_SCHED 0 "${arguments[@]}"
for ((number = 0; number < workers; number++)); do
  launch "worker_$number" MS_WORKER "$number" "${arguments[@]}"
done
tail -F -s 0.2 -n +1 --pid="${running[worker_0]}" "$logs/worker_0.log" 2>/dev/null &
tail=$!
wait_for_all
if ((code != 0)); then
  sleep 1 # so that the others, which mostly stumble over the same, can say so
  stop_all
fi
wait "$tail" || true
if ((code != 0)); then explain_failure; fi
say "next: bash scripts/run_eval.sh $(printf %q "$RUN")"
