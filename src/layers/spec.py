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
"""What a layer is to become, and the table that tells the user.

A method decides one `LayerSpec` per layer; `src/layers/swap.py` carries it out.
"""

from dataclasses import asdict, dataclass

FLOAT, STATIC, DYNAMIC = "float", "static", "dynamic"


@dataclass(frozen=True)
class LayerInfo:
    """A convolution or dense layer of a model, as found in it (float), with its cost for one image.

    Attributes:
        name: dotted path of the cell in the model.
        type: conv or dense.
        macs: multiply-accumulates.
        weights, inputs: number of weights, and of input elements.
        part: 0 for the stem, 1.. for the groups of blocks, -1 for the head.
        is_shortcut: a projection beside a block.
        signed_input: the input may be negative (an image), so its codes must be signed.
    """

    name: str
    type: str
    macs: int
    weights: int
    inputs: int
    part: int
    is_shortcut: bool = False
    signed_input: bool = False


@dataclass(frozen=True)
class LayerSpec:
    """kind float | static | dynamic; `w_bits` and `a_bits` list the widths (one if static)."""

    kind: str
    why: str
    quantizer: str = ""
    w_bits: tuple[int, ...] = ()
    a_bits: tuple[int, ...] = ()
    slot: int | None = None


def table_rows(layers: list[LayerInfo], specs: dict[str, LayerSpec]) -> list[dict]:
    """One plain dictionary per layer, for `layers.json` and the report."""
    rows = []
    for layer in layers:
        row = {k: v for k, v in asdict(layer).items() if k in ("name", "type", "macs", "weights")}
        spec = asdict(specs[layer.name])
        if spec["kind"] == STATIC:
            spec["w_bits"], spec["a_bits"] = spec["w_bits"][0], spec["a_bits"][0]
        rows.append({**row, **spec})
    return rows


def format_table(rows: list[dict]) -> str:
    """The table that is printed at the start of a run."""
    lines = [f"{'layer':<28}{'kind':<9}{'weights':<11}{'inputs':<11}{'M MACs':>8}  why"]
    for row in rows:
        widths = [_widths(row[k]) for k in ("w_bits", "a_bits")]
        lines.append(
            f"{row['name']:<28}{row['kind']:<9}{widths[0]:<11}{widths[1]:<11}"
            f"{row['macs'] / 1e6:>8.2f}  {row['why']}"
        )
    return "\n".join(lines)


def _widths(bits) -> str:
    if isinstance(bits, int):
        return f"{bits} bit"
    return "/".join(map(str, bits)) + " bit" if bits else "32 float"
