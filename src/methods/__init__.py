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
"""Methods by name. A new one is a file here and a line in `METHODS`."""

from collections.abc import Callable, Sequence

from src.keys import NEW_HEAD, Config
from src.layers.use_kernels import use_native
from src.methods.abn import Abn
from src.methods.base import FloatNet, Method, System
from src.methods.ddq import Ddq
from src.methods.dqnet import Dqnet
from src.methods.dqt import Dqt
from src.methods.static import Float, Static
from src.models import build_model, class_count
from src.models.equalise import equalise
from src.models.geometry import describe
from src.models.weights import FLOAT, LoadedWeights, load_float_weights

METHODS: dict[str, type[Method]] = {
    "float": Float,
    "static": Static,
    "dqnet": Dqnet,
    "dqt": Dqt,
    "abn": Abn,
    "ddq": Ddq,
}


def build_system(
    config: Config, num_classes: int, image_size: int, native: bool, method: str | None = None,
    build: Callable | None = None, class_names: Sequence[str] = (),
) -> tuple[System, LoadedWeights]:
    """What a configuration's method makes of its model, and the table of loaded float weights.

    Args:
        config: resolved configuration.
        num_classes, image_size: of the data; a larger `model.num_classes` wins over the first.
        native: let the layers run on the native CPU kernels.
        method: instead of `method.name` (a float stage before a quantised one).
        build: instead of the method's own.
        class_names: of the data, in the order of the labels, where `model.head_weights` may name its own.

    Raises:
        UserError: fewer outputs than classes, an image too small, weights or layers that do not fit.
    """
    options = config.model
    classes = class_count(options.num_classes, num_classes)
    backbone = build_model(options, classes, config.train.seed)
    float_net = FloatNet(backbone, describe(backbone, image_size))
    loaded = LoadedWeights()
    if options.weights:
        loaded = load_float_weights(
            backbone, options.weights, options.head == NEW_HEAD, options.head_weights, class_names
        )
    method = method or config.method.name
    if config.quant.equalise and method != FLOAT:
        equalise(backbone)
    build = build or METHODS[method].build
    system = build(config, float_net)
    if native:
        is_short = config.device.gradient_dtype == "int16"
        controller = system.network.controller
        use_native(system.network, is_short, controller is not None and not controller.learns)
    return system, loaded
