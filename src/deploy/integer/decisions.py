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
"""A controller's decision as operations: pooled features, dense layers, a budget, the choice."""

import numpy as np

from src.controllers.base import Decision, Purse
from src.deploy.integer.fixed_point import MULTIPLIER_BITS, fixed_point
from src.deploy.integer.writer import Writer
from src.engine.operations import Budget, Choose, Pool
from src.layers.activation import NONE, RELU


def write_decision(
    writer: Writer, decision: Decision, x: int, name: str, rows: int, columns: int, choices: int
) -> None:
    """Choice logits from features, and the choice.

    Args:
        x: wide register of the features.
        rows: of statistics of the program.
        columns, choices: of the plan.
    """
    x, bins = writer.add(Pool(x, decision.bins), f"{name}.pool"), decision.bins
    for i, (weight, bias, relu) in enumerate(decision.dense, 1):
        # The first layer is a convolution over all bins.
        weight = weight.reshape(len(weight), -1, bins, bins)
        bins = 1
        x = writer.wide(weight, x, f"{name}.fc{i}")
        if i == 1 and decision.purse is not None:
            x = _mind(writer, decision.purse, decision.slot, x, f"{name}.budget")
        offset = np.tile(bias.astype(np.float64) * writer.unit, (rows, 1))
        activation = RELU if relu else NONE
        x = writer.affine(x, np.ones_like(offset), offset, f"{name}.fc{i}", activation)
    op = Choose(x, decision.slot, decision.slots, columns, choices, int(decision.shared))
    writer.add(op, f"{name}.choice")


def _mind(writer: Writer, purse: Purse, slot: int, x: int, name: str) -> int:
    """Budget and spending added to what a decision's first dense layer makes of its features."""
    real = np.stack([purse.asked, purse.spent]).astype(np.float64) * writer.unit / purse.range
    # The sum of two products with numbers up to `range` stays below 2^62.
    most = min(MULTIPLIER_BITS, 60 - int(purse.range).bit_length())
    (asked, spent), _, shift = fixed_point(real, most=most)
    arrays = {"prices": purse.prices, "asked": asked, "spent": spent}
    layers = len(purse.prices)
    op = Budget(x, slot, layers, purse.budget, purse.base, purse.range, shift, arrays=arrays)
    return writer.add(op, name)
