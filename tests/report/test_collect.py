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
"""A record keeps the numbers of a run and none of its paths."""

import json
import re
import shlex

import numpy as np
import pytest
import yaml

from src.config import DEFAULT_FILE, load_config
from src.errors import UserError
from src.report.collect import main
from src.report.kept import FILES, keep
from src.report.records import rows
from src.report.records_page import BEGIN, END, page
from tests.report.fake_escalation import write_escalating_run
from tests.report.fake_run import Fake, write_run


def table(out):
    return page(None, rows(out))


@pytest.fixture
def run(tmp_path):
    run = tmp_path / "deep" / "lsq_4bit"
    (run / "eval").mkdir(parents=True)
    config = {
        "run": {"dir": "/some/where/runs/lsq_4bit"},
        "data": {"path": "/some/where/cifar"},
        "model": {"weights": "/some/where/w/resnet20.npz"},
        "train": {"teacher_weights": None, "epochs": 6},
    }
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    command = "python train.py --config config/a.yaml data.path=/some/where/cifar train.epochs=6"
    versions = {"command": command, "seed": 3, "commit": "abc", "machine": "two cores"}
    (run / "versions.json").write_text(json.dumps(versions))
    numbers = {"top1": 0.91234, "images": 10_000, "mean_bits": 3.5, "bitops": 123.4e6}
    numbers["baseline"] = {"float": {"top1": 0.9173}}
    (run / "eval/test.json").write_text(json.dumps(numbers))
    for name in ("metrics.csv", "layers.json", "eval/test.npz"):
        (run / name).write_bytes(b"kept as it is")
    return run


def test_record_holds_the_files_without_paths(run, tmp_path):
    target = tmp_path / "results" / "lsq_4bit"
    keep(run, target)
    assert (target / "eval/test.npz").read_bytes() == b"kept as it is"
    text = "".join((target / n).read_text() for n in FILES if not n.endswith("npz"))
    assert "/some/where" not in text
    config = yaml.safe_load((target / "config.yaml").read_text())
    assert config["model"]["weights"] == "resnet20.npz"
    command = json.loads((target / "versions.json").read_text())["command"]
    assert command == "python train.py --config config/a.yaml data.path=cifar train.epochs=6"


def test_paths_of_every_section_are_cut(run, tmp_path):
    config = yaml.safe_load((run / "config.yaml").read_text())
    paths = {"dqnet": {"latency": "/some/where/t.json"}, "dqt": {"latency": "/some/where/t.json"}}
    paths["quant"] = {"plan": "/some/where/t.json"}
    (run / "config.yaml").write_text(yaml.safe_dump({**config, **paths}))
    keep(run, tmp_path / "x")
    kept = yaml.safe_load((tmp_path / "x/config.yaml").read_text())
    assert [kept["dqnet"]["latency"], kept["dqt"]["latency"], kept["quant"]["plan"]] == ["t.json"] * 3


def test_a_run_without_training_has_no_metrics(run, tmp_path):
    (run / "metrics.csv").unlink()
    with pytest.raises(UserError, match=r"has no metrics\.csv; train it"):
        keep(run, tmp_path / "x")
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["train"]["epochs"] = 0
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    keep(run, tmp_path / "x")
    assert not (tmp_path / "x/metrics.csv").exists()


def test_an_absolute_recipe_is_cut_too(run, tmp_path):
    set_version(run, command="python /some/where/train.py --config /some/where/config/a.yaml train.epochs=6")
    keep(run, tmp_path / "x")
    command = json.loads((tmp_path / "x/versions.json").read_text())["command"]
    assert command == "python train.py --config a.yaml train.epochs=6"


def test_table_has_one_row_per_record(run, tmp_path):
    keep(run, tmp_path / "results" / "lsq_4bit")
    row = [line for line in table(tmp_path / "results").splitlines() if "lsq_4bit |" in line]
    cells = "91.23 | - | 91.73 | - | 6 | 3.50 | 123.4 | - | - | - | - | 3 | abc | two cores"
    assert row == [f"| lsq_4bit | {cells} |"]


