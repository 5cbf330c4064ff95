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
"""What a method is, and what it builds.

A `Method` (one file per published system) owns its options, the stages of its training and what it
makes of a float network: a `System`, which is ready to be trained or evaluated.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from mindspore import Tensor, nn

from src.cost.bitops import CostModel
from src.cost.ladder import Row
from src.keys import NEW_HEAD, Config, Section
from src.layers.spec import LayerInfo
from src.models.backbone import IMAGE, Backbone
from src.models.geometry import Geometry
from src.models.network import Answering
from src.models.weights import HEAD_STAGE

TRAIN, HELD_OUT = "train", "held_out"
FLOAT = "float"  # name of the method without quantisers, and of the stage that trains it for others


@dataclass(frozen=True)
class FloatNet:
    """What a method starts from: a float network, and the sizes of its values."""

    backbone: Backbone
    geometry: Geometry

    @property
    def layers(self) -> list[LayerInfo]:
        return self.geometry.layers

    def split_after(self, part: int) -> int:
        """How many nodes run up to the end of a part."""
        return self.backbone.end_of(part) + 1

    def seen(self, split: int, from_image: bool) -> tuple[int, int]:
        """Channels and side of what a controller begins with: the image, or the features at a split."""
        value = self.geometry.of(IMAGE if from_image else split - 1)
        return value.channels, value.side

    def read_by(self, layer: str) -> tuple[int, int]:
        """Channels and side of what a layer reads."""
        value = self.geometry.of(self.backbone.node(layer).inputs[0])
        return value.channels, value.side


def _every(name: str) -> bool:
    return True


def _of_a_pass(system: "System") -> "StepDraws":
    return StepDraws(system.draws)


@dataclass(frozen=True)
class Stage:
    """One stretch of training.

    Attributes:
        name: in metrics.csv and checkpoints.
        builds: name of the method whose network it trains.
        build: in place of that method's own `build`, where it has several networks.
        epochs, lr: how long, and the peak learning rate.
        keys: of the configuration, which say so.
        leaves: file in ckpt/ for the network at its end, which the next stage starts from; "": none.
        train: keys of the `train` section that are otherwise in this stage.
        learns: whether the parameter of that name does.
        head_alone: of them, those of the network's last node, the classifier, alone.
        images: TRAIN, or HELD_OUT: those that `data.val_split` keeps from the other stages, as they are in
            evaluation. The last epoch of such a stage is its best.
        keeps_statistics: normalisation uses its running statistics, and leaves them as they are.
        draws: system -> what a step takes beside images and labels.
        objective: cell (system, task loss, teacher) -> cell (image, label, *draws) -> the scalars of a
            step; None: train/step.py's.
        experience: system -> cell (image, label, *draws) -> values that the objective takes in their
            place; run once in each step, without gradients. None: there is none.
        updates: of the parameters in each step, from the same values.
        measure: (system, () -> answers to the images that judge) -> None: finds what the network keeps
            beside what it has learned, once it has.
    """

    name: str
    builds: str
    epochs: int
    lr: float
    leaves: str = ""
    build: Callable[[Config, "FloatNet"], "System"] | None = None
    train: dict = field(default_factory=dict)
    learns: Callable[[str], bool] = _every
    head_alone: bool = False
    images: str = TRAIN
    keeps_statistics: bool = False
    draws: Callable[["System"], "StepDraws"] = _of_a_pass
    objective: Callable[..., nn.Cell] | None = None
    experience: Callable[["System"], nn.Cell] | None = None
    updates: int = 1
    measure: Callable[["System", Callable], None] | None = None
    keys: tuple[str, str] = ("train.epochs", "train.lr")


class Learned:
    """What a network learns beside its weights that the run around it has to know: its widths.

    Attributes:
        budget: cell () -> numbers by name: `factor` of the task loss and `penalty` beside it, mean_bits,
            bitops.
    """

    budget: nn.Cell

    def before_epoch(self, epoch: int, epochs: int) -> None:
        """Do what is due before an epoch, counted from 1; the same whenever the run was stopped."""

    def is_final(self) -> bool:
        """Whether the network is one that the run may stand for."""
        return True

    def become_integral(self) -> None:
        """Be the network whose integers an export holds, if training has not made it so."""

    def tell(self) -> dict[str, dict]:
        """Bring the layer table to what is learned; returns further files of the run, by name."""
        return {}


class Draws:
    """The host's share of a batch; here, of a network without randomness."""

    def draw(self, rng: np.random.Generator, images: int, done: float) -> tuple:
        """What the network takes beside the images in training; done: share of the training, 0..1."""
        return ()

    def still(self, images: int, forced: int | np.ndarray | None = None) -> tuple:
        """The same in evaluation; `forced`: see `Controller.still`."""
        return ()


class StepDraws:
    """The host's share of a training step; here, of one that runs the network once.

    Args:
        draws: of the system, or of its controller, what a pass of the network takes.
    """

    def __init__(self, draws: Draws):
        self.draws = draws

    def draw(self, rng: np.random.Generator, images: int, done: float) -> tuple:
        """What the step takes beside images and labels; done: share of the training, 0..1."""
        return self.draws.draw(rng, images, done)

    def passes(self, drawn: tuple) -> list[tuple]:
        """What the network takes of it beside the images, in each of the step's passes."""
        return [drawn]


