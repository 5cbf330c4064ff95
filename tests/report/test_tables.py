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
import re

import pytest

from src.report import tables
from src.report.load import load_run
from tests.report.fake_run import Fake, write_run

NBSP = "\u00a0"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return load_run(write_run(tmp_path_factory.mktemp("runs") / "run", Fake(images=300)))


def row(table, name):
    """The cells of the row that starts with `name`, as text."""
    for line in re.findall(r"<tr.*?</tr>", table, re.S):
        cells = [
            re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[dh].*?</t[dh]>", line, re.S)
        ]
        if cells and cells[0] == name:
            return cells[1:]
    raise AssertionError(f"no row {name}")


def test_accuracy_beside_the_float_net(run):
    run.evaluation.totals["top1"] = 0.9050
    table = tables.accuracy_table(run)
    assert row(table, "this net")[0] == f"90.50{NBSP}%"
    assert row(table, "float net") == [f"91.73{NBSP}%", "–", "–", "\u22121.23"]


def test_costs_are_multiples_of_the_static_nets(run):
    totals = run.evaluation.totals
    table = tables.cost_table(run)
    mean = totals["bitops"]
    four = 16 * 18 * 2_359_296
    assert row(table, "static 4-bit") == [f"679{NBSP}M", f"1.000{NBSP}×", f"0.250{NBSP}×"]
    assert row(table, "this net, mean")[1] == f"{mean / four:.3f}{NBSP}×"
    assert row(table, "95th percentile")[0] == f"{totals['bitops_p95'] / 1e6:.0f}{NBSP}M"


def test_the_controller_width_changes_and_float_layers_have_their_own_lines(run):
    table = tables.apart_table(run)
    assert row(table, "controller")[0] == f"1.97{NBSP}M BitOPs"
    assert row(table, "width changes")[0] == f"268{NBSP}k"
    assert row(table, "float layers") == [f"443{NBSP}k MACs", "conv1, fc"]


def test_layer_table_has_the_mean_chosen_width(run):
    table = tables.layer_table(run)
    w_bits = run.evaluation.arrays["w_bits"]
    cells = row(table, run.dynamic_layers[5].name)
    assert cells[:3] == ["dynamic", "3, 4, 5", f"{w_bits[:, 5].mean():.2f}"]
    assert row(table, "conv1")[:3] == ["float", "–", ""]
    assert row(table, "conv1")[-1] == "first layer (quant.first_last=float)"


def test_a_static_net_has_no_column_for_chosen_widths(tmp_path):
    static = load_run(write_run(tmp_path / "s", Fake(method="static", dynamic=0, images=20)))
    table = tables.layer_table(static)
    assert "mean chosen" not in table
    assert row(table, "layer2.3.conv")[:2] == ["static", "4"]
    assert "percentile" not in tables.cost_table(static)
    assert "controller" not in tables.apart_table(static)


def test_provenance_shows_every_key(run):
    table = tables.pairs_table(tables.made_pairs(run), "made")
    assert row(table, "mindspore") == ["2.10.0"]
    assert row(table, "seed") == ["1"]
    assert row(table, "commit")[0].startswith("3f0c2a9d")
