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
#
# Fetches MindSpore Lite 2.0.0 (headers and libraries) out of its Python package, to build and try
# ascend310_infer/ on a processor. Nothing half-done is left; a second run returns at once.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

usage() {
  cat <<'TEXT'
usage: LITE_HOME=$(bash scripts/get_mindspore_lite.sh [x86_64|aarch64] [DEST])

Prints the folder that ascend310_infer/build.sh takes as LITE_HOME; all else goes to stderr.
Default: this machine's kind, DEST=third_party/mindspore_lite/<kind>. x86_64: 169 MB to fetch, 296 MB
on disk; aarch64: 56 and 124 MB. It runs MINDIR files of version 1 on the processor; for an Ascend
device install the official tarball that fits its CANN instead.

environment:
  PYTHON   the Python whose pip is used (default: .venv's, else python3)
TEXT
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  usage
  exit
fi
if (($# > 2)); then refuse "at most a kind of machine and a folder"; fi

kind=${1:-$(uname -m)}
case $kind in
  x86_64)
    platform=manylinux1_x86_64
    sha256=199cd0605cc985b88eddb273db9dfe9000a585ba10ca2292b6b36ebfff07b3ec
    ;;
  aarch64)
    platform=any # so it is labelled, yet its libraries are for aarch64
    sha256=9006b56a0285833802b4880f34cbce5f94111ef5ca4071d5df5c61e8c2a3a6f7
    ;;
  *) refuse "no package for \`$kind\`; allowed are x86_64, aarch64" ;;
esac
dest=${2:-$ROOT/third_party/mindspore_lite/$kind}
if [[ $dest != /* ]]; then dest=$CALLER_DIR/$dest; fi

if [[ -f $dest/sha256 && $(<"$dest/sha256") == "$sha256" ]]; then
  printf '%s\n' "$dest"
  exit
fi
if [[ -e $dest ]]; then refuse "$dest is there, but not of this version; remove it or name another folder"; fi

python=${PYTHON:-}
if [[ -z $python ]]; then
  python=python3
  if [[ -x .venv/bin/python ]]; then python=.venv/bin/python; fi
fi
"$python" -m pip --version >/dev/null 2>&1 || die "$python has no pip; set PYTHON to one that has"

mkdir -p -- "${dest%/*}" || die "cannot make the folder ${dest%/*}"
work=$(mktemp -d -- "$dest.XXXXXX") || die "cannot write in ${dest%/*}"
trap 'rm -rf -- "$work"' EXIT
say "fetching mindspore-lite 2.0.0 for $kind ..."
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-cache-dir --only-binary=:all: \
  --python-version 3.7 --platform "$platform" --dest "$work" mindspore-lite==2.0.0 >&2 ||
  die "pip could not fetch mindspore-lite 2.0.0; check the network, the proxy and pip's index setting"
wheel=$(printf '%s\n' "$work"/*.whl)
[[ $(sha256sum <"$wheel") == "$sha256  -" ]] || die "${wheel##*/} has a wrong checksum and is not used; try again"

# The headers, and what the runtime links to or opens by name; the rest is Python's or a device's.
"$python" - "$wheel" "$work/lite" <<'PY' || die "cannot unpack ${wheel##*/} (is the disk full?)"
import re
import sys
import zipfile

NEEDED = re.compile(
    r"mindspore_lite/(include/|lib/(libmindspore|libopencv|libdnnl|libmslite_converter_plugin"
    r"|libmsplugin-ge-litert_python|libruntime_convert_plugin_python))"
)
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], filter(NEEDED.match, wheel.namelist()))
PY
printf '%s\n' "$sha256" >"$work/lite/sha256" || die "the disk is full: $dest"
mv -T -- "$work/lite" "$dest" || die "cannot make $dest (did another run make it?)"
say "done: $dest"
printf '%s\n' "$dest"
