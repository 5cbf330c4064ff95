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
import subprocess
import sys

import pytest

from src.entry import guarded
from src.errors import UserError
from src.report.load import load_run
from src.report.page import write_report
from src.report.summary import main, summary
from tests.report.fake_escalation import write_escalating_run
from tests.report.fake_run import Fake, write_run


def lines(run):
    return dict(line.split("  ", 1) for line in summary(run).splitlines())


def test_the_table(tmp_path):
    folder = write_run(tmp_path / "run", Fake(images=80))
    run = load_run(folder)
    totals = run.evaluation.totals
    found = {name: value.strip() for name, value in lines(run).items()}
    share = totals["bitops"] / (16 * 18 * 2_359_296)
    assert found["top-1"] == f"{100 * totals['top1']:.2f} %"
    assert found["top-1, float net"] == "91.73 %"
    assert found["mean width"] == f"{totals['mean_bits']:.2f} bits"
    assert found["BitOPs, static 4-bit"] == "679 M"
    assert found["against static 4-bit"].startswith(f"{share:.3f} ×")
    assert found["report"] == f"not written yet: python report.py --run {folder}"
    page = write_report(folder)
    assert lines(run)["report"].strip() == str(page)


def test_a_float_run_has_no_bitops(tmp_path):
    folder = write_run(tmp_path / "run", Fake(method="float", dynamic=0, images=40))
    assert "BitOPs" not in summary(load_run(folder))


def test_a_collapse_is_said(tmp_path):
    folder = write_run(tmp_path / "run", Fake(collapsed=True, images=40))
    assert "the controller has collapsed" in summary(load_run(folder))


def test_an_escalating_net_beside_its_widest_width_and_the_shuffle_test(tmp_path):
    run = load_run(write_escalating_run(tmp_path / "run", images=80))
    found = {name: value.strip() for name, value in lines(run).items()}
    share = run.evaluation.totals["bitops"] / run.knob.top.bitops
    assert found["4 bits throughout"] == f"{100 * run.knob.top.top1:.2f} %; {share:.3f} × of its BitOPs"
    assert found["at others' widths"].endswith("%: the choice pays")
    run.evaluation.totals["choice_pays"] = False
    assert "worth nothing beyond chance" in lines(run)["at others' widths"]


def test_a_run_without_evaluation(tmp_path, capsys):
    folder = write_run(tmp_path / "run", Fake(images=40))
    (folder / "eval/test.json").unlink()
    with pytest.raises(UserError, match=r"python eval\.py"):
        summary(load_run(folder))
    assert guarded(main, ["--run", str(folder)]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_as_a_program(tmp_path):
    folder = write_run(tmp_path / "run", Fake(images=40))
    command = [sys.executable, "-m", "src.report.summary", "--run", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("run ")
