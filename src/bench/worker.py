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
"""The process that runs one case: `python -m src.bench.worker step|infer CASE`, CASE as JSON.

It builds the network, makes a first step, and then answers requests, one JSON object per line on
stdin and stdout. Between requests it sleeps in `read`, so that the others have the machine.

    first answer                        {"threads", "isa", "version"} and more of `Runner.about`, or {"error"}
    {"warm_up", "steps", "seconds"}  -> {"ms": [...], "loss", "peak_mb", "kernel_ms": {kind: ms in all steps},
                                         "peak": GMAC/s or None}; seconds: how long the turn lasts at least
"""

import json
import os
import sys
from collections.abc import Callable

from src.bench.case import Case
from src.bench.infer_case import InferCase
from src.bench.runner import Runner, take_turn
from src.errors import UserError

CASES = {case.bench: case for case in (Case, InferCase)}


def build(case: Case | InferCase) -> Runner:
    """The runner of a case; a framework is imported only where it is asked for."""
    if case.bench == InferCase.bench and case.is_peer:
        from src.bench.infer_peers import build_peer

        return build_peer(case)
    if case.bench == InferCase.bench:
        from src.bench.infer_ours import build_native

        return build_native(case)
    if case.is_peer:
        from src.bench.torch_peer import build_torch

        return build_torch(case)
    from src.bench.ours import build_ours

    return build_ours(case)


def serve(case: Case | InferCase, requests, answer: Callable[[dict], None]) -> None:
    """Build, then take a turn for every line of `requests`."""
    try:
        runner = build(case)
        runner.step()
        answer(runner.about)
        for line in requests:
            request = json.loads(line)
            answer(take_turn(runner, **request))
    except UserError as error:
        answer({"error": str(error)})
    except ImportError as error:
        answer({"error": f"{error} for {sys.executable}; --peer-python names another"})


def main(arguments: list[str]) -> None:
    # Frameworks print: answers get a stream of their own, and stdout goes where stderr goes.
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(values: dict) -> None:
        print(json.dumps(values), file=stream, flush=True)

    bench, case = arguments
    serve(CASES[bench](**json.loads(case)), sys.stdin, answer)


if __name__ == "__main__":
    main(sys.argv[1:])
