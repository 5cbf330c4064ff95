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
"""Feeds damaged files to everything that reads one (loaders.py), one after the other, until time is up.

usage: python tests/fuzz/fuzz_files.py --seconds 600 [--seed 0] [--only TARGET]

Ends with code 1 at the first file that neither is read nor ends in one clear line, and leaves it as crash-* in
the current folder.
"""

import argparse
import hashlib
import logging
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def cases(name: str, seed: int, count: int, folder: Path) -> Counter:
    """How many of so many damaged files were read, and how many refused. Any exception is a finding; its file's
    bytes are the attribute `content` of it."""
    from tests.fuzz.loaders import TARGETS, fault_of

    target, rng, counts = TARGETS[name], random.Random(f"{name} {seed}"), Counter()
    folder.mkdir(parents=True, exist_ok=True)
    seeds = target.seeds(folder)
    for content in seeds:
        counts[f"whole: {fault_of(target, content, folder)}"] += 1
    for _ in range(count):
        content = target.damage(rng.choice(seeds), rng)
        try:
            counts[fault_of(target, content, folder)] += 1
        except Exception as error:
            error.content = content
            raise
    return counts


def main() -> int:
    from tests.fuzz.loaders import TARGETS

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=sorted(TARGETS))
    options = parser.parse_args()
    logging.getLogger("dynquant").addHandler(logging.NullHandler())
    logging.getLogger("dynquant").propagate = False
    names, totals = [options.only] if options.only else list(TARGETS), {}
    end, number = time.monotonic() + options.seconds, options.seed
    while time.monotonic() < end:
        for name in names:
            with tempfile.TemporaryDirectory(prefix="fuzz-files-") as folder:
                try:
                    counts = cases(name, number, 50, Path(folder))
                except Exception as error:
                    traceback.print_exc()
                    kept = Path(f"crash-{hashlib.sha1(error.content).hexdigest()[:12]}")
                    kept.write_bytes(error.content)
                    print(f"a finding in {name}: {kept}")
                    return 1
            totals[name] = totals.get(name, Counter()) + counts
        number += 1
    for name, counts in totals.items():
        print(f"{name:<20} {dict(counts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
