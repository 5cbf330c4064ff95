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
# shellcheck shell=bash
#
# Sourced by the other scripts, never run alone. It goes to the project root and offers
#   use_python FILE...        sets PY to a Python that has what these requirement files name
#   new_run NAME ARGUMENT...  sets RUN to the folder that a `run.dir=` among the arguments names,
#                             else to a fresh one
#   old_run PATH              sets RUN to the folder of an existing run
#   check_overrides ARG...    refuses what is not key=value
#   find_recipe TEXT          sets RECIPE to the file of that path, or of config/ of that name
#   expand_home PATH          PATH with a leading ~ or ~NAME as that home folder
#   from_caller PATH          PATH as the caller's own folder sees it
#   from_root PATH            the same, absolute
#   locked FILE COMMAND...    runs it while no other script holds the lock FILE
#   say TEXT, die TEXT        a line on stderr; die ends the script with code 2
#   refuse TEXT               die, pointing to the script's --help
#
# PYTHON=/path/to/python is used as it is, and nothing is installed. Without it .venv is made in the
# project root. The stamps in .venv are copies of the requirement files that were installed, written
# last: while they equal the files, a script starts at once. A lock keeps two installations apart; as
# long as its file is not empty an installation has not finished, and the next call starts it anew.

CALLER_DIR=$PWD
ROOT=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd -- "$ROOT" || exit

say() { printf '%s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 2
}

refuse() { die "$*; see: bash scripts/${0##*/} --help"; }

# The shell itself leaves a ~ standing that is quoted, or in the middle of a word: run.dir=~/x.
expand_home() {
  local home=${1%%/*}
  if [[ ! $home =~ ^~([A-Za-z_][A-Za-z0-9._-]*)?$ ]]; then
    printf '%s' "$1"
    return
  fi
  eval "home=$home"
  if [[ $home == ~* ]]; then refuse "$1: there is no such home folder; write ./$1 if the name begins with ~"; fi
  printf '%s' "$home${1#"${1%%/*}"}"
}

from_caller() {
  local path
  path=$(expand_home "$1") || exit
  if [[ $path != /* && ! $CALLER_DIR -ef $ROOT && -e $CALLER_DIR/$path ]]; then
    printf '%s' "$CALLER_DIR/$path"
  else
    printf '%s' "$path"
  fi
}

from_root() {
  local path
  path=$(from_caller "$1") || exit
  if [[ $path != /* ]]; then path=$ROOT/$path; fi
  printf '%s' "$path"
}

find_recipe() {
  local near
  RECIPE=$(from_caller "$1")
  if [[ -f $RECIPE ]]; then return; fi
  if [[ $1 != */* && -f config/${1%.yaml}.yaml ]]; then
    RECIPE=config/${1%.yaml}.yaml
    return
  fi
  near=$(near_recipes "$1")
  if [[ -n $near ]]; then refuse "no recipe $1; did you mean $near?"; fi
  refuse "no recipe $1; the shipped ones are:" config/*.yaml
}

# Up to three shipped names that share most words with a name, two words at least.
near_recipes() {
  local words file name word count most=2 near=()
  name=${1##*/}
  IFS=_ read -r -a words <<<"${name%.yaml}"
  for file in config/*.yaml; do
    name=$(basename -- "$file" .yaml)
    count=0
    for word in "${words[@]}"; do
      if [[ _${name}_ == *_"$word"_* ]]; then count=$((count + 1)); fi
    done
    if ((count > most)); then near=(); fi
    if ((count >= most)); then
      most=$count
      near+=("$name")
    fi
  done
  name=${near[*]:0:3}
  printf '%s' "${name// / or }"
}

locked() {
  local file=$1
  shift
  if command -v flock >/dev/null; then
    {
      flock 9
      "$@"
    } 9>>"$file"
  else
    "$@"
  fi
}

old_run() {
  RUN=$(from_caller "$1")
  if [[ ! -f $RUN/config.yaml ]]; then refuse "$1 is no run folder: it has no config.yaml"; fi
}

new_run() {
  local fresh argument number=2
  fresh=runs/$1-$(date +%Y%m%d-%H%M%S)
  shift
  RUN=$fresh
  while [[ -e $RUN ]]; do
    RUN=$fresh-$number
    number=$((number + 1))
  done
  for argument; do
    if [[ $argument == run.dir=?* ]]; then RUN=$(expand_home "${argument#run.dir=}"); fi
    if [[ $argument == run.dir= || $argument == run.dir=null ]]; then RUN=$fresh; fi
  done
}

check_overrides() {
  local argument
  for argument; do
    if [[ $argument != ?*=* ]]; then refuse "\`$argument\` is not of the form key=value"; fi
  done
}

use_python() {
  if [[ -n ${PYTHON:-} ]]; then
    check_own_python "$@"
  else
    PY=$ROOT/.venv/bin/python
    is_installed "$@" || install_environment "$@"
  fi
  export DYNQUANT_CALLER_PATH="${DYNQUANT_CALLER_PATH:-$PATH}" # for what a user is told to type
  export PATH="${PY%/*}:$PATH"                                 # for the tools that came with it
}

# ---- an environment of the user's own ------------------------------------------------------------

check_own_python() {
  local modules=(mindspore numpy decorator yaml cv2 PIL safetensors tqdm sklearn) problem
  if [[ " $* " == *" requirements-dev.txt "* ]]; then modules+=(pytest hypothesis); fi
  PY=$(CDPATH='' cd -- "$CALLER_DIR" && command -v -- "$PYTHON") ||
    die "PYTHON=$PYTHON: no such program; name a Python that has MindSpore, or unset PYTHON"
  if [[ $PY != /* ]]; then PY=$CALLER_DIR/$PY; fi
  problem=$("$PY" -c '
import sys
if sys.version_info < (3, 10):
    sys.exit(print("it is Python %d.%d; 3.10 or later is needed" % sys.version_info[:2]))
import importlib.util
missing = [name for name in sys.argv[2:] if importlib.util.find_spec(name) is None]
if missing:
    print("it cannot import " + ", ".join(missing) + "; run: " + sys.argv[1])
' "$PYTHON -m pip install ${*/#/-r }" "${modules[@]}" 2>/dev/null) || problem="it is not a working Python"
  if [[ -n $problem ]]; then
    die "PYTHON=$PYTHON: $problem; or unset PYTHON to have .venv made"
  fi
}

