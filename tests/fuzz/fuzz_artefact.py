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
"""Feeds damaged artefacts to the loader, and what it accepts to the oracle, until time is up.

usage: python tests/fuzz/fuzz_artefact.py --seconds 600 [--seed 0] [--plain]

With atheris (pip install atheris) new ways through the code guide the search; without it, or with
--plain, the same damages come at random. Ends with code 1 at the first input that breaks a rule
(target.py), and leaves that input as crash-* in the current folder.
"""

import argparse
import hashlib
import importlib.util
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

LARGEST_MEMORY = 4 << 30
LARGEST_POOL = 500
REPORT_EVERY = 10_000


def plain(seconds: float, seed: int, pool: list[bytes] | None = None) -> Counter:
    """Outcomes (and `executions`) of random damages. Any exception is a finding; its input is the
    attribute `content` of it."""
    from tests.fuzz.mutate import mutated
    from tests.fuzz.target import outcome, seeds

    rng, counts = random.Random(seed), Counter()
    pool = seeds() if pool is None else pool
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        content = mutated(rng.choice(pool), rng)
        start = time.monotonic()
        try:
            result = outcome(content)
        except Exception as error:
            error.content = content
            raise
        counts["executions"] += 1
        counts[result] += 1
        counts["slowest_ms"] = max(counts["slowest_ms"], round(1e3 * (time.monotonic() - start)))
        # Valid descendants are damaged further, so that programs drift away from their seeds.
        if result == "ran" and rng.random() < 0.05:
            if len(pool) >= LARGEST_POOL:
                pool.pop(rng.randrange(len(pool)))
            pool.append(content)
    return counts


def guided(seconds: int, seed: int) -> None:
    """Runs until time is up or a finding; then ends the process."""
    import atheris

    with atheris.instrument_imports(include=["src.engine"]):
        from tests.fuzz import target
    from tests.fuzz.mutate import mutated

    corpus = Path(tempfile.mkdtemp(prefix="fuzz-artefact-"))
    for i, content in enumerate(target.seeds()):
        (corpus / str(i)).write_bytes(content)
    options = [f"-max_total_time={seconds}", f"-seed={seed + 1}", "-timeout=60",
               f"-rss_limit_mb={LARGEST_MEMORY >> 20}", "-max_len=200000", "-len_control=0",
               "-print_final_stats=1", "-mutate_depth=1", "-reduce_inputs=0"]  # fmt: skip

    def mutator(content: bytes, largest: int, number: int) -> bytes:
        return mutated(content, random.Random(number))[:largest]

    counts = Counter()

    def one(content: bytes) -> None:
        counts[target.outcome(content)] += 1
        if counts.total() % REPORT_EVERY == 0:  # atheris ends without a last word of ours
            print(dict(counts), flush=True)

    atheris.Setup([sys.argv[0], *options, str(corpus)], one, custom_mutator=mutator)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="random damages, without atheris")
    options = parser.parse_args()
    if not options.plain and importlib.util.find_spec("atheris"):
        guided(options.seconds, options.seed)
    resource.setrlimit(resource.RLIMIT_AS, (LARGEST_MEMORY, LARGEST_MEMORY))
    try:
        counts = plain(options.seconds, options.seed)
    except Exception as error:
        traceback.print_exc()
        name = f"crash-{hashlib.sha1(error.content).hexdigest()[:12]}"
        Path(name).write_bytes(error.content)
        print(f"a finding: {name}")
        return 1
    print(dict(counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
