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
"""The project from Python, for a network and data of one's own (src/models/README.md).

    from src import api

    def my_net(num_classes, rng):
        net = api.Backbone()
        ...
        return net

    if __name__ == "__main__":
        run = api.train(my_net, "method.name=static", "data.name=digits", "run.dir=runs/mine")["run"]
        file = api.export(run)["file"]
        answers = api.load(file)(images)

Keys and their values are those of the command line, and what is returned is what the script of that name
prints as its last line: `train.py`, `eval.py` and `export.py` know the same runs.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from src.deploy.arguments import parse as export_options
from src.deploy.options import check_options
from src.engine.load import load
from src.engine.plans import as_bitops
from src.engine.wish import Wish
from src.errors import UserError
from src.exports import export as export_as
from src.layers.activation import NONE, RELU, RELU6
from src.layers.conv import Conv2d, Dense
from src.layers.norm import BatchNorm
from src.layers.pool import MaxPool, Mean
from src.layers.shortcut import ShortcutA
from src.models.backbone import (
    CONV,
    DENSE,
    HEAD,
    IMAGE,
    MAX_POOL,
    MEAN,
    NORM,
    STEM,
    SUBSAMPLE,
    Backbone,
)
from src.models.own_file import where_is
from src.train.asked import Asked, evaluate_as_asked
from src.train.loaded import open_trained
from src.train.training import Training

__all__ = [
    "CONV", "DENSE", "HEAD", "IMAGE", "MAX_POOL", "MEAN", "NONE", "NORM", "RELU", "RELU6", "STEM", "SUBSAMPLE",
    "Backbone", "BatchNorm", "Conv2d", "Dense", "MaxPool", "Mean", "ShortcutA", "UserError", "Wish",
    "evaluate", "export", "load", "resume", "train",
]  # fmt: skip


def train(
    network: Callable[[int, np.random.Generator], Backbone] | None, *keys: str, recipe: str | Path | None = None
) -> dict:
    """Train and evaluate a new run, as `train.py` does; with `train.epochs=0` quantise without training.

    Args:
        network: a function `(num_classes, rng) -> Backbone` at the top of a Python file, which the run keeps;
            None: the one that `model.name` and `model.file` say.
        keys: `section.key=value`, e.g. `"quant.w_bits=4"`.
        recipe: name or file of a recipe that they come after.

    Returns:
        `run`, its folder, and the numbers of eval/test.json: `top1` (0..1), `bitops`, `mean_bits` ...

    Raises:
        UserError: names the key, node or file, the value, what is allowed and the way out.
    """
    return Training.new(recipe, [*keys, *(where_is(network) if network else ())]).run()


def resume(run: str | Path, *keys: str) -> dict:
    """Go on with a run, as `train.py --resume`; returns and raises as `train`."""
    return Training.of(run, keys).run()


def evaluate(
    run: str | Path, *keys: str, split: str = "test", bits: int | None = None, plan: str | dict | None = None,
    budget: float | str | None = None, recalibrate: int | None = None,
) -> dict:  # fmt: skip
    """Evaluate a run, as `eval.py` does.

    Args:
        keys: e.g. `"data.path=FOLDER"`.
        split: test, val or train.
        bits, plan, budget: one width everywhere; widths by layer, a file or what it holds
            (`{"layer1.0.conv1": 4, "*": 2}`); mean BitOPs per image, a number or `"250M"`. At most one of them.
        recalibrate: training batches that the normalisation's statistics are first taken anew from.

    Returns:
        The numbers of eval/<split>.json, or of the file beside it that has what is asked for in its name.

    Raises:
        UserError: no run, a split, width, plan or budget that it does not have.
    """
    if sum(wish is not None for wish in (bits, plan, budget)) > 1:
        raise UserError(f"bits={bits}, plan={plan}, budget={budget}: an evaluation takes at most one of them")
    if bits is not None and type(bits) is not int:
        raise UserError(f"bits={bits!r}: expected a whole number")
    most = None if budget is None else as_bitops("budget", str(budget))
    folder, config, runtime, system, state = open_trained(run, keys)
    asked = Asked(split, bits, plan, most, recalibrate)
    return evaluate_as_asked(config, system, folder, runtime, asked, state.float_top1)


def export(run: str | Path, *keys: str, out: str | Path | None = None) -> dict:
    """Lower a trained network to integers and save it, as `export.py --format int` does; the file is read back
    by an engine and compared with the network.

    Args:
        out: a `.safetensors` file; None: RUN/export/model.safetensors.

    Returns:
        `file`, `bytes`, and how its answers to some test images compare: `top1_equal` ...

    Raises:
        UserError: a float network, or something that integers cannot hold.
    """
    out = [] if out is None else ["--out", str(out)]
    options = export_options(["--run", str(run), "--format", "int", *out, *keys], "")
    check_options(options)
    return export_as(options)
