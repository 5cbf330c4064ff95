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

"""The layer table: the rows of layers.json and the printed lines."""

from src.layers.spec import DYNAMIC, FLOAT, STATIC, LayerInfo, LayerSpec, format_table, table_rows


def test_rows_and_lines():
    layers = [
        LayerInfo("conv1", "conv", 1_500_000, 432, 3072, 0),
        LayerInfo("layer1.0.conv1", "conv", 2_000_000, 2304, 16384, 1),
        LayerInfo("layer2.0.conv1", "conv", 3_000_000, 4608, 16384, 2),
    ]
    specs = {
        "conv1": LayerSpec(FLOAT, "first"),
        "layer1.0.conv1": LayerSpec(STATIC, "before", "dorefa", (4,), (5,)),
        "layer2.0.conv1": LayerSpec(DYNAMIC, "chosen", "dorefa", (3, 4), (3, 4), 0),
    }
    rows = table_rows(layers, specs)
    assert [row["kind"] for row in rows] == ["float", "static", "dynamic"]
    assert (rows[1]["w_bits"], rows[1]["a_bits"]) == (4, 5), "one width is a number, not a list"
    assert rows[2]["w_bits"] == (3, 4) and rows[2]["slot"] == 0
    assert set(rows[0]) == {
        "name", "type", "macs", "weights", "kind", "why", "quantizer", "w_bits", "a_bits", "slot",
    }  # fmt: skip
    lines = [" ".join(line.split()) for line in format_table(rows).splitlines()]
    assert lines[1] == "conv1 float 32 float 32 float 1.50 first"
    assert lines[2] == "layer1.0.conv1 static 4 bit 5 bit 2.00 before"
    assert lines[3] == "layer2.0.conv1 dynamic 3/4 bit 3/4 bit 3.00 chosen"
