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
"""A search over the plans of a trained network: judged on held-out training images, kept in search.json.

The front, and nothing else, is evaluated on the test set at the end. The graph takes the plan as an
input, so that it is compiled once for all of them.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from src.config import Config
from src.cost.latency import NS
from src.cost.named_plans import to_names
from src.data import Dataset, Loader
from src.errors import UserError
from src.methods.base import System
from src.methods.priced import price_of
from src.runtime import Runtime
from src.search import algorithms
from src.search.archive import LOSS, Archive, Tried
from src.search.remembered import EARLIER, JUDGE, Remembered, judge_of
from src.search.space import Space
from src.train.asked import as_forced
from src.train.batches import eval_loader, load_split
from src.train.evaluate import evaluate
from src.train.run_folder import RunFolder

LOG = logging.getLogger("dynquant")
SEARCH = "search.json"
ALGORITHMS = (algorithms.UNIFORM, algorithms.RANDOM, algorithms.GREEDY, algorithms.EVOLUTION)
BUDGETS = 6  # where none are given
TELL_EVERY = 20  # plans


@dataclass(frozen=True)
class Settings:
    """What a search is to do.

    Attributes:
        budgets: BitOPs of an image, or with `latency` milliseconds; (): six, in equal ratios between the narrowest
            and the widest plan.
        latency: table of `bench.py layers --json`, of the machine whose milliseconds budgets count; None: BitOPs.
        by: names of algorithms, each of which may start from what those before it found.
        images: held-out images that judge, drawn by the seed; None: all of them.
        goal: see `Archive`.
        random: random plans for each budget.
        population, generations: of evolution, for each budget.
        seed: of everything that is drawn.
    """

    budgets: tuple[float, ...] = ()
    latency: Path | None = None
    by: tuple[str, ...] = ALGORITHMS
    images: int | None = None
    goal: str = LOSS
    random: int = 8
    population: int = 16
    generations: int = 8
    seed: int = 1


def search_run(
    config: Config, system: System, folder: RunFolder, runtime: Runtime, settings: Settings
) -> dict:
    """Search, write search.json after each algorithm and budget, return what it holds. Plans that an earlier
    search of this network measured on these images are not measured again.

    Raises:
        UserError: the network has no plan to choose, no images were held out, a budget is too small, a table of
            latencies that cannot be read or is of another network, an earlier search.json that is damaged.
    """
    space = _space(system, settings.latency)
    dataset, images = _held_out(config, settings)
    loader = eval_loader(config, runtime, dataset)
    judge = judge_of(folder.model_checkpoint, config, images)
    measure = Remembered(
        _Measure(system, loader, runtime), folder.path / SEARCH, judge, space.cost, space.columns
    )
    if measure.rows:
        LOG.info("%d plans are known from an earlier search on the same images", len(measure.rows))
    archive = Archive(space, measure, settings.goal)
    unit = NS if space.latency else 1  # of a budget as users give it
    budgets = _budgets(space, tuple(budget * unit for budget in settings.budgets))
    about = {"judged_on": "held-out training images", **asdict(settings), "latency": str(settings.latency or "")}
    about |= {"budgets": [budget / unit for budget in budgets], "images": len(loader.dataset)}
    about |= {"layers": [layer.name for layer in system.cost.dynamic], JUDGE: judge}
    picks = []

    def keep(front: list[dict]) -> dict:
        tried = [_row(space, one) | {"widths": _widths(space, one)} for one in archive.tried]
        earlier = measure.others([one.plan for one in archive.tried])
        found = {**about, "tried": tried, "picks": picks, "front": front, EARLIER: earlier}
        if runtime.is_main:
            folder.write_json(SEARCH, found)
        return found

    for name in settings.by:
        for budget, found in _steps(name, archive, budgets, settings):
            for one in found:
                place = archive.tried.index(one)
                of = None if budget is None else budget / unit
                picks.append({"method": name, "budget": of, "tried": place})
            keep([_row(space, one) | _plan(space, one) for one in archive.front()])
        LOG.info("%s: %d plans tried so far", name, len(archive.tried))
    LOG.info("evaluating the front's plans on the test set ...")
    on_test = _Measure(system, eval_loader(config, runtime, load_split(config, "test")), runtime)
    front = archive.front()
    return keep([_row(space, one) | _tested(on_test, one) | _plan(space, one) for one in front])


def _steps(
    name: str, archive: Archive, budgets: list[float], settings: Settings
) -> Iterator[tuple[float | None, list[Tried]]]:
    """Runs an algorithm; yields a budget (None: of no matter) and what it stands for there."""
    rng = np.random.default_rng((settings.seed, ALGORITHMS.index(name)))
    if name == algorithms.UNIFORM:
        yield None, algorithms.uniform(archive)
    elif name == algorithms.GREEDY:
        for budget, one in zip(budgets, algorithms.greedy(archive, budgets), strict=True):
            yield budget, [one]
    elif name == algorithms.RANDOM:
        for budget in budgets:
            yield budget, algorithms.at_random(archive, budget, settings.random, rng)
    else:
        sizes = settings.population, settings.generations
        for budget in budgets:
            yield budget, [algorithms.evolution(archive, budget, rng, *sizes)]


class _Measure:
    """plan -> (loss, top1), means over the images of a loader."""

    def __init__(self, system: System, loader: Loader, runtime: Runtime):
        self.system, self.loader, self.runtime = system, loader, runtime
        self.count, self.start = 0, time.perf_counter()

    def __call__(self, plan: np.ndarray) -> tuple[float, float]:
        self.system.forced = as_forced(plan)
        answers = evaluate(self.system, self.loader, self.runtime)
        self.system.forced = None
        self.count += 1
        if self.count % TELL_EVERY == 0:
            seconds = (time.perf_counter() - self.start) / self.count
            LOG.info("%d plans measured, %.2f s each", self.count, seconds)
        return float(answers.loss.mean()), float(answers.right.mean())


def _space(system: System, table: Path | None) -> Space:
    if not system.widths:
        raise UserError("this network has no widths to choose from, so there is no plan to search")
    controller = system.controller
    latency = price_of(system.cost, "--latency", table and str(table), controller.columns)
    return Space(system.cost, controller.slots, controller.columns, len(system.widths), latency)


def _held_out(config: Config, settings: Settings) -> tuple[Dataset, np.ndarray]:
    """The images that judge, and which ones of the held-out part they are."""
    if config.data.val_split == 0:
        raise UserError(
            "a search judges plans by held-out training images, and there are none: data.val_split=0"
        )
    dataset = load_split(config, "val")
    if settings.images is None or settings.images >= len(dataset):
        return dataset, np.arange(len(dataset))
    chosen = np.sort(np.random.default_rng(settings.seed).permutation(len(dataset))[: settings.images])
    return dataset.take(chosen), chosen


def _budgets(space: Space, asked: tuple[float, ...]) -> list[float]:
    cheapest, dearest = (space.price(space.uniform(k)) for k in (0, space.choices - 1))
    if cheapest >= dearest:  # only where milliseconds count
        raise UserError(
            f"the narrowest plan takes {cheapest / NS:.4g} ms on the machine of the table, the widest "
            f"{dearest / NS:.4g}: fewer bits save no time there; search by BitOPs, without --latency"
        )
    if not asked:
        return np.geomspace(cheapest, dearest, BUDGETS + 2)[1:-1].tolist()
    if min(asked) < cheapest:
        unit, name = (NS, "ms") if space.latency else (1e6, "M BitOPs")
        raise UserError(
            f"a budget of {min(asked) / unit:.4g} {name}: the narrowest plan of this network costs "
            f"{cheapest / unit:.4g} {name}; allow at least that"
        )
    return sorted(asked)


def _row(space: Space, one: Tried) -> dict:
    ms = {"ms": one.price / NS} if space.latency else {}
    return {"method": one.by, "bitops": one.bitops, **ms, "loss": one.loss, "top1": one.top1}


def _plan(space: Space, one: Tried) -> dict:
    """As eval.py --plan takes it."""
    return {"plan": to_names(one.plan, space.cost)}


def _widths(space: Space, one: Tried) -> str:
    """In the order of the layers and short, as there are many: `2 4/3 2`, weights / inputs."""
    widths = to_names(one.plan, space.cost).values()
    return " ".join(str(w) if isinstance(w, int) else "{}/{}".format(*w) for w in widths)


def _tested(measure: _Measure, one: Tried) -> dict:
    loss, top1 = measure(one.plan)
    return {"test_loss": loss, "test_top1": top1}
