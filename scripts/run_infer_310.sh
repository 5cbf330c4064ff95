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
# Images to bins, ascend310_infer over them, accuracy: a network on Ascend 310, or on a CPU.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

usage() {
  echo "usage: bash scripts/run_infer_310.sh BUNDLE DATASET DATA_PATH [DEVICE_TYPE] [DEVICE_ID]"
  echo "BUNDLE: made by export.py --format mindir --bundle; for Host model.safetensors of --format int"
  echo "DATASET: cifar10, digits or image_folder; DATA_PATH: its folder (- for digits)"
  echo "DEVICE_TYPE: Ascend (default), CPU (MindSpore Lite on this machine), Host (integers, no MindSpore)"
  echo "LITE_HOME: MindSpore Lite, for Ascend and CPU; scripts/get_mindspore_lite.sh fetches one for CPU"
  echo "IMAGES=N: the first N images only; THREADS=N: CPU threads, 0 all cores; MODE=single: one-file form"
  echo "BUDGET=X: mean BitOPs per image, e.g. 250M, of a network that escalates"
  echo "RESULT_DIR=FOLDER: where preprocess_Result, result_Files, time_Result and acc.log are left, whole, when"
  echo "the call has ended well (default: the project root; the last of several calls to end leaves its own)"
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  usage
  exit
fi
if (($# < 3 || $# > 5)); then refuse "three to five arguments are taken"; fi
BUNDLE=$(from_root "$1")
DATASET=$2
DATA_PATH=$(from_root "$3")
DEVICE_TYPE=${4:-Ascend}
DEVICE_ID=${5:-0}
LITE_HOME=${LITE_HOME:-${MS_LITE_HOME:-}}
if [[ -n $LITE_HOME ]]; then LITE_HOME=$(from_root "$LITE_HOME"); fi
export LITE_HOME
if [[ ! -e $BUNDLE ]]; then refuse "$1 does not exist"; fi
case $DEVICE_TYPE in
  Ascend | CPU)
    if [[ -z $LITE_HOME ]]; then
      die "LITE_HOME is not set: name the MindSpore Lite folder" \
        "(for CPU: export LITE_HOME=\$(bash scripts/get_mindspore_lite.sh)), or use Host"
    fi
    ;;
  Host) ;;
  *) refuse "DEVICE_TYPE $DEVICE_TYPE: Ascend, CPU or Host" ;;
esac

RESULTS=(preprocess_Result result_Files time_Result acc.log)
RESULT_DIR=$(from_root "${RESULT_DIR:-$ROOT}")

preprocess_data() {
  "$PY" "$ROOT/preprocess.py" --model "$BUNDLE" --dataset "$DATASET" --data_path "$DATA_PATH" \
    --images "${IMAGES:-0}" --result_path ./preprocess_Result
}

compile_app() {
  bash "$ROOT/ascend310_infer/build.sh" "$ROOT/ascend310_infer/out" ./main >build.log 2>&1 || {
    cat build.log >&2
    exit 2
  }
}

infer() {
  local budget=()
  if [[ -n ${BUDGET:-} ]]; then budget=(--budget="$BUDGET"); fi
  ./main --mindir_path="$BUNDLE" --dataset_path=./preprocess_Result/img_data \
    --device_type="$DEVICE_TYPE" --device_id="$DEVICE_ID" --thread_num="${THREADS:-0}" \
    --mode="${MODE:-stages}" --result_path=./result_Files --time_path=./time_Result "${budget[@]}"
}

cal_acc() {
  "$PY" "$ROOT/postprocess.py" --model "$BUNDLE" --result_path ./result_Files \
    --label_path ./preprocess_Result/label | tee acc.log
}

leave_results() {
  local name
  for name in "${RESULTS[@]}"; do
    rm -rf -- "${RESULT_DIR:?}/$name"
    mv -- "$name" "$RESULT_DIR/$name"
  done
}

use_python requirements.txt
# Each call works in a folder of its own: two at once must not judge each other's answers.
mkdir -p -- "$RESULT_DIR" || die "RESULT_DIR=$RESULT_DIR cannot be made"
work=$(mktemp -d "$RESULT_DIR/.infer_310.XXXXXX") || die "RESULT_DIR=$RESULT_DIR cannot be written"
trap 'rm -rf -- "$work"' EXIT
cd -- "$work"
preprocess_data
compile_app
infer
sed '/^$/q' ./time_Result/test_perform_static.txt >&2 # the head; stages and layers follow in the file
cal_acc
locked "$RESULT_DIR/.infer_310.lock" leave_results
