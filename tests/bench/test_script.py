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

"""`bench.py step` as a user runs it, on a network and a batch that take seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.bench.case import KINDS
from tests.system.runs import LONGEST

ROOT = Path(__file__).resolve().parent.parent.parent
TINY = ["--model", "resnet8", "--batch", "4", "--runs", "1", "--settle", "2"]


def bench(*arguments, timeout: float = LONGEST, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "bench.py", "step", *TINY, *map(str, arguments)],
        cwd=ROOT, env={**os.environ, **environment}, timeout=timeout, capture_output=True,
        text=True,
    )  # fmt: skip


@pytest.fixture
def bare_python(tmp_path) -> str:
    """A Python without any installed package."""
    path = tmp_path / "bare python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    path.chmod(0o755)
    return str(path)


def rows_of(file: Path) -> dict[str, dict]:
    """Rows by kind and runner."""
    return {f"{r['kind']} {r['runner']}": r for r in json.loads(file.read_text())["rows"]}


def test_a_step_is_timed_and_a_missing_peer_is_an_error_row(tmp_path, bare_python):
    file = tmp_path / "rows.json"
    done = bench(
        "--kinds", "float", "--runners", "portable", "--peers", "torch", "--json", file,
        DYNQUANT_PEER_PYTHON=bare_python,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = rows_of(file)
    assert list(rows) == ["float portable", "float torch", "float torch-channels_last"]
    ours, peer = rows["float portable"], rows["float torch"]
    assert 0 < ours["min_ms"] == ours["median_ms"] and ours["runs"] == 1
    assert (ours["model"], ours["batch"], ours["image_size"]) == ("resnet8", 4, 32)
    assert 0 < ours["loss"] < 10 and ours["peak_mb"] > 50
    assert "pip install torch" in peer["error"] and "--peer-python" in peer["error"]
    assert "median_ms" not in peer
    assert "float    portable" in done.stdout and "pip install torch" in done.stdout
    assert json.loads(file.read_text())["machine"]["cores"] >= 1


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--model", "resnet9"], ["--model resnet9", "resnet8"]),
        (["--runs", "0"], ["--runs 0"]),
        (["--settle", "-1"], ["--settle -1"]),
        (["--json", "no/such/folder/x.json"], ["no/such/folder"]),
        (["--json", "src"], ["--json src is no file"]),
        (["--json", "/dev/null"], ["--json /dev/null is no file"]),
    ],
)
def test_a_bad_option_is_one_line(arguments, words):
    done = bench(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error:") and done.stderr.count("\n") == 1
    assert all(word in done.stderr for word in words)


@pytest.mark.slow
def test_all_kinds_native_and_portable_make_the_same_first_steps(tmp_path):
    file = tmp_path / "rows.json"
    runners = "native,native-int16,portable"
    done = bench("--threads", "1", "--runners", runners, "--json", file)
    assert done.returncode == 0, done.stderr
    rows = rows_of(file)
    assert len(rows) == 14
    for kind in KINDS:
        native, portable = rows[f"{kind} native"], rows[f"{kind} portable"]
        if "error" in native:
            pytest.skip(native["error"])
        assert native["threads"] == 1
        assert native["loss"] == pytest.approx(portable["loss"], rel=0.2)
        parts = native["breakdown_ms"]
        assert parts["conv_forward"] > 0 and parts["norm_backward"] > 0
        assert (parts["conv_inner"] > 0) == (kind == "dynamic")
        assert sum(parts.values()) == pytest.approx(native["median_ms"])
        if kind != "float":
            assert rows[f"{kind} native-int16"]["loss"] == pytest.approx(native["loss"], rel=1e-2)
    assert rows["dynamic native"]["vs_static"] > 0


@pytest.mark.slow
def test_torch_is_timed_in_both_layouts(tmp_path):
    pytest.importorskip("torch", reason="the peer is not installed")
    file = tmp_path / "rows.json"
    done = bench("--runners", "native", "--peers", "torch", "--json", file)
    assert done.returncode == 0, done.stderr
    peers = [row for row in rows_of(file).values() if "torch" in row["runner"]]
    assert len(peers) == 6 and all(row["vs_torch"] >= 1 for row in peers)
