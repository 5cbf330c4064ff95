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
"""The inference program on the processor: the oracle's integers; what it writes; how it fails."""

import resource
import signal
import subprocess

import numpy as np
import pytest

from src.cost.ladder import fit, margin_of
from src.cost.spending import Spending
from src.engine.classifier import Classifier
from src.engine.oracle import Oracle
from src.engine.rungs import pass_costs, rungs_of
from src.engine.wish import Wish
from tests.ascend310.program import (
    HARNESS,
    assert_like_the_oracle,
    assert_one_error,
    choosing,
    host,
    results,
    write_case,
)
from tests.engine import programs

REPORT = "time_Result/test_perform_static.txt"


@pytest.fixture
def case(tmp_path):
    """A folder with an artefact that chooses widths, and two images."""
    write_case(programs.nested(), tmp_path, 2)
    return tmp_path


@pytest.mark.parametrize("name", programs.NAMED)
def test_the_oracles_answers(name, program, tmp_path):
    artefact = programs.NAMED[name]()
    images = write_case(artefact, tmp_path, 4)
    done = program(tmp_path, *host())
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 images, ") and done.stdout.endswith("in ./result_Files\n")
    assert done.stderr == ""
    assert_like_the_oracle(artefact, images, tmp_path)


@pytest.mark.parametrize("isa", ["avx512", "avx2", "portable"])
@pytest.mark.parametrize("threads", [1, 3])
def test_every_instruction_set(isa, threads, program, tmp_path):
    artefact = choosing(12)
    images = write_case(artefact, tmp_path, 12)
    done = program(tmp_path, *host(), f"--thread_num={threads}", env={"DYNQUANT_ISA": isa})
    if isa != "portable" and "instruction set" in done.stderr:
        pytest.skip(f"this machine has no {isa}")
    assert done.returncode == 0, done.stderr
    assert_like_the_oracle(artefact, images, tmp_path)
    plan = results(tmp_path, 1)
    assert (plan[1:] != plan[:-1]).any(1).all(), "the choices do not change from image to image"


def test_the_report(program, case):
    flags = [*host(), "--result_path=my results", "--time_path=a/b"]
    assert program(case, *flags).returncode == 0
    text = (case / "a" / "b" / "test_perform_static.txt").read_text()
    for part in ["device type: Host", "images: 2\n", "median", "integer program", "8 bits"]:
        assert part in text
    assert "simulated" not in text
    assert len(list((case / "my results").iterdir())) == 4
    assert program(case, *flags).returncode == 0, "existing folders are taken"


def test_the_file_itself_may_be_named(program, case):
    flags = ["--device_type=Host", "--mindir_path=model.safetensors", "--dataset_path=images"]
    assert program(case, *flags).returncode == 0


def test_help(program, tmp_path):
    done = program(tmp_path, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: main")


@pytest.mark.parametrize(
    "flags, words",
    [
        ([], ["--mindir_path"]),
        (["--mindir_path=."], ["--dataset_path"]),
        ([*host(), "--batch_size=2"], ["--batch_size"]),
        ([*host(), "--device_id"], ["--device_id", "value"]),
        ([*host(), "--thread_num=many"], ["--thread_num=many", "0 to 256"]),
        ([*host(), "--mode=single"], ["--mode=single"]),
    ],
)
def test_bad_flags(flags, words, program, case):
    assert_one_error(program(case, *flags), 2, *words)
    assert not (case / "result_Files").exists()


def test_without_lite_it_says_how_to_have_it(program, case):
    stage = "[stage]\nname=a\nslot=-1\ninputs=0\noutput=1\nmacs=0\nfiles=a\n"
    head = "format=1\nmindir_version=3\nimage=3 2 2\nclasses=2\nregisters=2\nfixed_bitops=0\n"
    (case / "bundle.cfg").write_text(head + stage)
    (case / "a").touch()
    for device in ["CPU", "Ascend"]:
        flags = [f"--device_type={device}", "--mindir_path=.", "--dataset_path=images"]
        assert_one_error(program(case, *flags), 1, device, "LITE_HOME", "build.sh")


@pytest.mark.parametrize("model", ["nowhere", "nowhere.safetensors", "images", "model.mindir"])
def test_a_missing_artefact(model, program, case):
    flags = ["--device_type=Host", f"--mindir_path={model}", "--dataset_path=images"]
    assert_one_error(program(case, *flags), 1, model)


def test_a_truncated_artefact(program, case):
    path = case / "model.safetensors"
    content = path.read_bytes()
    for size in [0, 7, 100, len(content) // 2, len(content) - 1]:
        path.write_bytes(content[:size])
        assert_one_error(program(case, *host()), 1, "model.safetensors", "export it again")


@pytest.mark.parametrize("change", [-1, 1, 3 * 8 * 8])
def test_an_image_of_another_size(change, program, case):
    path = case / "images" / "image001.bin"
    path.write_bytes(bytes(len(path.read_bytes()) + change))
    assert_one_error(program(case, *host()), 1, "image001.bin", "3 x 8 x 8 uint8", "preprocess.py")
    assert not list((case / "result_Files").iterdir())


def test_no_images(program, case):
    for path in (case / "images").iterdir():
        path.rename(path.with_suffix(".jpg"))
    assert_one_error(program(case, *host()), 1, "images", "no .bin files")
    assert_one_error(program(case, *host()[:2], "--dataset_path=nowhere"), 1, "nowhere")


@pytest.mark.parametrize("flag", ["--result_path", "--time_path"])
def test_a_file_in_place_of_a_folder(flag, program, case):
    (case / "taken").touch()
    for value in ["taken", "taken/below"]:
        assert_one_error(program(case, *host(), f"{flag}={value}"), 1, value)


def test_a_full_disk_leaves_nothing_half_written(program, case):
    def limit():  # inherited with the signal ignored: writing fails as on a full disk
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8))

    done = program(case, *host(), preexec_fn=limit, restore_signals=False)
    assert_one_error(done, 1, "image000_0.bin cannot be written", "File too large")
    assert not list((case / "result_Files").iterdir())
    assert not (case / REPORT).exists()