# ---- the environment in .venv --------------------------------------------------------------------

is_installed() {
  local file
  [[ -x $PY ]] || return 1
  for file; do
    [[ -f .venv/$file && $(<"$file") == "$(<".venv/$file")" ]] || return 1
  done
}

install_environment() {
  local start=$SECONDS unfinished="" file
  { : >>.venv.lock; } 2>/dev/null ||
    die "cannot write in $ROOT (no right to, or the disk is full): .venv is made there"
  exec 9>>.venv.lock
  if command -v flock >/dev/null && ! flock -n 9; then
    say "waiting for another installation into .venv ..."
    flock 9
  fi
  if is_installed "$@"; then # by the one that was waited for
    exec 9>&-
    return
  fi
  if [[ -s .venv.lock ]]; then unfinished=yes; fi
  { echo "an installation into .venv has begun" >.venv.lock; } 2>/dev/null || die "the disk is full: $ROOT"

  if [[ -n $unfinished || ! -e .venv ]]; then
    create_venv
  elif ! "$PY" -c 'import sys, pip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
    2>/dev/null; then
    : >.venv.lock
    die "$ROOT/.venv has no working Python 3.10 to 3.12 with pip; remove it to have it made anew"
  fi
  for file; do rm -f -- ".venv/$file"; done
  install_packages "$@"
  for file; do
    cp -- "$file" ".venv/$file" || die "the disk is full: $ROOT"
  done
  : >.venv.lock
  exec 9>&-
  say "installed in $((SECONDS - start)) s"
}

create_venv() {
  local name version seen="" output
  for name in python3.11 python3.12 python3.10 python3 python; do
    version=$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    if [[ ! $version =~ ^3\.1[012]$ ]]; then
      seen+=" $name is $version;"
    elif ! "$name" -c 'import ensurepip, venv' 2>/dev/null; then
      seen+=" $name has no venv module (on Debian and Ubuntu: apt install python$version-venv);"
    else
      say "making .venv with $name"
      output=$("$name" -m venv --clear .venv 2>&1) ||
        die "making .venv failed (a full disk?): ${output:-no output}"
      return
    fi
  done
  : >.venv.lock
  die "MindSpore 2.10.0 needs Python 3.10, 3.11 (best) or 3.12; found:${seen:- none}" \
    "install python3.11, or set PYTHON to a Python that has MindSpore"
}

install_packages() {
  local log=.venv/install.log
  say "installing ${*} into .venv, some minutes (log: $log)"
  if "$PY" -m pip install --no-input --disable-pip-version-check "${@/#/-r}" \
    >"$log" 2>&1 </dev/null; then
    return
  fi
  grep '^ERROR' "$log" | tail -n 3 >&2 || true
  if grep -q -e 'No space left' -e 'Errno 28' "$log"; then
    die "the disk is full: .venv takes about 3.1 GB, and pip needs room for downloads (\$TMPDIR, \$HOME)"
  elif grep -q -i -e 'connection' -e 'name resolution' -e 'timed out' "$log"; then
    die "no package index could be reached; check the network, the proxy and pip's index setting"
  fi
  tail -n 12 "$log" >&2
  die "pip could not install ${*}; the whole log is $ROOT/$log"
}
