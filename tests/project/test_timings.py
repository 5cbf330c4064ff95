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
"""The timings that the text shows are those of the files, each with its command and commit."""

import re
from pathlib import Path

from tests.project.shown import BENCHES, only, read, rows, step_times, text_of

KINDS = {
    "float": "float", "static LSQ 4 bit": "static", "dynamic, K = 3": "dynamic",
    "super-network, three plans": "supernet", "DDQ 4 bit": "ddq",
}  # fmt: skip
RUNNERS = ("native", "native-int16")


def test_step_times_of_the_text_are_those_of_the_bench():
    shown = rows(text_of("results/bench/README.md"), "native / PyTorch", "file")
    assert {row["file"] for row in shown} == {name for name in BENCHES if name.startswith("step_")}
    for row in shown:
        times = step_times(row["file"], KINDS[row["net"]])
        torch = times.get("torch")
        for runner in RUNNERS:
            mine = times.get(runner)
            assert row[runner] == (f"{mine[0]:.0f}" if mine else "-"), row
            ratio = f"{mine[0] / torch[0]:.2f}" if mine and torch else "-"
            assert row[f"{runner} / PyTorch"] == ratio, row
        assert row["PyTorch"] == (f"{torch[0]:.0f}" if torch else "-"), row
        fastest = [f"{times[name][1]:.0f}" if name in times else "-" for name in (*RUNNERS, "torch")]
        assert row["fastest step of each"] == " / ".join(fastest), row


def test_inference_times_of_the_text_are_those_of_the_bench():
    shown = rows(text_of("results/bench/README.md"), "fastest 8-bit runtime", "inference file")
    assert {row["inference file"] for row in shown} == {name for name in BENCHES if name.startswith("infer_")}
    for row in shown:
        net, batch = row["network, batch"].split(", ")
        asked = (net.split()[0].lower().replace("-", ""), int(batch), int(row["threads"]))
        measured = [
            r for r in read(f"{row['inference file']}.json", "bench")["rows"]
            if (r["model"], r["batch"], r["threads"]) == asked and "error" not in r
        ]  # fmt: skip
        static = [r for r in measured if r["kind"] == "static"]
        mine = [only(static, runner="native", bits=bits)["median_ms"] for bits in (8, 4, 2)]
        peer = min((r for r in static if r["runner"] != "native"), key=lambda r: r["median_ms"])
        real = min((r["median_ms"] for r in measured if r["kind"] == "float"), default=None)
        digits = 3 if mine[0] < 10 else 1
        assert row["8 / 4 / 2 bits"] == " / ".join(f"{ms:.{digits}f}" for ms in mine), row
        name = row["fastest 8-bit runtime"].lower().replace("pytorch", "torch").replace(" ", "")
        assert name == f"{peer['median_ms']:.{digits}f}{peer['runner']}", row
        assert row["fastest float"] == (f"{real:.{digits}f}" if real else "-"), row
        ratios = " / ".join(f"{peer['median_ms'] / ms:.2f}" for ms in mine)
        assert row["times as fast, 8 / 4 / 2 bits"] == ratios, row


def test_starts_of_the_text_are_those_of_the_bench():
    shown = rows(text_of("results/bench/README.md"), "ours, 8 / 4 bits", "start file")
    assert {row["start file"] for row in shown} == {name for name in BENCHES if name.startswith("start_")}
    for row in shown:
        model, threads = row["network"].lower().replace("-", ""), int(row["threads"])
        measured = [
            r for r in read(f"{row['start file']}.json", "bench")["rows"]
            if (r["model"], r["threads"]) == (model, threads)
        ]  # fmt: skip
        ours = [f"{only(measured, runner='native', bits=bits)['start_ms']:.1f}" for bits in (8, 4)]
        assert row["ours, 8 / 4 bits"] == " / ".join(ours), row
        for peer in ("LiteRT", "ONNX Runtime", "OpenVINO"):
            start = only(measured, runner=peer.lower().replace(" ", ""))["start_ms"]
            assert row[peer] == f"{start:.1f}", row


def test_the_price_of_a_width_change_is_that_of_the_bench():
    text = text_of("results/bench/README.md")
    shown = {row["file"]: row for row in rows(text, "against kept", "file")}
    assert set(shown) == {name for name in BENCHES if name.startswith("switch_")}
    for file, row in shown.items():
        measured = read(f"{file}.json", "bench")["rows"]
        digits = 3 if measured[0]["median_ms"] < 10 else 1
        for entry in measured:
            column = f"{entry['bits']} bits" if entry["kind"] == "constant" else entry["kind"]
            assert row[column] == f"{entry['median_ms']:.{digits}f}", file
        changing = only(measured, kind="changing")
        assert row["against kept"] == f"{100 * changing['vs_kept']:+.1f} %"
        assert row["against constant"] == f"{100 * changing['vs_constant']:+.1f} %"
        assert (row["rounds"], row["threads"]) == (str(changing["runs"]), str(changing["threads"]))


def test_every_timing_has_its_command_and_commit():
    listed = rows(text_of("results/bench/README.md"), "file", "commit")
    assert sorted(Path(row["file"]).stem for row in listed) == BENCHES
    assert all(re.fullmatch(r"[0-9a-f]{7,40}", row["commit"]) for row in listed)
