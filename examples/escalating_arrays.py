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
"""Residual blocks, depthwise layers and data in NumPy arrays; widths by DQNet's controller, then by escalation.

    PYTHONPATH=. python examples/escalating_arrays.py [key=value ...]
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from src import api


def inverted_net(num_classes, rng, width=16):
    """Inverted residuals, like MobileNetV2's: 1 x 1 up, 3 x 3 depthwise, 1 x 1 down, plus what came in."""
    net = api.Backbone()

    def layer(x, name, conv, activation, part, *residual):
        x = net.add(f"{name}.conv", api.CONV, conv, x, part=part)
        norm = api.BatchNorm(conv.c_out, activation)  # adds the residual, then applies the activation
        return net.add(f"{name}.bn", api.NORM, norm, x, *residual, part=part)

    def block(x, name, stride, part):
        wide, residual = 2 * width, (x,) if stride == 1 else ()
        depthwise = api.Conv2d(wide, wide, 3, stride, padding=1, groups=wide, rng=rng)
        x = layer(x, f"{name}.up", api.Conv2d(width, wide, 1, rng=rng), api.RELU6, part)
        x = layer(x, f"{name}.depthwise", depthwise, api.RELU6, part)
        return layer(x, f"{name}.down", api.Conv2d(wide, width, 1, rng=rng), api.NONE, part, *residual)

    stem = api.Conv2d(3, width, 3, padding=1, rng=rng, is_first=True)
    x = layer(api.IMAGE, "stem", stem, api.RELU, api.STEM)
    x = block(x, "block1", 1, part=1)  # DQNet's controller sees what part 1 gives ...
    x = block(block(x, "block2", 2, part=2), "block3", 1, part=2)  # ... and decides for the parts behind
    x = net.add("average", api.MEAN, api.Mean(), x, part=api.HEAD)
    net.add("classifier", api.DENSE, api.Dense(width, num_classes, rng=rng), x, part=api.HEAD)
    return net


def main(keys, data="runs/digits.npz"):
    grey, labels = load_digits(return_X_y=True)
    images = np.repeat((grey.reshape(-1, 1, 8, 8) * 15).astype(np.uint8), 3, axis=1)  # uint8 (N, 3, 8, 8), RGB
    Path(data).parent.mkdir(parents=True, exist_ok=True)
    np.savez(data, images=images, labels=labels)  # a fifth of each class becomes the test set
    run = api.train(
        inverted_net, "data.name=arrays", f"data.path={data}", "data.val_split=0.1", "run.dir=runs/escalating_arrays",
        "method.name=dqnet", "quant.quantizer=lsq", "dqnet.pool=4", "dqnet.hidden=16",
        "train.pretrain_epochs=10", "train.epochs=10", "train.lr=0.05", *keys,
    )  # fmt: skip
    file = api.export(run["run"])["file"]
    # The controller's choice of 3, 4 or 5 bits; then as many BitOPs in the mean, for the images that are unsure.
    for budget in (None, run["bitops"]):
        answers = api.load(file, wish=api.Wish(budget=budget))(images)
        cost, again = np.mean([(answer.bitops / 1e6, answer.passes > 1) for answer in answers], axis=0)
        print(f"{cost:.2f} M BitOPs an image, {again:.1%} answered again at more bits; the first: {answers[0]}")


if __name__ == "__main__":  # the run reads this file again for `inverted_net`, and must not train anew
    main(sys.argv[1:])
