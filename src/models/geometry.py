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
"""The layers of a model in the order in which an image meets them, with their sizes and costs."""

from mindspore import nn

from src.errors import UserError
from src.layers.conv import Conv2d
from src.layers.shortcut import ShortcutA
from src.layers.spec import LayerInfo
from src.models.resnet import ResNet


def describe(model: ResNet, image_size: int) -> tuple[list[LayerInfo], int]:
    """Walk a float model.

    Args:
        model: as built, before layers are swapped.
        image_size: side of the square input in pixels.

    Returns:
        the layers, and the side in pixels of the features that leave the first stage.

    Raises:
        UserError: the image is too small for the model.
    """
    walk = _Walk()
    size = walk.conv("conv1", model.conv1, image_size, stage=0, signed_input=True)
    if model.pool is not None:
        size = _out(size, 3, 2, 1)
    early_size = size
    for stage in range(1, 5 if model.has_layer4 else 4):
        for i, block in enumerate(getattr(model, f"layer{stage}")):
            size = walk.block(f"layer{stage}.{i}", block, size, stage)
        if stage == 1:
            early_size = size
    if size < 1:
        raise UserError(
            f"data.image_size={image_size} is too small for this model: nothing is left of it "
            "after the strides; use a larger image or a model with a CIFAR stem"
        )
    fc = model.fc
    cost = fc.c_in * fc.c_out
    walk.layers.append(LayerInfo("fc", "dense", cost, cost, fc.c_in, stage=-1))
    return walk.layers, early_size


def _out(size: int, kernel: int, stride: int, padding: int) -> int:
    return (size + 2 * padding - kernel) // stride + 1


class _Walk:
    def __init__(self):
        self.layers: list[LayerInfo] = []

    def conv(self, name: str, conv: Conv2d, size: int, stage: int, **flags) -> int:
        out = _out(size, conv.kernel, conv.stride, conv.padding)
        weights = conv.c_out * conv.c_in // conv.groups * conv.kernel**2
        inputs = conv.c_in * size * size
        macs = weights * out * out
        self.layers.append(LayerInfo(name, "conv", macs, weights, inputs, stage, **flags))
        return out

    def block(self, name: str, block: nn.Cell, size: int, stage: int) -> int:
        shortcut = block.downsample
        if shortcut is not None and not isinstance(shortcut, ShortcutA):
            self.conv(f"{name}.downsample.conv", shortcut.conv, size, stage, is_shortcut=True)
        for leaf in ("conv1", "conv2", "conv3"):
            if hasattr(block, leaf):
                size = self.conv(f"{name}.{leaf}", getattr(block, leaf), size, stage)
        return size
