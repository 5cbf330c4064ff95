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
"""A run that met NaN or infinity stops and names the layer where it began."""

from collections.abc import Sequence

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from src.errors import UserError
from src.kernels.errors import no_choice

LARGE_STEPS = "lower train.lr, set train.clip_norm, or add train.warmup_epochs"
BEFORE_STEPS = (
    "nothing was updated yet, so train.lr is not the cause: look at the weights that it starts from "
    "(model.weights), at data.mean and data.std"
)


def explain_not_finite(
    network: nn.Cell, passes: Sequence[tuple[np.ndarray, ...]], where: str, is_first: bool = False
) -> UserError:
    """Find the first weight, or else the first layer output, that is not finite.

    Running statistics come last: they follow from what the layers before them put out.

    Args:
        network: as it was when the loss went wrong; its passes are run once more, layer by layer.
        passes: the network's inputs in each pass of that step, images first; () where they are gone.
        where: epoch and step, for the message.
        is_first: it is the first step, no parameter was updated before it.
    """
    advice = BEFORE_STEPS if is_first else LARGE_STEPS
    named = list(network.parameters_and_names())
    bad = [name for name, p in named if not np.isfinite(p.asnumpy()).all()]
    learned = {name for name, p in named if p.requires_grad}
    weights = [name for name in bad if name in learned]
    if weights:
        return UserError(f"{where}: parameter {weights[0]} is not finite; {advice}")
    if not passes:
        return UserError(
            f"{where}: the loss or a gradient is not finite; {advice} (train.log_every=1 looks at each "
            "step in time to name the layer)"
        )
    if not np.isfinite(passes[0][0]).all():
        return UserError(f"{where}: the input images hold NaN or infinity; check the data")
    layer = next(filter(None, (_first_bad_layer(network, inputs) for inputs in passes)), "")
    if layer:
        return UserError(f"{where}: the output of layer {layer}; {advice}")
    if bad:
        return UserError(f"{where}: parameter {bad[0]} is not finite; {advice}")
    return UserError(f"{where}: a gradient is not finite, the network's outputs are; {advice}")


def _first_bad_layer(network: nn.Cell, inputs: tuple[np.ndarray, ...]) -> str:
    """`NAME is not finite (...)` with how large what it works on is; "" if all is finite."""
    bad: list[str] = []

    def watch(name):
        def hook(cell, arguments, output):
            value = output[0] if isinstance(output, tuple) else output
            if not bad and isinstance(value, Tensor) and not np.isfinite(value.asnumpy()).all():
                bad.append(f"{name} is not finite ({_sizes(cell, arguments)})")

        return hook

    # A cell ends after the cells inside it, so the innermost culprit comes first.
    cells = [(name, cell) for name, cell in network.cells_and_names() if name]
    hooks = [cell.register_forward_hook(watch(name)) for name, cell in cells]
    mode = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        network(*[Tensor(x) for x in inputs])
    except RuntimeError as error:
        if not no_choice(error):
            raise
    finally:
        for hook in hooks:
            hook.remove()
        ms.set_context(mode=mode)
    return bad[0] if bad else ""


def _sizes(cell: nn.Cell, arguments: tuple) -> str:
    """E.g. `inputs up to 2.1e+00, weight up to 3.0e+38`."""
    own = {p.name.rsplit(".", 1)[-1]: p for p in cell.get_parameters(expand=False)}
    seen = {"inputs": arguments[0], **own}
    return ", ".join(
        f"{name} up to {np.abs(value.asnumpy()).max():.1e}"
        for name, value in seen.items()
        if isinstance(value, Tensor) and value.size
    )
