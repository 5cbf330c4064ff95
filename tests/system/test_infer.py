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
"""From a run or a recipe to answers: export.py --format int, then infer.py on pictures."""

import json
import os
import shutil
import subprocess
import sys

import cv2
import mindspore as ms
import numpy as np
import pytest

import export as export_script
import infer as infer_script
from src import kernels
from src.cost.ladder import Ladder, Row, margin_of
from src.data import load
from src.engine.artefact import load_artefact, save_artefact
from src.engine.choose_engine import open_engine
from src.engine.classifier import Classifier
from src.engine.rungs import pass_costs, rungs_of
from src.engine.wish import Wish
from src.entry import guarded
from tests.system.runs import ROOT, last_json

DIGITS = load("digits", None, "test", image_size=8)
COUNT = 6
RECIPE = str(ROOT / "config" / "resnet8_digits_dqnet_4bit.yaml")
TINY = ["data.image_size=8", "device.native=off"]


@pytest.fixture(scope="module", autouse=True)
def _graph_mode_again():
    """An integer export switches this process to PyNative mode."""
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The first test images as PNG."""
    path = tmp_path_factory.mktemp("pictures")
    for i in range(COUNT):
        cv2.imwrite(str(path / f"{i:02d}.png"), DIGITS.raw(i)[:, :, ::-1])
    return path


@pytest.fixture(scope="module")
def dqt(tmp_path_factory):
    """A DQT network with random weights."""
    path = tmp_path_factory.mktemp("dqt") / "model.safetensors"
    overrides = ["method.name=dqt", "dqt.pool=2", "quant.first_last=8", *TINY]
    arguments = ["--config", RECIPE, "--format", "int", "--out", str(path), *overrides]
    assert guarded(export_script.main, arguments) == 0
    return path


@pytest.fixture(scope="module")
def static(tmp_path_factory):
    path = tmp_path_factory.mktemp("static") / "model.safetensors"
    overrides = ["method.name=static", "quant.quantizer=lsq", *TINY]
    arguments = ["--config", RECIPE, "--format", "int", "--out", str(path), *overrides]
    assert guarded(export_script.main, arguments) == 0
    return path


@pytest.fixture
def infer(capsys):
    """infer.py in this process: (exit code, JSON rows, error lines)."""

    def run(model, *arguments, engine="oracle"):
        arguments = [*map(str, arguments), "--engine", engine, "--json"]
        code = guarded(infer_script.main, ["--model", str(model), *arguments])
        captured = capsys.readouterr()
        rows = [json.loads(line) for line in captured.out.splitlines()]
        return code, rows, captured.err.splitlines()

    return run


def without_time(rows):
    return [{k: v for k, v in row.items() if k != "ms"} for row in rows]


@pytest.fixture(scope="module")
def exported(four_epochs):
    """Path of the integer file of a trained run."""
    assert guarded(export_script.main, ["--run", str(four_epochs), "--format", "int"]) == 0
    return four_epochs / "export" / "model.safetensors"


def test_answers_are_those_of_eval(exported, four_epochs, folder, infer):
    """The whole way: a trained run, exported, on PNGs, against eval.py's row of each image."""
    code, rows, errors = infer(exported, folder)
    assert (code, errors) == (0, [])
    assert [r["file"] for r in rows] == [str(folder / f"{i:02d}.png") for i in range(COUNT)]
    expected = np.load(four_epochs / "eval" / "test.npz")
    for i, answer in enumerate(rows):
        assert answer["index"] == expected["predicted"][i]
        assert answer["w_bits"] == expected["w_bits"][i].tolist()
        assert answer["bitops"] == expected["bitops"][i]
        assert answer["probability"] == pytest.approx(expected["confidence"][i], rel=1e-3)


def test_provenance_of_a_run(exported, four_epochs):
    notes = load_artefact(exported).notes
    assert notes["versions"] == json.loads((four_epochs / "versions.json").read_text())
    assert (notes["model"], notes["method"], notes["recalibrated"]) == ("resnet8", "dqnet", None)
    assert notes["config"]["data"]["image_size"] == 8


