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
"""Whether a training begins with a new classifier: settled once, before anything is built."""

import logging

from src.config import Config
from src.data import Dataset
from src.keys import NEW_HEAD
from src.models import build_model, class_count
from src.models.weights import classes_of

LOG = logging.getLogger("dynquant")


def settle_head(config: Config, dataset: Dataset) -> None:
    """Set `model.head` to `new` where `model.weights` has no classifier, or one of another number of
    classes than the data, and say so. The run then keeps that, and the stage in which it learns follows
    from it; without such a stage (train.head_epochs=0) nothing is settled.

    Raises:
        UserError: weights that cannot be read, fewer outputs asked for than the data has classes.
    """
    model = config.model
    is_said = model.head == NEW_HEAD or model.head_weights is not None
    if model.weights is None or is_said or not config.train.head_epochs:
        return
    classes = class_count(model.num_classes, dataset.num_classes)
    theirs = classes_of(model.weights, build_model(model, classes))
    if theirs == classes:
        return
    if theirs is None:
        LOG.info("%s has no classifier: a new one is trained (model.head_weights=FILE would name one)", model.weights)
    else:
        LOG.info("classifier of %s has %d classes, the data %d: a new one is trained", model.weights, theirs, classes)
    model.head = NEW_HEAD
