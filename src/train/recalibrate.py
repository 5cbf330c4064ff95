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
"""New running statistics for the normalisations of a trained network, from training images.

Training leaves an exponential mean over changing weights and, in a dynamic network, over widths
that were still drawn at random. This is the plain mean over some batches, with the network as it is
evaluated: the "precise" statistics of Wu & Johnson, 2021, arXiv 2105.07576, section 3.

Where statistics follow a layer's choice, a pass in which all images choose alike renews the rows of
its choices, whoever makes the choices later, and a row is the mean over all passes that had it: those
at each width throughout, and, where weights and inputs choose for themselves, plans that mix the pairs,
so that each layer has each pair.
"""

import numpy as np
from mindspore import Tensor, nn

from src.controllers.base import Controller
from src.data import Loader
from src.errors import UserError
from src.layers.norm import MOMENTUM, BatchNorm, normalise_by_batch
from src.methods.base import System
from src.parameters import assign
from src.runtime import Runtime, average_statistics


class _WithStatistics(nn.Cell):
    """The network as in evaluation, but its normalisations use, and note, the batch's statistics.

    A cell of its own, since MindSpore would take the network's graph of evaluation for it.
    """

    def __init__(self, network: nn.Cell):
        super().__init__(auto_prefix=False)
        self.network = network
        self.norms = [c for _, c in network.cells_and_names() if isinstance(c, BatchNorm)]
        normalise_by_batch(network)

    def construct(self, *inputs):
        return self.network(*inputs)["logits"]


def recalibrate(system: System, loader: Loader, runtime: Runtime, batches: int) -> None:
    """Replace every row of statistics that the network has, in place; where a plan is forced on it, those
    of that plan.

    Args:
        loader: training batches; the same ones whenever the seed is.
        batches: how many, for each way in which the network runs (`System.ways`).

    Raises:
        UserError: fewer than one batch.
    """
    if batches < 1:
        raise UserError(f"--recalibrate {batches}: expected a positive number of batches")
    passing = _WithStatistics(system.network)
    means = [_RowMeans(p) for n in passing.norms for p in (n.moving_mean, n.moving_variance)]
    forced = system.forced
    for way in _ways(system, passing.norms):
        system.forced = way
        _average(system, passing, means, loader, batches)
    system.forced = forced
    for mean in means:
        mean.store()
    system.network.set_train(False)
    average_statistics(runtime, system.network)


def _ways(system: System, norms: list[BatchNorm]) -> list[int | np.ndarray | None]:
    """`System.forced` of each way whose statistics are renewed."""
    if system.forced is not None:
        return [system.forced]
    if not any(norm.by_choice for norm in norms):
        return list(system.ways) or [None]
    controller = system.controller
    mixed = _mixed_plans(controller) if controller.columns == 2 else []
    return [*range(controller.choices), *mixed]


def _mixed_plans(controller: Controller) -> list[np.ndarray]:
    """K * K plans, int (slots, 2): each layer takes each pair of candidates once, the next layer another."""
    pairs = np.array(list(np.ndindex(controller.choices, controller.choices)))
    return [pairs[(first + np.arange(controller.slots)) % len(pairs)] for first in range(len(pairs))]


def _average(system: System, passing: nn.Cell, means: list, loader: Loader, batches: int) -> None:
    rng = np.random.default_rng(0)
    for i, batch in enumerate(loader.epoch(0)):
        if i == batches:
            break
        for mean in means:
            mean.clear()
        draws = system.drawn(rng, len(batch.images), train=False)
        passing(*[Tensor(x) for x in (batch.images, *draws)])
        for mean in means:
            mean.note()


class _RowMeans:
    """The mean, row by row, of what passes write into a running statistic."""

    def __init__(self, parameter):
        self.parameter, self.before = parameter, parameter.asnumpy().copy()
        self.total = np.zeros_like(self.before, np.float64)
        self.count = np.zeros(self.before.shape[:-1])

    def clear(self) -> None:
        assign(self.parameter, np.zeros_like(self.before))

    def note(self) -> None:
        value = self.parameter.asnumpy()
        self.total += value
        self.count += value.any(-1)

    def store(self) -> None:
        """A row that no pass has written keeps what it had."""
        count = self.count[..., None]
        mean = self.total / (1 - MOMENTUM) / np.maximum(count, 1)
        values = np.where(count > 0, mean, self.before)
        assign(self.parameter, values)