@pytest.mark.slow
def test_recalibrated_statistics_change_the_file(exported, four_epochs, tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    arguments = ["--run", str(four_epochs), "--format", "int", "--recalibrate", "1"]
    assert guarded(export_script.main, [*arguments, "--out", str(path)]) == 0
    assert last_json(capsys.readouterr().out)["top1_equal"] == 1
    new, old = load_artefact(path), load_artefact(exported)
    assert new.notes["recalibrated"] == 1
    multipliers = [[op.arrays["multiplier"] for op in p.slots.values()] for p in (new, old)]
    assert any((a != b).any() for a, b in zip(*multipliers, strict=True))


@pytest.mark.parametrize("size", [1, 4, 20])
def test_batches_change_nothing(dqt, folder, infer, size):
    code, rows, _ = infer(dqt, folder, "--batch", size)
    assert code == 0
    assert without_time(rows) == without_time(infer(dqt, folder)[1])


@pytest.mark.skipif(not kernels.available(), reason="no compiler for the kernels")
def test_native_gives_the_same_answers(dqt, folder, infer):
    for arguments in ((), ("--batch", 3, "--threads", 1), ("--bits", 2)):
        code, rows, _ = infer(dqt, folder, *arguments, engine="native")
        assert code == 0
        assert without_time(rows) == without_time(infer(dqt, folder, *arguments)[1])


def test_one_width_everywhere(dqt, folder, infer):
    code, rows, _ = infer(dqt, folder, "--bits", 4)
    assert code == 0 and {tuple(row["w_bits"]) for row in rows} == {(4,) * 6}
    assert rows[0]["mean_bits"] == 4
    costs = [infer(dqt, folder / "00.png", "--bits", b)[1][0]["bitops"] for b in (2, 4, 8)]
    assert costs == sorted(costs) and costs[1] == rows[0]["bitops"]


def test_a_budget_is_kept(dqt, folder, infer):
    free = infer(dqt, folder)[1]
    budget = (min(r["bitops"] for r in free) + infer(dqt, folder, "--bits", 2)[1][0]["bitops"]) / 2
    code, rows, _ = infer(dqt, folder, "--max-bitops", f"{budget / 1e6}M", "--batch", 4)
    assert code == 0 and max(row["bitops"] for row in rows) <= budget
    again = infer(dqt, folder, "--max-bitops", f"{budget / 1e9}G")[1]
    assert without_time(again) == without_time(rows)
    assert without_time(infer(dqt, folder, "--max-bitops", "1e12")[1]) == without_time(free)


@pytest.fixture(scope="module")
def laddered(dqt, tmp_path_factory):
    """The DQT network with a ladder: a quarter of the first test images goes on from 2 to 8 bits."""
    program = load_artefact(dqt)
    rungs = rungs_of(program, (2, 8))
    images = DIGITS.pixels(np.arange(40))
    plans = np.repeat(rungs.plans[:1], 40, 0)
    logits, _ = open_engine(dqt).run(images, plans, int(rungs.rows[0]))
    threshold = int(np.sort(margin_of(logits))[10])
    costs, again = pass_costs(program, (2, 4, 8))
    rows = (Row((2,), (), float(costs[0]), 0.1),
            Row((2, 8), (threshold,), costs[0] + again[2] / 4, 0.3))  # fmt: skip
    program.notes["ladder"] = Ladder((2, 4, 8), costs, again, (0.1, 0.2, 0.3), rows).as_dict()
    path = tmp_path_factory.mktemp("laddered") / "model.safetensors"
    save_artefact(program, path)
    return path


@pytest.mark.skipif(not kernels.available(), reason="no compiler for the kernels")
def test_a_labelled_set_within_a_budget(laddered, infer):
    code, (row,), errors = infer(laddered, "--test", "digits", "--budget", "1G", engine="native")
    assert code == 0 and row["images"] == len(DIGITS) and row["rungs"].keys() == {"2", "8"}
    assert 0.1 < row["rungs"]["8"] < 0.4 and row["rungs"]["2"] + row["rungs"]["8"] == 1
    assert row["mean_bits"] == pytest.approx(2 + 6 * row["rungs"]["8"])
    costs = {b: infer(laddered, "--test", "digits", "--bits", b, engine="native")[1][0]["bitops"] for b in (2, 8)}
    kept = pass_costs(load_artefact(laddered), (2, 8))
    later = kept[1][1]
    assert costs == {2: kept[0][0], 8: kept[0][1]} and later < costs[8]
    assert row["bitops"] == pytest.approx(costs[2] + row["rungs"]["8"] * later)
    answers = Classifier(load_artefact(laddered), open_engine(laddered), Wish(budget=1e9))(
        DIGITS.pixels(np.arange(len(DIGITS)))
    )
    assert row["top1"] == np.mean([a.index for a in answers] == DIGITS.labels)
    assert any("batches" in line for line in errors)  # it says how far it is


def test_single_answers_tell_their_passes(laddered, folder, infer):
    code, rows, _ = infer(laddered, folder, "--budget", "1G", "--batch", 4)
    assert code == 0
    for row in rows:
        assert row["w_bits"] == [8 if row["passes"] == 2 else 2] * 6
    assert without_time(infer(laddered, folder, "--budget", "1G")[1]) == without_time(rows)
    code, rows, _ = infer(laddered, folder)
    assert {row["passes"] for row in rows} == {1}  # its own controller looks at the image


def test_an_unreadable_picture_does_not_stop_the_others(dqt, folder, tmp_path, infer):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    names = [folder / "01.png", tmp_path / "broken.png", folder / "00.png", tmp_path / "gone.png"]
    for size in (1, 3):
        code, rows, errors = infer(dqt, *names, "--batch", size)
        assert code == 2
        assert [row["file"] for row in rows] == [str(names[0]), str(names[2])]
        assert [line.split()[1] for line in errors] == [str(names[1]), str(names[3])]
    assert infer(dqt, names[1])[1] == []


def test_nothing_in_a_folder_vanishes(dqt, folder, tmp_path, infer):
    """A link to nothing and a pipe are errors; files of other kinds are told."""
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    shutil.copy(folder / "00.png", mixed / "a.png")
    (mixed / "b.png").symlink_to(tmp_path / "gone.png")
    os.mkfifo(mixed / "c.jpg")
    (mixed / "d.gif").touch()
    code, rows, (left_out, *errors) = infer(dqt, mixed)
    assert code == 2 and [row["file"] for row in rows] == [str(mixed / "a.png")]
    assert [line.split()[1] for line in errors] == [str(mixed / "b.png"), str(mixed / "c.jpg")]
    assert "a link to nothing" in errors[0] and "a named pipe" in errors[1]
    assert "mixed: 1 left out" in left_out and "1 .gif" in left_out


def test_lines_of_text(dqt, static, folder, capsys):
    for model in (dqt, static):
        arguments = ["--model", str(model), str(folder), "--engine", "oracle"]
        assert guarded(infer_script.main, arguments) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == COUNT
        for i, line in enumerate(lines):
            assert line.startswith(f"{folder}/{i:02d}.png  ")
            assert all(words in line for words in ("%", " bits (", "M BitOPs", " ms"))


@pytest.mark.parametrize(
    "arguments,words",
    [
        (["--bits", "5"], ["--bits 5", "2, 4, 8"]),
        (["--max-bitops", "1k"], ["--max-bitops 1000", "cheapest plan"]),
        (["--max-bitops", "many"], ["--max-bitops many", "1.2G"]),
        (["--budget", "many"], ["--budget many", "1.2G"]),
        (["--budget", "1G"], ["--budget 1e+09", "no ladder"]),
        (["--bits", "4", "--budget", "1G"], ["--bits 4 and --budget 1G"]),
        (["--test", "digits"], ["--test NAME:FOLDER"]),
        (["--batch", "0"], ["--batch 0"]),
        (["--threads", "-1"], ["--threads -1"]),
    ],
)
def test_bad_options(dqt, folder, infer, arguments, words):
    code, rows, errors = infer(dqt, folder, *arguments)
    assert (code, rows, len(errors)) == (2, [], 1)
    assert errors[0].startswith("error: ") and all(word in errors[0] for word in words)


@pytest.mark.parametrize(
    "arguments,words",
    [
        ([], ["--test NAME:FOLDER"]),
        (["--test", "mnist:/x"], ["--test mnist:/x", "cifar10"]),
        (["--test", "image_folder:/nowhere"], ["/nowhere"]),
        (["--test", "digits", "--budget", "1"], ["a budget of", "allow at least that"]),
    ],
)
def test_bad_sets(laddered, infer, arguments, words):
    code, rows, errors = infer(laddered, *arguments)
    assert (code, rows, len(errors)) == (2, [], 1)
    assert errors[0].startswith("error: ") and all(word in errors[0] for word in words)


def test_a_static_network_has_no_widths_to_choose(static, folder, infer):
    code, rows, _ = infer(static, folder)
    assert code == 0 and rows[0]["w_bits"] == [] and rows[0]["mean_bits"] == 4
    for arguments in (["--bits", "4"], ["--max-bitops", "1G"]):
        code, rows, errors = infer(static, folder, *arguments)
        assert code == 2 and "no controller" in errors[0]


def test_bad_files(dqt, folder, tmp_path, infer):
    assert "holds no picture" in infer(dqt, tmp_path)[2][0]
    code, _, errors = infer(tmp_path / "none.safetensors", folder)
    assert code == 2 and "none.safetensors" in errors[0]
    content = dqt.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(content[: len(content) // 2])
    code, _, errors = infer(tmp_path / "cut.safetensors", folder)
    assert code == 2 and "cut.safetensors is damaged" in errors[0]


@pytest.mark.parametrize("what", ["pictures", "a set"])
def test_no_framework_in_its_process(dqt, folder, what):
    code = (
        "import sys, infer\nfrom src.entry import guarded\n"
        "done = guarded(infer.main, sys.argv[1:])\n"
        "assert not {'mindspore', 'torch'} & set(sys.modules)\nsys.exit(done)"
    )
    images = [str(folder), "--engine", "oracle"] if what == "pictures" else ["--test", "digits"]
    command = [sys.executable, "-c", code, "--model", str(dqt), *images]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == (COUNT if what == "pictures" else 1)


def test_export_refuses(tmp_path, capsys):
    for arguments, words in (
        (["--config", RECIPE, "--format", "int"], "--out"),
        (["--config", RECIPE, "--format", "int", "--out", str(tmp_path / "x.safetensors"),
          "method.name=float", *TINY], "quantised network"),
    ):  # fmt: skip
        assert guarded(export_script.main, arguments) == 2
        assert words in capsys.readouterr().err