@dataclass
class System:
    """A network that is ready to be trained or evaluated.

    Attributes:
        name: as in `method.name`.
        network: cell (image, *draws) -> outputs by name (models/network.py).
        table: the layer table (`layers.json`).
        cost: prices plans.
        widths: candidate widths in bits, () without a controller.
        monitor: cell (plan, soft) -> numbers by name: mean_bits, bitops, entropy, and where its price is
            part of the loss, the `penalty` that is added. None without a controller. `join_workers(mean)`,
            if it has one, gives it the mean over several workers.
        draws: see `Draws`.
        sample: evaluation draws widths too.
        targets: what the metrics compare with.
        master: bits of the code whose top bits the widths of dynamic layers are; None: there is none.
        consistency: weight of the task loss of the network's `others`, logits of further passes.
        in_place: share in it of the distance from the first pass's logits.
        forced: candidates that the dynamic layers take in evaluation instead of the controller's: one
            for all of them, or int (slots, columns).
        climbing: setting of escalation in force in evaluation (train/escalate.py), or None.
        against_collapse: what to do when the controller gives all images one plan.
        ways: `forced` of each way in which the network runs that has statistics of its own.
        judged_at: `forced` of each evaluation that an epoch is judged by; their mean top-1 tells the best.
        penalty: cell (outputs of the network by name) -> what else is added to the task loss, or None.
        learned: widths that are learned and the same for all images, or None.
    """

    name: str
    network: nn.Cell
    table: list[dict]
    cost: CostModel
    widths: tuple[int, ...] = ()
    monitor: nn.Cell | None = None
    draws: Draws = field(default_factory=Draws)
    sample: bool = False
    targets: dict = field(default_factory=dict)
    master: int | None = None
    consistency: float = 0.0
    in_place: float = 0.0
    forced: int | np.ndarray | None = None
    climbing: Row | None = None
    against_collapse: str = ""
    ways: tuple[int | None, ...] = ()
    judged_at: tuple[int | None, ...] = (None,)
    penalty: nn.Cell | None = None
    learned: Learned | None = None

    def __post_init__(self):
        self.answering = Answering(self.network)

    @property
    def controller(self) -> nn.Cell | None:
        return self.network.controller

    @property
    def chooses(self) -> bool:
        """Whether the widths may depend on the image."""
        if self.climbing is not None:
            return len(self.climbing.bits) > 1
        return self.forced is None and self.controller is not None and self.controller.looks

    def answer(self, images: np.ndarray, draws: tuple) -> tuple[np.ndarray, np.ndarray | None]:
        """Logits (N, classes), and the plan (N, slots, columns, K), one-hot, if there is a controller:
        in evaluation."""
        self.answering.set_train(False)
        logits, *plan = self.answering(*[Tensor(x) for x in (images, *draws)])
        return logits.asnumpy(), plan[0].asnumpy() if plan else None

    def drawn(
        self, rng: np.random.Generator, images: int, train: bool, done: float = 0.0
    ) -> tuple[np.ndarray, ...]:
        """What the network takes beside `images` images; () without a controller."""
        if train:
            return self.draws.draw(rng, images, done)
        still = self.draws.still(images, self.forced)
        if not self.sample or self.forced is not None:
            return still
        return (self.draws.draw(rng, images, done)[0], *still[1:])


class Method:
    """A system, as its paper tells it.

    Attributes:
        options: dataclass of its section of the configuration, named like the method, or None.
        unread: keys of the shared sections that say nothing to it.
    """

    options: type[Section] | None = None
    unread: tuple[str, ...] = ("quant.w_bits", "quant.a_bits")

    @staticmethod
    def check(config: Config) -> None:
        """Rules that join its keys with those of other sections, where it trains. UserError: broken."""

    @staticmethod
    def build(config: Config, float_net: FloatNet) -> System:
        """Turn a float network, in place, into the method's."""
        raise NotImplementedError

    @staticmethod
    def stages(config: Config) -> list[Stage]:
        """How it is trained: float epochs where they are needed or asked for, then the network as it is."""
        train, name = config.train, config.method.name
        stages = [Stage(name, name, train.epochs, train.lr)]
        if train.pretrain_epochs > 0 and config.model.weights is None:
            lr = train.pretrain_lr
            keys = "train.pretrain_epochs", "train.pretrain_lr"
            stages.insert(0, Stage(FLOAT, FLOAT, train.pretrain_epochs, lr, "float.ckpt", keys=keys))
        return [*head_stages(config), *stages]


def in_last(share: float, epoch: int, epochs: int) -> bool:
    """Whether an epoch, from 1, is in the last share of them, which has one epoch at least unless it is 0."""
    return share > 0 and epoch > min(round(epochs * (1 - share)), epochs - 1)


def head_stages(config: Config) -> list[Stage]:
    """The float stage in which a new classifier learns on top of weights that stand still; [] where none
    is new. Whatever trains all layers then starts from a network that answers, and does not carry the
    errors of a random classifier into them (Kumar et al., "Fine-Tuning can Distort Pretrained Features",
    2022)."""
    train = config.train
    if config.model.head != NEW_HEAD or train.head_epochs == 0:
        return []
    return [
        Stage(
            HEAD_STAGE, FLOAT, train.head_epochs, train.head_lr, leaves="head.ckpt",
            train={"schedule": "cosine", "warmup_epochs": 0.0, "distill_weight": 0.0},
            head_alone=True, keeps_statistics=True, keys=("train.head_epochs", "train.head_lr"),
        )
    ]  # fmt: skip
