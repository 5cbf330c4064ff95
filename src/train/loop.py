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
"""A whole training run: data, stages, final evaluation. Starts anew or continues exactly."""

import copy
import logging

from mindspore import nn

from src.config import Config
from src.errors import UserError
from src.methods import build_method
from src.runtime import Runtime, wait_for_all
from src.train.batches import eval_loader, load_split, open_loaders
from src.train.checkpoints import Progress, load_checkpoint, read_progress, save_checkpoint
from src.train.evaluate import evaluate, summarise
from src.train.metrics import count_rows
from src.train.results import evaluate_split
from src.train.resume import check_steps, check_stored
from src.train.run_folder import RunFolder
from src.train.stage import Stage

LOG = logging.getLogger("dynquant")
FLOAT_STAGE = "float"


def train_run(config: Config, folder: RunFolder, runtime: Runtime, resume: bool) -> dict:
    """Train what is left of a run and evaluate it; returns the numbers of eval/test.json."""
    progress = read_progress(folder.last) if resume and folder.last.is_file() else None
    if resume:
        is_methods = progress is not None and progress.stage == config.method.name
        done = progress.epoch if is_methods else 0
        check_stored(count_rows(folder.metrics_file), done, config.train.epochs, folder.last)
    train_set = load_split(config, "train")
    loaders = open_loaders(config, runtime, train_set)
    images, batch = len(train_set), config.data.batch_size * runtime.workers
    if progress is not None:
        check_steps((progress.images, images), (progress.batch, batch))
    asked = copy.deepcopy(config)
    weights = config.model.weights
    if _pretrains(config):
        weights = str(folder.float_weights)
        if progress is None or progress.stage == FLOAT_STAGE:
            progress = progress or Progress(FLOAT_STAGE, images, batch)
            _pretrain(config, asked, folder, runtime, loaders, train_set, progress)
            progress = None
    config.model.weights = weights
    method, loaded = build_method(
        config, train_set.num_classes, train_set.image_size, runtime.native
    )
    if loaded.rows:
        LOG.info("%d float tensors from %s", len(loaded.rows), weights)
        LOG.debug("%s", "\n".join(loaded.rows))
    if loaded.new_head:
        LOG.info("the classifier starts anew: %s", loaded.new_head)
    folder.write_layers(method.rows, train_set.image_size)
    progress = progress or Progress(config.method.name, images, batch)
    teacher = _float_network(config, runtime, loaders, train_set, progress)
    stage = Stage(
        config.method.name, method, config, folder, runtime, loaders,
        config.train.epochs, config.train.lr, teacher, progress,
    )  # fmt: skip
    _run(stage, asked)
    wait_for_all(runtime)
    if folder.best.is_file():
        load_checkpoint(folder.best, method.network)
    return evaluate_split(config, method, folder, runtime, "test", progress.float_top1)


def _pretrains(config: Config) -> bool:
    return (
        config.method.name != FLOAT_STAGE
        and config.model.weights is None
        and config.train.pretrain_epochs > 0
    )


def _run(stage: Stage, asked: Config) -> Progress:
    """The configuration is stored for the next resume once the run is known to go on with it."""
    stage.begin()
    stage.folder.store_config(asked)
    return stage.run()


def _pretrain(config, asked, folder, runtime, loaders, train_set, progress) -> None:
    """The float stage; its weights end in ckpt/float.ckpt."""
    method, _ = build_method(
        config, train_set.num_classes, train_set.image_size, runtime.native, FLOAT_STAGE
    )
    stage = Stage(
        FLOAT_STAGE, method, config, folder, runtime, loaders, config.train.pretrain_epochs,
        config.train.pretrain_lr, None, progress,
    )  # fmt: skip
    done = _run(stage, asked)
    if runtime.is_main:
        save_checkpoint(folder.float_weights, method.network, done)
    wait_for_all(runtime)


def _float_network(config, runtime, loaders, train_set, progress) -> nn.Cell | None:
    """Measure the float network that the run starts from; it is also the distillation teacher.

    Raises:
        UserError: a teacher of other classes.
    """
    weights = config.train.teacher_weights or config.model.weights
    if weights is None or config.method.name == FLOAT_STAGE:
        return None
    start = Config(**{**vars(config), "model": _with_weights(config, weights)})
    method, loaded = build_method(
        start, train_set.num_classes, train_set.image_size, runtime.native, FLOAT_STAGE
    )
    if loaded.new_head:  # it answers nothing yet
        if config.train.distill_weight > 0:
            raise UserError(
                f"train.distill_weight > 0: {weights} cannot teach, as its classifier would be new "
                f"({loaded.new_head}); give train.teacher_weights=FILE of the same classes"
            )
        return None
    if progress.float_top1 < 0:
        LOG.info("evaluating the float network from %s ...", weights)
        loader = eval_loader(config, runtime, load_split(config, "test"))
        numbers = summarise(method, evaluate(method, loader, runtime))
        progress.float_top1 = numbers["top1"]
        if not loaders.held_out:
            LOG.info("float network: test top-1 %.2f%%", 100 * numbers["top1"])
    return method.network.model if config.train.distill_weight > 0 else None


def _with_weights(config: Config, weights: str):
    head = "auto" if config.train.teacher_weights else config.model.head
    return type(config.model)(**{**vars(config.model), "weights": weights, "head": head})
