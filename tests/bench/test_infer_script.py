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
"""`bench.py infer` as a user runs it, on a network that takes milliseconds to answer."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from src import kernels
from src.bench import infer
from src.bench.arguments import parse
from src.bench.images import as_real, random_pixels
from src.bench.turns import Outcome
from tests.system.runs import LONGEST

ROOT = Path(__file__).resolve().parent.parent.parent
TINY = ["--model", "resnet8", "--image-size", "8", "--batch", "2", "--threads", "1", "--runs", "1", "--settle", "1"]

pytest.importorskip("onnxruntime", reason="optional: requirements-onnx.txt")


def bench(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "bench.py", "infer", *TINY, "--peer-python", sys.executable, *map(str, arguments)], cwd=ROOT,
        capture_output=True, text=True, timeout=LONGEST,
    )  # fmt: skip


@pytest.mark.skipif(not kernels.available(), reason="no compiler")
def test_ours_and_a_peer_answer_alike_and_a_missing_one_is_an_error_row(tmp_path):
    nets, file, picture = tmp_path / "nets", tmp_path / "rows.json", tmp_path / "picture.svg"
    done = bench("--kinds", "static", "--bits", "8", "--peers", "onnxruntime,litert", "--nets", nets, "--json", file,
                 "--picture", picture)  # fmt: skip
    assert done.returncode == 0, done.stderr
    ours, peer, missing = json.loads(file.read_text())["rows"]
    for row in (ours, peer):
        assert (row["bench"], row["model"], row["batch"], row["bits"]) == ("infer", "resnet8", 2, 8)
        assert 0 < row["min_ms"] <= row["median_ms"] and row["share_of_peak"] > 0
        assert row["start_ms"] > 0
    assert peer["cosine"] > 0.98 and ours["vs_int8_peer"] > 0
    assert "pip install -r requirements-peers.txt" in missing["error"] and "median_ms" not in missing
    assert "integer peak" in done.stdout and "litert" in done.stdout and picture.read_text().startswith("<svg")
    check_the_peers_file(next(nets.glob("*.onnx")))


def check_the_peers_file(path: Path) -> None:
    """It takes the whole batch, holds every layer in 8 bits, and other readers of it see real values alike."""
    import onnxruntime

    from src.bench.onnx_graph import read_graph

    graph = read_graph(path)
    assert graph.shape == (2, 3, 8, 8)
    for node in graph.nodes:
        if node.kind == "Conv":
            assert graph.writer(node.inputs[1]).kind == "DequantizeLinear"
        if node.kind in ("Conv", "Add", "GlobalAveragePool"):
            (reader,) = graph.readers(node.output)
            assert reader.kind in ("Relu", "QuantizeLinear"), node
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    logits = session.run(None, {"image": as_real(random_pixels(2, 8))})[0]
    assert logits.shape == (2, 10) and np.isfinite(logits).all() and np.ptp(logits) > 0


@pytest.mark.parametrize("arguments, words", [(["--bits", "1"], "--bits 1"), (["--runs", "0"], "--runs 0")])
def test_a_bad_option_is_one_line(arguments, words):
    done = bench(*arguments)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert words in done.stderr


def test_ctrl_c_ends_all_and_keeps_the_rows_so_far(monkeypatch):
    timed = []
    monkeypatch.setattr(infer, "_time", lambda group, *_: (timed.append(group) or [], len(timed) < 2))
    monkeypatch.setattr(infer, "format_rows", str)
    options = parse("", ["infer", "--model", "resnet20", "--batch", "1,2,3", "--threads", "1"])
    assert infer.run_infer(options)["rows"] == []
    assert [group[0].batch for group in timed] == [1, 2]


def test_ctrl_c_while_networks_are_made_keeps_the_rows_before_them(monkeypatch):
    def made(group, nets):
        if group[0].batch == 2:
            raise KeyboardInterrupt
        return group, 1

    monkeypatch.setattr(infer, "_made", made)
    monkeypatch.setattr(infer, "time_cases", lambda cases, *_: ([Outcome(cases[0])], True))
    monkeypatch.setattr(infer, "infer_row", lambda outcome, macs: {"batch": outcome.case.batch})
    monkeypatch.setattr(infer, "add_ratios", len)
    monkeypatch.setattr(infer, "format_rows", lambda rows: str(rows[0]))
    options = parse("", ["infer", "--model", "resnet20", "--batch", "1,2,3", "--threads", "1"])
    assert infer.run_infer(options)["rows"] == [{"batch": 1}]