def test_unfinished_run_is_refused_by_name(run, tmp_path):
    (run / "eval/test.json").unlink()
    with pytest.raises(UserError, match=r"eval/test.json.*eval.py --run"):
        keep(run, tmp_path / "results" / "x")


@pytest.mark.parametrize("commit", ["abc-dirty", "v1.0-3-gabc-dirty", "no git", "", None])
def test_a_run_of_an_uncommitted_tree_is_refused(run, tmp_path, commit):
    set_version(run, commit=commit)
    target = tmp_path / "results" / "lsq_4bit"
    with pytest.raises(UserError, match=r"lsq_4bit: commit .* of no committed tree"):
        keep(run, target)
    assert not target.exists()


@pytest.mark.parametrize("commit", ["abc-dirty", None])
def test_a_run_that_was_resumed_from_an_uncommitted_tree_is_refused(run, tmp_path, commit):
    set_version(run, continuations=[{"commit": "abc"}, {"commit": commit}])
    with pytest.raises(UserError, match=r"lsq_4bit: commit .* that was resumed from a clean"):
        keep(run, tmp_path / "results" / "lsq_4bit")


def test_a_resume_is_told_without_its_paths(run, tmp_path):
    resume = {"command": "train.py --resume /some/where/runs/x", "commit": "def", "machine": "one core"}
    set_version(run, continuations=[resume, resume])
    keep(run, tmp_path / "results" / "lsq_4bit")
    kept = json.loads((tmp_path / "results/lsq_4bit/versions.json").read_text())
    assert [one["command"] for one in kept["continuations"]] == ["train.py --resume x"] * 2
    assert "| 3 | abc, then def | two cores |" in table(tmp_path / "results")
    assert rows(tmp_path / "results")[0]["resumed"] == ["def", "def"]


def test_a_record_of_an_uncommitted_tree_stops_the_table(run, tmp_path):
    out = tmp_path / "results"
    keep(run, out / "lsq_4bit")
    assert main(["--out", str(out)]) == 0
    before = [(out / name).read_bytes() for name in ("README.md", "index.json")]
    set_version(out / "lsq_4bit", commit="abc-dirty")
    with pytest.raises(UserError, match="abc-dirty"):
        main(["--out", str(out)])
    assert [(out / name).read_bytes() for name in ("README.md", "index.json")] == before


def test_prose_around_the_table_stays(run, tmp_path):
    out = tmp_path / "results"
    keep(run, out / "lsq_4bit")
    main(["--out", str(out)])
    made = (out / "README.md").read_text()
    (out / "README.md").write_text("before\n" + made.replace("| lsq_4bit |", "| old |") + "after\n")
    main(["--out", str(out)])
    assert (out / "README.md").read_text() == "before\n" + made + "after\n"


@pytest.mark.parametrize("text", ["", "# Mine\n", f"{END}\n{BEGIN}\n"])
def test_a_readme_without_a_place_for_the_table_is_left_alone(run, tmp_path, text):
    out = tmp_path / "results"
    keep(run, out / "lsq_4bit")
    (out / "README.md").write_text(text)
    with pytest.raises(UserError, match=r"README.md has no line .*move the file away"):
        main(["--out", str(out)])
    assert (out / "README.md").read_text() == text and not (out / "index.json").exists()


def test_the_index_lists_every_record_with_its_numbers(run, tmp_path):
    out = tmp_path / "results"
    keep(run, out / "lsq_4bit")
    (out / "lsq_4bit/model.safetensors").write_bytes(b"an artefact")
    write_run(out / "net", Fake(dynamic=2, images=4))
    set_version(out / "net", seed=1)
    main(["--out", str(out)])
    first, second = json.loads((out / "index.json").read_text())
    wanted = {
        "record": "lsq_4bit", "method": "dqnet", "top1": 0.91234, "bitops": 123.4e6, "mean_bits": 3.5,
        "seed": 3, "commit": "abc", "artefact": "lsq_4bit/model.safetensors",
    }  # fmt: skip
    assert {key: first[key] for key in wanted} == wanted
    assert list(first)[: len(wanted)] == list(wanted) and list(second) == list(first)
    assert (second["record"], second["artefact"], second["plans"] > 0) == ("net", None, True)


