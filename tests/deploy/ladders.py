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
"""Networks that run at several widths, each with statistics of its own, and ladders for them."""

import numpy as np
from mindspore import Tensor

from src.cost.ladder import Ladder, Row, margin_of
from src.deploy.compare import rung_answers
from src.layers.norm import BatchNorm
from src.methods.base import System
from tests.methods.build import method

DQT = ["method.name=dqt", "quant.quantizer=nested", "dqt.pool=2", "dqt.hidden=8", "dqt.candidates=[2,4]"]
ABN = ["method.name=abn", "quant.quantizer=lsq"]
SEVERAL_WIDTHS = {
    "dqt": DQT,
    "dqt, weights and inputs apart, projections": [*DQT, "dqt.tied=false", "model.shortcut=B"],
    "dqnet, projections": ["method.name=dqnet", "model.shortcut=B"],
    "abn": [*ABN, "quant.first_last=8"],
    "abn, weights and inputs apart": ["method.name=abn", "quant.quantizer=nested", "abn.tied=false"],
}


def at_several_widths(name: str) -> System:
    """One of SEVERAL_WIDTHS, whose rows of statistics all differ."""
    system, rng = method(*SEVERAL_WIDTHS[name]), np.random.default_rng(3)
    for _, cell in system.network.cells_and_names():
        if isinstance(cell, BatchNorm):
            for p in (cell.gamma, cell.beta, cell.moving_mean, cell.moving_variance):
                change = rng.normal(0, 0.1, p.shape) if p.ndim == 2 else 0
                p.set_data(Tensor((p.asnumpy() * np.exp(change) + change).clip(-9, 9).astype(np.float32)))
    return system


def ladder_for(system: System, images: np.ndarray) -> Ladder:
    """Its usual setting climbs all widths, and half of the images leave each rung."""
    bits = system.widths
    costs = [int(system.cost.with_dynamic_at(b)) for b in bits]
    margins = [margin_of(logits) for logits in rung_answers(system, images, bits)]
    left, thresholds = np.ones(len(images), bool), []
    for margin in margins[:-1]:
        ordered = np.sort(margin[left])
        thresholds.append(float(ordered[len(ordered) // 2 - 1 : len(ordered) // 2 + 1].mean()))
        left &= margin < thresholds[-1]
    rows = (Row(bits[:1], (), costs[0], 0.5), Row(bits, tuple(thresholds), costs[0] + 0.5, 0.75))
    again = tuple(cost - 1 for cost in costs)
    return Ladder(bits, tuple(costs), again, (0.5,) + (0.75,) * (len(bits) - 1), rows)
