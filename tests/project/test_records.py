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
"""The numbers of the texts are those of `results/`, and what lies there can be run again.

The README shows some rows, and `results/README.md` all of them; of timings see test_timings.py.
"""

import re
import shlex
import subprocess
from statistics import fmean, stdev

import numpy as np
import pytest
from scipy import stats

from src.config import load_config
from src.report import collect, records
from src.report.records_page import END
from tests.project.files import ROOT
from tests.project.shown import RESULTS, only, read, readme, rows, step_times, tables, text_of

RECORDS = sorted(path.parent.name for path in RESULTS.glob("*/versions.json"))


def commands() -> dict[str, str]:
    """The command of each record, as results/README.md lists them, in the order of its rows."""
    text = text_of("results/README.md")
    listed = re.findall(r"(?m)^(python train\.py .*)$", text.partition(END)[0])
    return dict(zip((row["record"] for row in rows(text, "record", "commit")), listed, strict=True))


@pytest.mark.parametrize("record", RECORDS)
def test_no_record_is_of_an_uncommitted_tree(record):
    assert re.fullmatch(r"[0-9a-f]{7,40}", read("versions.json", record)["commit"])


def test_every_commit_is_in_the_history():
    """A row whose commit nobody can check out could not be run again."""
    shallow = git("rev-parse", "--is-shallow-repository")
    if shallow.stdout.strip() != "false":
        pytest.skip("no git checkout with its history")
    made = {read("versions.json", record)["commit"] for record in RECORDS}
    made |= {row["commit"] for row in rows(text_of("results/bench/README.md"), "file", "commit")}
    missing = [commit for commit in made if git("merge-base", "--is-ancestor", commit, "HEAD").returncode]
    assert not missing