def test_a_super_network_is_listed_with_its_settings(tmp_path):
    out = tmp_path / "results"
    record = write_escalating_run(out / "net", images=60)
    set_version(record, seed=1)
    config = yaml.safe_load((record / "config.yaml").read_text())
    config["quant"]["quantizer"] = "lsq"
    config["train"] |= {"distill_weight": 0.5, "teacher_model": "resnet56", "teacher_weights": "teacher.npz"}
    (record / "config.yaml").write_text(yaml.safe_dump(config))
    main(["--out", str(out)])
    (row,) = json.loads((out / "index.json").read_text())
    totals = json.loads((record / "eval/test.json").read_text())
    assert (row["system"], row["quantizer"], row["teacher"]) == ("supernet", "lsq", "resnet56")
    for name in ("top1", "bitops", "shuffled_top1", "hardness_correlation"):
        assert row[name] == totals[name]
    assert [point["bits"] for point in row["uniform"]] == [[2], [3], [4]]
    rows = json.loads((record / "eval/ladder.json").read_text())
    assert sorted(point["top1"] for point in row["ladder"]) == sorted(one["top1"] for one in rows)
    assert any("budget" in point for point in row["ladder"]) and len(row["searched"]) == 10
    assert row["plans"] >= 2
    assert "| net | 2 → " in (out / "README.md").read_text()


def set_version(run, **values):
    versions = json.loads((run / "versions.json").read_text()) | values
    (run / "versions.json").write_text(json.dumps(versions))


@pytest.mark.parametrize(
    ("recipe", "named"),
    [
        ("config/resnet20_cifar10_dqnet_dorefa_4bit.yaml", "config/resnet20_cifar10_dqnet_dorefa_4bit.yaml"),
        ("/elsewhere/config/resnet20_cifar10_lsq_4bit.yaml", "config/resnet20_cifar10_lsq_4bit.yaml"),
        ("resnet20_cifar10_lsq_4bit", "config/resnet20_cifar10_lsq_4bit.yaml"),
        ("config/resnet20_cifar10_lsq_2bit.yaml", "config/resnet20_cifar10_lsq_4bit.yaml"),
        ("config/resnet20_cifar10_dqt_2to8bit.yaml", "config/resnet20_cifar10_dqt_248bit.yaml"),
        ("config/resnet20_cifar10_dqnet_3bit.yaml", None),
        ("mine.yaml", None),
    ],
)
def test_the_listed_command_gives_the_configuration_whatever_recipes_say_by_now(tmp_path, recipe, named):
    out = tmp_path / "results"
    record = write_run(out / "net", Fake(data="cifar10", data_path="cifar"))
    set_version(record, command=f"python train.py --config {recipe} data.path=cifar", seed=1)
    config = yaml.safe_load((record / "config.yaml").read_text())
    config["quant"]["exceptions"] = {"layer1.0.conv1": 8}
    config["train"]["milestones"] = [3, 5]
    (record / "config.yaml").write_text(yaml.safe_dump(config))
    (line,) = re.findall(r"(?m)^(python train.py .*)$", table(out))
    _, _, _, file, *overrides = shlex.split(line)
    assert file == (named or str(record / "config.yaml"))
    root = DEFAULT_FILE.parent.parent
    assert load_config(root / file, overrides) == load_config(record / "config.yaml")


def test_the_table_says_what_a_controller_does(tmp_path):
    out = tmp_path / "results"
    record = write_run(out / "net", Fake(dynamic=2, images=4))
    set_version(record, seed=1)
    with np.load(record / "eval/test.npz") as archive:
        arrays = dict(archive)
    arrays["w_bits"] = arrays["a_bits"] = np.array([[3, 3], [3, 5], [3, 5], [5, 5]], np.uint8)
    arrays["bitops"], arrays["loss"] = np.array([18.0, 34, 34, 50]), np.array([0.4, 0.3, 0.2, 0.1])
    np.savez(record / "eval/test.npz", **arrays)
    (row,) = [line for line in table(out).splitlines() if line.startswith("| net |")]
    assert "| 2.0 | 3 | 50.0 | -0.95 |" in row
