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
"""A plain network of one's own: trained in float on the built-in digits, quantised to 4 bits without training.

    PYTHONPATH=. python examples/plain_digits.py [key=value ...]
"""

import sys

from src import api


def plain_net(num_classes, rng):
    """Three convolutions, each with its normalisation and ReLU, and a classifier."""
    net = api.Backbone()

    def layer(x, name, c_in, c_out, stride, part):
        # Only the layer that reads the image has no use for the gradient of what it reads.
        conv = api.Conv2d(c_in, c_out, 3, stride, padding=1, rng=rng, is_first=x == api.IMAGE)
        x = net.add(f"{name}.conv", api.CONV, conv, x, part=part)
        return net.add(f"{name}.bn", api.NORM, api.BatchNorm(c_out, api.RELU), x, part=part)

    x = layer(api.IMAGE, "stem", 3, 16, 1, api.STEM)
    x = layer(x, "block1", 16, 32, 2, part=1)
    x = layer(x, "block2", 32, 32, 2, part=2)
    x = net.add("average", api.MEAN, api.Mean(), x, part=api.HEAD)
    net.add("classifier", api.DENSE, api.Dense(32, num_classes, rng=rng), x, part=api.HEAD)
    return net


def main(keys):
    run = api.train(
        plain_net, "data.name=digits", "data.image_size=16", "run.dir=runs/plain_digits",
        "method.name=static", "quant.quantizer=lsq", "quant.w_bits=4", "quant.a_bits=4",
        "quant.first_last=8",
        "train.pretrain_epochs=8",  # in float
        "train.epochs=0",  # and then none: steps and codes are searched on some training images
        *keys,
    )  # fmt: skip
    print(f"float {run['baseline']['float']['top1']:.1%}, at 4 bits {run['top1']:.1%}")
    file = api.export(run["run"])["file"]  # integers alone, in a file that needs none of this code
    net = api.load(file)
    images, labels = digits(net.size)
    for label, answer in zip(labels, net(images), strict=True):
        print(f"{label}: {answer}")


def digits(size):
    """Some digits that were not trained with: uint8 (N, 3, size, size), as a network takes images."""
    from src.data import load

    test = load("digits", None, "test", image_size=size)
    return test.images[:8], [test.classes[k] for k in test.labels[:8]]


if __name__ == "__main__":  # the run reads this file again for `plain_net`, and must not train anew
    main(sys.argv[1:])