def git(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("record", RECORDS)
def test_the_command_of_a_record_gives_its_configuration(record):
    _, script, option, recipe, *overrides = shlex.split(commands()[record])
    assert (script, option) == ("train.py", "--config")
    made = load_config(ROOT / recipe, overrides)
    assert made.as_dict() == load_config(RESULTS / record / "config.yaml").as_dict()


def test_what_is_made_from_the_records_is_up_to_date():
    made = records.rows(RESULTS)
    assert [row["record"] for row in made] == RECORDS
    texts = collect.texts(RESULTS)
    for path, text in texts.items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: python -m src.report.collect --out results"
    cards = {path for path in texts if path.parent != RESULTS}
    assert {path for path in RESULTS.glob("*.svg")} == {path for path in texts if path.suffix == ".svg"}
    assert {path for path in RESULTS.glob("*/README.md") if path.parent.name in RECORDS} == cards
    assert len(texts) > len([row for row in made if row["artefact"]]) > 10


def test_accuracies_of_the_readme_are_those_of_the_records():
    shown = {row["record"]: row for row in rows(readme(), "top-1 %", "record")}
    start = shown.pop("float net` of every record")
    widths = {f"lsq_{bits}bit_distilled" for bits in (2, 3, 4)}
    dynamic = {"dqnet_dorefa_4bit", "abn_432bit"}
    assert set(shown) == {f"resnet20_cifar10_{name}" for name in widths | dynamic}
    for record, row in shown.items():
        numbers = read("eval/test.json", record)
        controller = numbers["bitops_controller"]
        assert row["top-1 %"] == f"{100 * numbers['top1']:.2f}", record
        assert row["mean bits"] == f"{numbers['mean_bits']:.2f}", record
        assert row["M BitOPs per image"] == f"{numbers['bitops'] / 1e6:.1f}", record
        assert row["and of the controller"] == (f"{controller / 1e6:.1f}" if controller else "-")
        assert start["top-1 %"] == f"{100 * numbers['baseline']['float']['top1']:.2f}"


@pytest.mark.parametrize(
    "page, endings",
    [("ddq", ("_fixed", "_mixed", "_uniform", "_power_of_two", "_6epochs", "imagenette_lsq_4bit", "8bit_inputs",
              "_adamw", "_kmeans", "_10epochs", "_6epochs_searched", "_crop35", "_18epochs")),
     ("static", ("_ptq",))],
    ids=["ddq", "static"],
)  # fmt: skip
def test_the_table_of_a_method_is_the_records(page, endings):
    shown = sum(tables(text_of(f"src/methods/{page}.md"), "top-1 %", "record"), [])
    assert {row["record"] for row in shown} == {n for n in RECORDS if n.endswith(endings)}
    for row in shown:
        numbers = read("eval/test.json", row["record"])
        assert row["top-1 %"] == f"{100 * numbers['top1']:.2f}", row
        assert row["mean bits"] == f"{numbers['mean_bits']:.2f}", row
        assert row["M BitOPs"] == f"{numbers['bitops'] / 1e6:.1f}", row


def test_ddqs_lead_is_that_of_five_seeds():
    def top1(name: str, seeds=("", "_seed2", "_seed3", "_seed4", "_seed5")) -> list[float]:
        return [100 * read("eval/test.json", f"resnet20_cifar10_{name}{seed}")["top1"] for seed in seeds]

    ddq, lsq = top1("ddq_2bit_mixed"), top1("lsq_2bit_6epochs_searched")
    assert fmean(lsq) > top1("lsq_2bit_6epochs", ("",))[0]  # the better of the two starts
    lead, test = fmean(ddq) - fmean(lsq), stats.ttest_ind(ddq, lsq, equal_var=False)
    told = f"{lead:.2f} points above LSQ of as few epochs at 2 bits (five seeds each, {fmean(ddq):.2f} %, p = "
    assert f"{told}{test.pvalue:.3f})" in " ".join(readme().split()) and test.pvalue < 0.05
    page, range_of = " ".join(text_of("src/methods/ddq.md").split()), test.confidence_interval()
    assert f"{fmean(ddq):.2f} ± {stdev(ddq):.2f} and {fmean(lsq):.2f} ± {stdev(lsq):.2f} %" in page
    assert f"p = {test.pvalue:.3f}, 95 % interval {range_of.low:.2f} to {range_of.high:.2f}; seed by seed" in page
    *first, last = (f"{a - b:.2f}" for a, b in zip(ddq, lsq, strict=True))
    assert f"seed by seed {', '.join(first)} and {last})" in page


def test_settings_of_the_readme_are_those_of_the_record():
    record, text = "resnet20_cifar10_abn_432bit", " ".join(readme().split())
    ladder = read("eval/ladder.json", record)["rows"]
    measured = {(f"{100 * row['top1']:.2f}", f"{row['bitops'] / 1e6:.1f}") for row in ladder}
    budgets = re.findall(r"([0-9.]+) % at ([0-9.]+) M", text)
    assert len(budgets) >= 2 and set(budgets) <= measured
    widths = [f"{100 * read(f'eval/test_{bits}bit.json', record)['top1']:.2f}" for bits in (4, 3, 2)]
    assert f"at 4 / 3 / 2 bits: {' / '.join(widths)} %" in text
    shuffled = read("eval/test.json", record)["shuffled_top1"]
    assert f"falls to {100 * shuffled:.2f} %" in text


def test_the_chinese_readme_shows_the_same_numbers():
    shown = rows(text_of("README_CN.md"), "top-1 %", "记录")
    english = {row["record"]: list(row.values()) for row in rows(readme(), "top-1 %", "record")}
    assert len(shown) >= 3
    for row in shown:
        assert list(row.values())[1:] == english[row["记录"]][1:], row


def test_plans_of_the_text_are_those_of_the_table():
    text = text_of("results/README.md")
    listed = rows(text, "record", "commit")
    chosen = {row["record"]: row for row in listed if row["plans"] != "-" and "_cifar10_" in row["record"]}
    shown = {row["record"]: row for row in rows(text, "network", "plans", "record")}
    assert sorted(shown) == sorted(chosen)
    for record, row in shown.items():
        found = chosen[record]
        assert row["plans"] == found["plans"]
        assert row["images with the most frequent one, %"] == found["most frequent %"]
        assert row["rank correlation of an image's BitOPs and loss"] == found["BitOPs and loss"]


def test_the_default_job_of_the_text_is_the_records():
    record = "resnet8_digits_abn_234bit"
    numbers, widest = read("eval/test.json", record), read("eval/test_4bit.json", record)
    text = " ".join(text_of("results/README.md").split())
    start, end, most = (100 * row["top1"] for row in (numbers["baseline"]["float"], numbers, widest))
    assert f"float net {start:.2f} %, the escalating super-network {end:.2f} % of" in text
    assert f"{numbers['images']} test images at" in text
    assert f"at {numbers['bitops'] / 1e6:.1f} M BitOPs, against {widest['bitops'] / 1e6:.1f} M at 4 bits" in text
    assert f"throughout ({most:.2f} %)" in text


def test_dqnet_on_digits_of_the_text_is_the_records():
    numbers = read("eval/test.json", "resnet8_digits_dqnet_4bit")
    text = " ".join(text_of("results/README.md").split())
    start, end = (100 * row["top1"] for row in (numbers["baseline"]["float"], numbers))
    assert f"float net {start:.2f} %, DQNet {end:.2f} % of {numbers['images']} test images" in text
    assert f"at {numbers['mean_bits']:.2f} bits and {numbers['bitops'] / 1e6:.1f} M BitOPs" in text


def test_seeds_of_the_text_are_the_records():
    records = [f"resnet20_cifar10_abn_432bit{seed}" for seed in ("", "_seed2", "_seed3")]
    text = " ".join(text_of("results/README.md").split())

    def listed(values: list[float], digits: int) -> str:
        return "{}, {} and {}".format(*(f"{value:.{digits}f}" for value in values))

    for budget, bits in ((300, 4), (240, 3)):
        settings = [
            max(
                (row for row in read("eval/ladder.json", record)["rows"] if row["held_out_bitops"] <= budget * 1e6),
                key=lambda row: row["held_out_bitops"],
            )
            for record in records
        ]  # fmt: skip
        top1, cost = [100 * row["top1"] for row in settings], [row["bitops"] / 1e6 for row in settings]
        assert f"At `--budget {budget}M`" in text or f"at `--budget {budget}M`" in text
        assert f"{listed(top1, 2)} % at {listed(cost, 1)} M" in text
        assert f"{listed([100 * read(f'eval/test_{bits}bit.json', record)['top1'] for record in records], 2)} %" in text
        if budget == 300:
            lsq = read("eval/test.json", "resnet20_cifar10_lsq_4bit_distilled")["bitops"] / 1e6
            assert f"a mean of {sum(top1) / 3:.2f} % for {sum(cost) / 3 / lsq:.2f} of LSQ 4's" in text
            first = "{}, {}, {}".format(*(f"{value:.2f}" for value in top1))
            assert f"({sum(cost) / 3:.0f} M): {first} %" in " ".join(readme().split())


def test_random_plans_beside_the_agent_are_those_of_its_search():
    found = read("search.json", "resnet20_cifar10_abn_rising_agent_3epochs")
    top1 = {}
    for pick in found["picks"]:
        tried = found["tried"][pick["tried"]]
        top1.setdefault((pick["method"], pick["budget"]), []).append(100 * tried["top1"])
    budgets = [390e6, 405e6, 415e6, 422e6]
    text = " ".join(text_of("results/README.md").split())
    for name in (np.mean, max):
        values = [name(top1["random", budget]) for budget in budgets]
        assert "{:.2f}, {:.2f}, {:.2f} and {:.2f} %".format(*values) in text
    assert f"3 bits throughout {top1['uniform', None][1]:.2f} %" in text
    assert {row["method"] for row in found["front"]} == {"uniform"}


def test_what_the_agent_can_foresee_is_that_of_its_record():
    numbers = read("eval/foresight_test.json", "resnet20_cifar10_abn_rising_agent_3epochs")
    at = {row["layer"]: row["auc"] for row in numbers["layers"]}
    first, last = (list(at.values())[place] for place in (0, -1))
    text = " ".join(text_of("results/README.md").split())
    assert f"Of the {numbers['images']:,} test images {numbers['in_need']} are wrong at 2 bits and right at 4" in text
    assert (
        f"an AUC of {first:.2f} at the first of its layers, {at['layer3.0.conv1']:.2f} at `layer3.0.conv1` "
        f"and {last:.2f} at the last"
    ) in text
    assert f"the margin of the 2-bit answer does so with {numbers['margin']:.2f}" in text


def test_sentences_have_the_numbers_of_the_files():
    net = "resnet20_cifar10"
    lsq, winograd, dorefa, dqnet = (
        read("eval/test.json", f"{net}_{name}")
        for name in ("lsq_4bit", "lsq_4bit_avx512", "dorefa_4bit", "dqnet_dorefa_4bit")
    )
    times, peaks = [], []
    for file in ("step_resnet20", "step_resnet20_avx2"):
        row = only(read(f"{file}.json", "bench")["rows"], kind="dynamic", runner="native")
        times.append(row["vs_static"])
        peaks.append(row["vs_static_peak"])
    switch = only(read("switch_resnet20_xeon.json", "bench")["rows"], kind="changing")
    torch = step_times("step_resnet20", "dynamic")
    short = (
        f"a dynamic training step costs {times[0]:.2f} times a static one, "
        f"and {torch['native'][0] / torch['torch'][0]:.2f} times PyTorch's"
    )
    images = [
        r for r in read("infer_resnet20.json", "bench")["rows"]
        if r["kind"] == "static" and (r["batch"], r["threads"]) == (1, 1)
    ]  # fmt: skip
    wide, narrow = (only(images, runner="native", bits=bits)["median_ms"] for bits in (8, 2))
    other = min(r["median_ms"] for r in images if r["runner"] != "native")
    fast = (
        f"answers an image in {wide:.3f} ms at 8 bits and {narrow:.3f} at 2, "
        f"the fastest of four int8 runtimes in {other:.3f}"
    )
    for sentence in (short, fast):
        assert sentence in " ".join(readme().split())
    texts = (text_of("results/README.md"), text_of("results/bench/README.md"))
    text = " ".join(" ".join(texts).split())
    for sentence in (
        f"end {100 * abs(lsq['top1'] - winograd['top1']):.2f} points apart",
        f"DQNet stays {100 * (dorefa['top1'] - dqnet['top1']):.1f} points below static DoReFa at 4 bits, "
        f"for {100 * (dqnet['bitops'] / dorefa['bitops'] - 1):.0f} % more BitOPs",
        f"A dynamic step costs {times[0]:.2f} times a static one, and {peaks[0]:.2f} times its peak memory; "
        f"limited to AVX2 {times[1]:.2f} and {peaks[1]:.2f} times",
        f"counts {switch['shifts']:,.0f} shifts an image, "
        f"{100 * switch['shifts'] / switch['macs']:.2f} % of the MACs",
    ):
        assert sentence in text, sentence


def test_settings_for_cifar10_are_chosen_on_held_out_images():
    recipes = sorted((ROOT / "config").glob("*_cifar10_*.yaml"))
    assert recipes
    held = {path.name: load_config(path, ["data.path=FOLDER"]).data.val_split for path in recipes}
    assert set(held.values()) == {0.1}, held
