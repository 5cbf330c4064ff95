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
"""How well what an agent sees before each layer tells which images need more bits (`eval.py --foresight`).

An image is in need where the narrowest widths answer it wrongly and the widest rightly: bits are well spent on
it and on no other. From the features that enter a layer at the narrowest widths, averaged over pixels, a logistic
regression learns on held-out training images to tell these. Its AUC on the split, the chance that an image in
need is ranked above one that is not, is 0.5 for a coin and 1 for a prophet. Beside it stands the AUC of the
margin of the narrowest answer, by which escalation decides, and which is known behind the last layer only.
Our choice, of no paper.
"""

from dataclasses import dataclass

import numpy as np
from mindspore import Tensor, nn, ops
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from src.config import Config
from src.controllers.agent import Agent
from src.controllers.gumbel import forcing_noise
from src.cost.ladder import margin_of
from src.data.loader import Loader
from src.errors import UserError
from src.methods.base import System
from src.runtime import Runtime, sum_over_workers
from src.train.batches import eval_loader, load_split
from src.train.run_folder import RunFolder

FEWEST = 10  # images in need, and not in need, below which nothing is said of them
CAUTION = 0.1  # of the regression: inverse weight of its L2 term, features being standardised
MOST_STEPS = 2000  # of it


class Looking(nn.Cell):
    """image -> (logits at the narrowest widths, at the widest, what is seen at each slot at the narrowest)."""

    def __init__(self, system: System):
        super().__init__(auto_prefix=False)
        agent = system.controller
        shape = 1, agent.slots, agent.columns, agent.choices
        self.network = system.network
        self.narrowest, self.widest = (Tensor(forcing_noise(k, shape)) for k in (0, agent.choices - 1))

    def construct(self, image):
        narrow, state = self.play(image, self.narrowest)
        wide, _ = self.play(image, self.widest)
        return (narrow, wide) + state[3]

    def play(self, image, noise):
        features = self.network.before(image)
        budget = ops.zeros((image.shape[0], 1))
        return self.network.after(features, self.network.begin(image, features, noise, budget))


@dataclass
class Looks:
    """One row per image: needs bool (N,); margin float32 (N,); means, of each slot, float32 (N, C)."""

    needs: np.ndarray
    margin: np.ndarray
    means: list[np.ndarray]


def foresee(config: Config, system: System, folder: RunFolder, runtime: Runtime, split: str) -> dict:
    """What is written to eval/foresight_<split>.json: how many images, how many in need, and the AUCs.

    Raises:
        UserError: the network has no agent, no images were held out, or too few are in need.
    """
    if not isinstance(system.controller, Agent):
        raise UserError("--foresight asks what an agent sees, and this network has none (abn.agent_epochs=N)")
    if config.data.val_split == 0:
        raise UserError("--foresight learns from held-out images, and there are none: data.val_split=0")
    looking = Looking(system).set_train(False)
    taught, asked = (
        look(looking, eval_loader(config, runtime, load_split(config, name)), runtime, name)
        for name in ("val", split)
    )
    first = {layer.slot: layer.name for layer in reversed(system.cost.dynamic)}
    found = {
        "split": split,
        "images": len(asked.needs),
        "in_need": int(asked.needs.sum()),
        "margin": float(roc_auc_score(asked.needs, -asked.margin)),
        "layers": [
            {"layer": first[slot], "auc": told_apart(of_taught, taught.needs, of_asked, asked.needs)}
            for slot, (of_taught, of_asked) in enumerate(zip(taught.means, asked.means, strict=True))
        ],
    }
    if runtime.is_main:
        folder.write_json(f"eval/foresight_{split}.json", found)
    return found


def look(looking: Looking, loader: Loader, runtime: Runtime, split: str) -> Looks:
    """One pass over a loader made with train=False; all workers share the images."""
    rows = None
    for batch in loader.epoch(0):
        narrow, wide, *seen = (value.asnumpy() for value in looking(Tensor(batch.images)))
        wrong = narrow.argmax(1) != batch.labels
        needs = wrong & (wide.argmax(1) == batch.labels)
        # The last two that an agent sees are the budget and what is spent: the same for all images here.
        found = [needs.astype(np.float32), margin_of(narrow), *(value[:, :-2] for value in seen)]
        if rows is None:
            rows = [np.zeros((len(loader.dataset), *value.shape[1:]), np.float32) for value in found]
        for row, value in zip(rows, found, strict=True):
            row[batch.index[: batch.valid]] = value[: batch.valid]
    needs, margin, *means = (sum_over_workers(runtime, row) for row in rows)
    needs = needs.astype(bool)
    if min(needs.sum(), (~needs).sum()) < FEWEST:
        raise UserError(
            f"--foresight: {needs.sum()} of {len(needs)} images of {split} are wrong at the narrowest widths and "
            f"right at the widest; to say anything, {FEWEST} that are and {FEWEST} that are not are needed"
        )
    return Looks(needs, margin, means)


def told_apart(taught: np.ndarray, needed: np.ndarray, asked: np.ndarray, need: np.ndarray) -> float:
    """AUC on `asked` (N, C) of what a regression learned from `taught`, whose rows are in need or not."""
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=CAUTION, max_iter=MOST_STEPS))
    return float(roc_auc_score(need, regression.fit(taught, needed).decision_function(asked)))
