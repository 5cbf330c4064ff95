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
# Fetches published float weights and turns them into .npz for model.weights. The file appears under
# its final name only when the published file's checksum was right; a second run changes nothing, and
# reads the file that is there to its end.

set -euo pipefail

usage() {
  cat <<'TEXT'
usage: bash scripts/get_float_weights.sh NAME DEST

Leaves DEST/NAME.npz. Then give model.weights=DEST/NAME.npz. Needs curl or wget, and Python with torch
to read the published file (pip install torch, anywhere: PYTHON=/path/to/python names it).

NAME                  network, where it is from                                          licence
  cifar10_resnet20    ResNet-20, option A; github.com/akamaster/pytorch_resnet_cifar10   BSD 2-Clause
  cifar10_resnet32    ResNet-32, the same author                                         BSD 2-Clause
  cifar10_resnet56    ResNet-56, the same author                                         BSD 2-Clause
  imagenet_resnet18   torchvision's IMAGENET1K_V1                                        BSD 3-Clause
  imagenet_resnet34   the same                                                           BSD 3-Clause
  imagenet_resnet50   the same                                                           BSD 3-Clause
  imagenet_mobilenetv2   the same                                                        BSD 3-Clause

No network there? `python train.py --config resnet20_cifar10_float` trains float weights.

environment:
  DYNQUANT_WEIGHTS_URL   another address of the published file (a mirror); its checksum must be the same
  PYTHON                 the interpreter that has torch; else .venv, else python3
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
esac
if [[ $# -ne 2 || -z "$1" || -z "$2" || "$1" == -* ]]; then
  usage >&2
  exit 2
fi

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

say() { echo "get_float_weights: $*"; }
die() { echo "error: $*" >&2; exit 2; }

# A name's address, and its SHA-256 as far as it is known: the first eight digits stand in the names of
# all files; the whole sums of all but one have been published too.
cifar="https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models"
imagenet="https://download.pytorch.org/models"
case "$1" in
  cifar10_resnet20)
    url="$cifar/resnet20-12fca82f.th"
    sha256=12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8
    ;;
  cifar10_resnet32)
    url="$cifar/resnet32-d509ac18.th"
    sha256=d509ac1820d7f25398913559d7e81a13229b1e7adc5648e3bfa5e22dc137f850
    ;;
  cifar10_resnet56)
    url="$cifar/resnet56-4bfd9763.th"
    sha256=4bfd97631478d6b638d2764fd2baff3edb1d7d82252d54439343b6596b9b5367
    ;;
  imagenet_resnet18)
    url="$imagenet/resnet18-f37072fd.pth"
    sha256=f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec
    ;;
  imagenet_resnet34) url="$imagenet/resnet34-b627a593.pth" sha256=b627a593 ;;
  imagenet_resnet50)
    url="$imagenet/resnet50-0676ba61.pth"
    sha256=0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a
    ;;
  imagenet_mobilenetv2)
    url="$imagenet/mobilenet_v2-b0353104.pth"
    sha256=b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889
    ;;
  *) die "NAME $1: no such network; allowed are cifar10_resnet20|32|56, imagenet_resnet18|34|50 and imagenet_mobilenetv2" ;;
esac
url="${DYNQUANT_WEIGHTS_URL:-$url}"

python="${PYTHON:-}"
if [[ -z $python && -x "$root/.venv/bin/python" ]]; then python="$root/.venv/bin/python"; fi
python="${python:-python3}"

mkdir -p "$2" 2>/dev/null || die "cannot make the folder $2"
target="$(cd "$2" && pwd)/$1.npz"
if [[ -f $target ]]; then
  # Each array in an .npz has a checksum of its own.
  "$python" -c "import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)" "$target" 2>/dev/null ||
    die "$target is damaged, or $python cannot read it; delete it, and run this again"
  say "nothing to do: $target is there, and whole"
  exit 0
fi
"$python" -c "import numpy, torch" 2>/dev/null ||
  die "$python cannot import torch, which reads the published file; pip install torch (any version, in any environment)" \
    "and name that one: PYTHON=/path/to/python. Or train float weights: config/resnet20_cifar10_float.yaml"

staging="$(mktemp -d "$(dirname "$target")/.weights-XXXXXX" 2>/dev/null)" ||
  die "cannot write to $(dirname "$target")"
trap 'rm -rf "$staging"' EXIT
published="$staging/published.pth"

say "fetching $url"
rc=0
if command -v curl >/dev/null; then
  curl --fail --location --silent --show-error --connect-timeout 20 --retry 2 \
    --speed-limit 1000 --speed-time 60 --output "$published" "$url" || rc=$?
elif command -v wget >/dev/null; then
  wget --quiet --tries=3 --timeout=60 --output-document="$published" "$url" || rc=$?
else
  die "neither curl nor wget is installed"
fi
case $rc in
  0) ;;
  3 | 23) die "cannot write $published: is the disk full?" ;; # wget's code for files, curl's
  *)
    die "cannot fetch $url (exit code $rc): is there a network? DYNQUANT_WEIGHTS_URL names a mirror;" \
      "config/resnet20_cifar10_float.yaml trains float weights"
    ;;
esac
found="$(sha256sum <"$published")"
[[ $found == "$sha256"* ]] ||
  die "$url is not the published file: its SHA-256 begins with ${found:0:8}, not ${sha256:0:8}; nothing is kept"

"$python" - "$published" "$staging/weights.npz" <<'PYTHON' || exit 2
"""A state dictionary of torch as .npz; torch unpickles nothing but tensors and plain values."""
import io
import sys

import numpy as np
import torch

published, target = sys.argv[1:]
archive = io.BytesIO()  # a half-written one would complain of itself on a full disk
try:
    stored = torch.load(published, map_location="cpu", weights_only=True)
    tensors = stored.get("state_dict", stored)
    arrays = {name.removeprefix("module."): value.numpy() for name, value in tensors.items()}
    np.savez(archive, **arrays)
    with open(target, "wb") as file:
        file.write(archive.getvalue())
except OSError as error:
    sys.exit(f"error: cannot write {target}: {error}")
except Exception as error:  # torch and pickle have many of their own
    reason = str(error).strip().splitlines() or [type(error).__name__]
    sys.exit(f"error: torch {torch.__version__} cannot read the published file: {reason[0]}")
PYTHON
mv -f "$staging/weights.npz" "$target" || die "cannot write $target: is the disk full?"
say "done: model.weights=$target"
