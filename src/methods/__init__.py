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
"""Methods by name. A new one is a file here and a line in `METHODS`.

Each is a class that holds: `options`, the dataclass of its section of the configuration, or None;
`check(config)`, the rules that join its keys with those of other sections, held where it trains;
`build(config, model, layers, early_size)`, the method on a float model.
"""

from src.keys import Config
from src.layers.use_kernels import use_native
from src.methods.base import Method
from src.methods.dqnet import Dqnet
from src.methods.dqt import Dqt
from src.methods.static import Float, Static
from src.models import build_model, class_count
from src.models.geometry import describe
from src.models.weights import LoadedWeights, load_float_weights

METHODS = {"float": Float, "static": Static, "dqnet": Dqnet, "dqt": Dqt}


def build_method(
    config: Config, num_classes: int, image_size: int, native: bool, name: str | None = None
) -> tuple[Method, LoadedWeights]:
    """The method of a configuration on its model, and the table of loaded float weights.

    Args:
        config: resolved configuration.
        num_classes, image_size: of the data; a larger `model.num_classes` wins over the first.
        native: let the layers run on the native CPU kernels.
        name: instead of `method.name` (a float stage before a quantised one).

    Raises:
        UserError: fewer outputs than classes, an image too small, weights or layers that do not fit.
    """
    classes = class_count(config.model.num_classes, num_classes)
    model = build_model(config.model.name, classes, config.model.shortcut, config.train.seed)
    layers, early_size = describe(model, image_size)
    loaded = LoadedWeights()
    if config.model.weights:
        new_head = config.model.head == "new"
        loaded = load_float_weights(model, config.model.weights, new_head)
    method = METHODS[name or config.method.name].build(config, model, layers, early_size)
    if native:
        use_native(method.network, short_gradients=config.device.gradient_dtype == "int16")
    return method, loaded
