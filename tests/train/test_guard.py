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

"""The guard names where NaN or infinity began: a weight, the images, a layer, or a gradient."""

import mindspore as ms
import numpy as np
from mindspore import Tensor

from src.errors import UserError
from src.methods.counterfactual import ForcedAndFree
from src.train.guard import explain_not_finite
from tests.methods.build import images, method


def explained(built, x=None, **options) -> str:
    x = images(2) if x is None else x
    noise = built.drawn(np.random.default_rng(0), len(x), train=True)
    mode = ms.get_context("mode")
    where = "dqnet, epoch 2, step 7"
    error = explain_not_finite(built.network, [(x, *noise)], where, **options)
    assert isinstance(error, UserError)
    assert ms.get_context("mode") == mode
    assert str(error).startswith("dqnet, epoch 2, step 7: ")
    return str(error)


def set_weight(parameter, value: float) -> None:
    changed = parameter.asnumpy().copy()
    changed.reshape(-1)[3] = value
    parameter.set_data(Tensor(changed))


def test_a_weight_that_is_not_a_number():
    built = method()
    set_weight(built.network.cell("layer2.0.conv1").weight, np.nan)
    message = explained(built)
    assert "parameter layer2.0.conv1.weight is not finite" in message
    assert "train.lr" in message


def test_a_step_whose_batch_is_gone():
    """Where results are read late, another batch would tell of another step."""
    error = explain_not_finite(method().network, (), "dqnet, epoch 2, step 7")
    assert str(error).startswith("dqnet, epoch 2, step 7: the loss or a gradient is not finite")
    assert "train.log_every=1" in str(error)


def test_a_picture_that_is_not_a_number():
    x = images(2)
    x[1, 0, 0, 0] = np.inf
    assert "the input images hold NaN or infinity" in explained(method("method.name=float"), x)


def test_the_first_layer_whose_output_overflows():
    """Weights that are finite, products that are not; later layers carry on what began here."""
    for built in (method("method.name=float"), method("quant.exceptions={layer2.0.conv1: float}")):
        weight = built.network.cell("layer2.0.conv1").weight
        weight.set_data(Tensor(np.full(weight.shape, 3e38, np.float32)))
        assert "the output of layer layer2.0.conv1 is not finite" in explained(built)


def test_a_dynamic_layer_is_named_itself():
    """And not the normalisation behind it: LSQ's weights have no upper bound."""
    built = method("quant.quantizer=lsq", "dqnet.execution=mixture")
    layer = built.network.cell("layer2.0.conv1")
    for parameter in (layer.weight, layer.weight_quantizer.step):
        parameter.set_data(Tensor(np.full(parameter.shape, 8e37, np.float32)))
    assert "the output of layer layer2.0.conv1 is not finite" in explained(built)


def test_otherwise_it_was_a_gradient():
    assert "a gradient is not finite" in explained(method("method.name=float"))


def test_a_layer_is_named_before_the_statistics_that_followed_it():
    """Running statistics that took in NaN are not where it began."""
    built = method("method.name=float")
    for name in ("bn1", "layer3.0.bn1"):
        norm = built.network.cell(name)
        norm.moving_mean.set_data(Tensor(np.full(norm.moving_mean.shape, np.nan, np.float32)))
    built.network.set_train()
    weight = built.network.cell("layer2.0.conv1").weight
    weight.set_data(Tensor(np.full(weight.shape, 3e38, np.float32)))
    message = explained(built)
    assert "the output of layer layer2.0.conv1 is not finite" in message
    assert "weight up to 3.0e+38" in message and "inputs up to " in message


def test_the_learning_rate_is_not_blamed_before_the_first_update():
    built = method("method.name=float")
    weight = built.network.cell("layer2.0.conv1").weight
    weight.set_data(Tensor(np.full(weight.shape, 3e38, np.float32)))
    message = explained(built, is_first=True)
    assert "train.lr is not the cause" in message and "lower train.lr" not in message
    assert "model.weights" in message


def test_each_pass_of_a_step_is_looked_at():
    """Here of one that runs the network at each width throughout, and then as its controller chooses; at the
    narrowest the layer is sound."""
    built = method()
    x, draws = images(2), ForcedAndFree(built.draws, len(built.widths))
    passes = [(x, *own) for own in draws.passes(draws.draw(np.random.default_rng(0), len(x), 0.0))]
    assert len(passes) == 4
    assert "a gradient is not finite" in str(explain_not_finite(built.network, passes, "here"))
    seen = []

    def overflows_in_the_second_pass(cell, inputs, output):
        seen.append(True)
        return output * float("inf") if len(seen) == 2 else output

    built.network.cell("layer2.0.conv1").register_forward_hook(overflows_in_the_second_pass)
    message = str(explain_not_finite(built.network, passes, "here"))
    assert "the output of layer layer2.0." in message and len(seen) == 2
