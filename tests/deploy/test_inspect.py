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
"""`python -m src.deploy.inspect`: facts against the file's own tensors, text, errors, no framework."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from src.cost.ladder import Ladder, Row
from src.deploy import inspect
from src.deploy.integer.facts import facts_of
from src.engine.artefact import save_artefact
from src.engine.operations import Conv, Wide
from src.engine.rungs import pass_costs
from src.entry import guarded
from src.errors import UserError
from tests.engine.programs import candidates, levels, nested, static

ROOT = Path(__file__).resolve().parent.parent.parent


def save(program, path, **notes):
    program.notes = {"model": "net8", "exponent": 20, **notes}
    save_artefact(program, path)
    return path


@pytest.fixture
def path(tmp_path):
    program = nested()
    names = {i: f"part{i}" for i in range(len(program.operations))}
    scales = {"part9": {"weights": [[0.25, 0.5]], "inputs": [0.125]}}
    return save(program, tmp_path / "net.safetensors", layers=names, scales=scales)


@pytest.mark.parametrize("make", [nested, candidates, static, levels])
def test_bytes_are_those_of_the_files_tensors(make, tmp_path):
    program = make()
    file = save(program, tmp_path / "net.safetensors")
    tensors, facts = load_file(file), facts_of(file)
    for row in facts["layers"]:
        prefix = f"{row['operation']}."
        assert row["bytes"] == sum(t.nbytes for n, t in tensors.items() if n.startswith(prefix))
    sizes = facts["bytes"]
    assert sizes["codes"] == sum(t.nbytes for n, t in tensors.items() if ".weight." in n)
    assert sizes["wide_weights"] == sum(t.nbytes for n, t in tensors.items() if n[-7:] == ".weight")
    parts = ("codes", "wide_weights", "multipliers_and_biases", "levels", "other")
    assert sum(sizes[part] for part in parts) == sizes["total"] == file.stat().st_size
    values = 0
    for op in program.operations:
        if isinstance(op, Conv | Wide):
            weight = op.arrays["weight" if isinstance(op, Wide) else "weight.0"]
            values += weight.size + len(weight)
    assert sizes["float32"] == 4 * values


def test_layers_and_program(path):
    program, facts = nested(), facts_of(path)
    assert len(facts["program"]) == len(program.operations)
    for row, op in zip(facts["program"], program.operations, strict=True):
        assert (row["type"], list(row["numbers"].values())) == (type(op).__name__, op.numbers)
        assert row["name"] == f"part{row['operation']}"
    dynamic = [row for row in facts["layers"] if row["slot"] is not None]
    assert {row["slot"] for row in dynamic} == {0, 1, 2}
    assert all(row["w_bits"] == [2, 4, 8] and row["stored_bits"] == [8] for row in dynamic)
    assert sum(row["controller"] for row in facts["layers"]) == 1
    assert facts["scales"] == {"part9": {"weights": [0.25, 0.5], "inputs": [0.125]}}
    assert facts["provenance"] == {"model": "net8"}


def test_text_names_every_operation(path, capsys):
    assert guarded(inspect.main, [str(path)]) == 0
    text = capsys.readouterr().out
    for i in range(len(nested().operations)):
        assert f"part{i} " in text
    assert "2/4/8" in text and "weights 0.25/0.5  inputs 0.125" in text and "x 2^-20" in text
    assert 'model: "net8"' in text and "float32 / total" in text


def test_learned_levels_are_shown(path, tmp_path):
    program = levels()
    facts = facts_of(save(program, tmp_path / "levels.safetensors", layers={4: "block.conv"}))
    shown = {(row["operation"], row["side"]): row["levels"] for row in facts["levels"]}
    for side, i in (("weights", 4), ("inputs", 3)):
        assert shown[4, side] == program.operations[i].arrays["levels"].tolist()
    assert [i for i, side in shown if side == "weights"] == [4, 6, 8, 13]
    assert [i for i, side in shown if side == "inputs"] == [4, 6, 8, 11]
    row = next(row for row in facts["layers"] if row["operation"] == 4)
    assert (row["w_bits"], row["a_bits"], row["stored_bits"]) == ([3], [4], [3])
    line = f"block.conv {' '.join(['4', 'weights', *map(str, shown[4, 'weights'])])}"
    assert line in [" ".join(line.split()) for line in inspect.as_text(facts).splitlines()]
    assert not facts_of(path)["levels"]


def test_a_ladder_is_shown(tmp_path):
    program = nested()
    costs, again = pass_costs(program, (2, 4))
    rows = (Row((2,), (), 5e5, 0.5), Row((2, 4), (3 << 19,), 1.25e6, 0.75))
    ladder = Ladder((2, 4), costs, again, (0.5, 0.7), rows)
    file = save(program, tmp_path / "net.safetensors", ladder=ladder.as_dict())
    facts = facts_of(file)
    assert facts["ladder"]["costs"] == list(costs) and "ladder" not in facts["provenance"]
    assert facts["ladder"]["rows"][1]["real_margins"] == [1.5]
    lines = [" ".join(line.split()) for line in inspect.as_text(facts).splitlines()]
    assert f"4 bits {costs[1] / 1e6:.4g} {again[1] / 1e6:.4g} 70.00%" in lines
    assert "2 0.5 50.00% -" in lines and "2 -> 4 1.25 75.00% 1572864 (1.5)" in lines
    assert facts_of(save(nested(), tmp_path / "other.safetensors"))["ladder"] is None


def test_a_file_without_notes_can_be_looked_at(tmp_path):
    program = static()
    program.notes = {}
    save_artefact(program, tmp_path / "net.safetensors")
    facts = facts_of(tmp_path / "net.safetensors")
    assert facts["provenance"] == {} and facts["layers"][0]["w_bits"] == [8]
    assert "Conv" in inspect.as_text(facts)


@pytest.mark.parametrize(
    "notes", [{"layers": [1]}, {"layers": {"x": "y"}}, {"scales": {"a": {"weights": ["b"]}}}]
)
def test_damaged_notes_are_named(tmp_path, notes, monkeypatch):
    with monkeypatch.context() as patch:  # which writes them without a look
        patch.setattr("src.engine.artefact.parse_notes", lambda text: None)
        file = save(static(), tmp_path / "net.safetensors", **notes)
    with pytest.raises(UserError, match="net.safetensors is damaged or not one: the notes' "):
        facts_of(file)


def test_names_cannot_forge_lines(path, tmp_path):
    plain = inspect.as_text(facts_of(path))
    program, evil = nested(), "x\n   9 Conv\x1b[2J\udcff"
    names = {i: evil for i in range(len(program.operations))}
    scales = {evil: {"weights": [[0.25, 0.5]], "inputs": [0.125]}}
    notes = {"layers": names, "scales": scales, "model": evil, evil: 1}
    save(program, tmp_path / "evil\n.safetensors", **notes)
    text = inspect.as_text(facts_of(tmp_path / "evil\n.safetensors"))
    assert text.count("\n") == plain.count("\n") + 1  # the one key more
    assert all(line.isprintable() for line in text.split("\n"))


def test_without_the_framework_in_its_own_process(path, tmp_path):
    code = (
        "import sys\nfrom src.deploy import inspect\nfrom src.entry import guarded\n"
        "done = guarded(inspect.main, sys.argv[1:])\n"
        "assert 'mindspore' not in sys.modules\nsys.exit(done)"
    )

    def run(*arguments):
        command = [sys.executable, "-c", code, *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)

    done = run(path, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == facts_of(path)
    (tmp_path / "bad").write_bytes(np.random.default_rng(0).bytes(100))
    done = run(tmp_path / "bad")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ") and "damaged" in done.stderr