def test_an_unknown_instruction_set(program, case):
    assert_one_error(program(case, *host(), env={"DYNQUANT_ISA": "sse"}), 1, "DYNQUANT_ISA")


def test_a_missing_lite_home_is_refused(tmp_path):
    command = ["bash", str(HARNESS / "build.sh"), str(tmp_path / "out")]
    environment = {"PATH": "/usr/bin:/bin", "LITE_HOME": "/nowhere"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert_one_error(done, 1, "LITE_HOME=/nowhere")


def escalating(images: int):
    """A program with statistics of each width and a ladder, whose controller does not look."""
    program, widths = programs.rows(), (2, 4, 8)
    program.operations[0].width = program.operations[0].height
    program.notes = {"exponent": 19, "looks": False, "rows_of_choices": [2, 0, 1], "classes": ['a "b"\n', "\u00e9"]}
    pixels = programs.pixels(program, images)
    passes = rungs_of(program, widths)
    logits = np.stack([
        Oracle(program).run(pixels, np.repeat(plan[None], images, 0), int(row))[0]
        for plan, row in zip(passes.plans, passes.rows, strict=True)
    ])  # fmt: skip
    margins, right = np.stack([margin_of(one) for one in logits]), logits.argmax(2) == logits[2].argmax(1)
    ladder = fit(widths, *pass_costs(program, widths), margins, right).as_integers(0)
    program.notes["ladder"] = ladder.as_dict()
    return program, ladder


@pytest.mark.parametrize("asked", ["nothing", "the cheapest", "the most rungs"])
def test_escalation_like_the_engine(asked, program, tmp_path):
    artefact, ladder = escalating(12)
    images = write_case(artefact, tmp_path, 12)
    budget = {
        "nothing": None,
        "the cheapest": ladder.rows[0].bitops,
        "the most rungs": max(ladder.rows, key=lambda row: len(row.bits)).bitops,
    }[asked]
    flags = [] if budget is None else [f"--budget={budget}"]
    done = program(tmp_path, *host(), *flags)
    assert done.returncode == 0, done.stderr
    classifier = Classifier(artefact, Oracle(artefact), Wish(budget=budget))
    answers = classifier(images)
    logits, ends = Oracle(artefact).climb(images, classifier.rungs)
    np.testing.assert_array_equal(results(tmp_path, 0), logits)
    plans = classifier.rungs.plans[ends].reshape(12, -1)
    np.testing.assert_array_equal(results(tmp_path, 1), plans)
    paid = [np.fromfile(path, np.int64)[0] for path in sorted((tmp_path / "result_Files").glob("*_2.bin"))]
    assert paid == [answer.bitops for answer in answers]
    assert [int(one.argmax()) for one in results(tmp_path, 0)] == [answer.index for answer in answers]
    assert (len(set(ends.tolist())) > 1) == (asked == "the most rungs")
    text = (tmp_path / REPORT).read_text()
    row = ladder.cheapest_like_top() if budget is None else ladder.at(budget)
    assert "escalation: " + f"{row.bits[0]} bits" in text
    for passes in range(1, len(row.bits) + 1):
        count = sum(answer.passes == passes for answer in answers)
        assert [line.split()[5] for line in text.splitlines() if f"{passes} passes" in line] == [str(count)]


def test_a_controller_that_looks_keeps_its_choice(program, tmp_path):
    artefact, _ = escalating(4)
    artefact.notes["looks"] = True
    images = write_case(artefact, tmp_path, 4)
    assert program(tmp_path, *host()).returncode == 0
    assert_like_the_oracle(artefact, images, tmp_path)
    assert not list((tmp_path / "result_Files").glob("*_2.bin"))


@pytest.mark.parametrize("asked", [None, 6_000_000])
def test_an_agent_is_given_the_budget_for_the_mean_asked(asked, program, tmp_path):
    artefact = programs.minding()
    artefact.notes = {"exponent": 19, "spending": {"given": [3_000_000, 7_000_000], "spent": [3.5e6, 6.5e6]}}
    images = write_case(artefact, tmp_path, 8)
    done = program(tmp_path, *host(), *([] if asked is None else [f"--budget={asked}"]))
    assert done.returncode == 0, done.stderr
    budget = None if asked is None else Spending(**artefact.notes["spending"]).give(asked)
    logits, plan = Oracle(artefact).run(images, budget=budget)
    np.testing.assert_array_equal(results(tmp_path, 0), logits)
    np.testing.assert_array_equal(results(tmp_path, 1), plan.reshape(8, -1))


def test_budgets_that_cannot_be_kept(program, case, tmp_path_factory):
    assert_one_error(program(case, *host(), "--budget=1G"), 1, "--budget", "no ladder")
    folder = tmp_path_factory.mktemp("ladder")
    write_case(programs.minding(), folder, 1)
    assert_one_error(program(folder, *host(), "--budget=1G"), 1, "--budget", "do not tell what its agent spends")
    folder = tmp_path_factory.mktemp("ladder")
    write_case(escalating(4)[0], folder, 4)
    assert_one_error(program(folder, *host(), "--budget=10"), 1, "--budget", "allow at least that")
