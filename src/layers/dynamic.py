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
"""A convolution whose width differs from image to image.

A choice holds, for each image, a one-hot vector over the candidate widths. Two portable executions give
the same numbers:

    mixture    y[n] = sum_k m[n, k] conv(Q_k(x), Q_k(W))     K convolutions; differentiable in m
    selected   y[n] = conv(Q_c(x[n]), Q_c(W)), c = argmax m  one convolution per image, as groups

Mixture is the form of DQNet's code and defines the gradient; selected has none (arg-max and rounding
pass nothing on), so training never runs it.
"""

from mindspore import Tensor, nn, ops

from src.layers.conv import Conv2d, convolution

MIXTURE, SELECTED = "mixture", "selected"
# `selected` keeps one copy of the weights per image; past this many values, mixture is cheaper.
LARGEST_GATHER = 64 * 2**20


class DynamicConv2d(nn.Cell):
    """A `Conv2d` at the width that is chosen for each image.

    Args:
        conv: float layer taken over.
        weight_quantizer, input_quantizer: quantisers with one slot per candidate width.
        slot: this layer's place in the plan.
        tied: weights and inputs share the choice (one column of it instead of two).
        execution: how evaluation runs: mixture, selected, or auto (selected while its copies of the
            weights stay small). Training always runs the mixture.
    """

    def __init__(self, conv: Conv2d, weight_quantizer, input_quantizer, slot, tied, execution):
        super().__init__()
        self.weight = conv.weight
        self.weight_quantizer = weight_quantizer
        self.input_quantizer = input_quantizer
        self.slot, self.execution = slot, execution
        self.columns = (0, 0) if tied else (0, 1)  # of weights, of inputs
        self.tied = tied
        self.candidates = range(len(weight_quantizer.widths))
        self.c_out, self.kernel = conv.c_out, conv.kernel
        self.stride, self.padding, self.groups = conv.stride, conv.padding, conv.groups
        self.multiply = conv.multiply
        self.fused = None  # a kernel for tied choices (layers/use_kernels.py)

    def construct(self, x, choice):
        """x (N, C, H, W); choice (N, 1 or 2, K) one-hot -> (N, C_out, H', W')."""
        weight_choice, input_choice = self._chosen(choice)
        if self.fused is not None:
            return self._fused(x, weight_choice)
        if self._selects(x):
            return self._selected(x, weight_choice, input_choice, choice.shape[0])
        if self.tied:
            return self._mixture(x, weight_choice)
        return self._mixture_untied(x, weight_choice, input_choice)

    def _chosen(self, choice):
        """(N, K) of weights and of inputs."""
        if self.tied:  # reshaped, not sliced: no operator runs for it
            both = choice.reshape((choice.shape[0], choice.shape[2]))
            return both, both
        return choice[:, self.columns[0]], choice[:, self.columns[1]]

    def _selects(self, x) -> bool:
        if self.training or self.execution == MIXTURE:
            return False
        return self.execution == SELECTED or x.shape[0] * self.weight.size <= LARGEST_GATHER

    def _fused(self, x, choice):
        weights, scales = self.weight_quantizer.all_slots(self.weight)
        inv, scale, high, step, clip = self.input_quantizer.grids(x)
        return self.fused(x, weights, scales, inv, scale, high, step, clip, choice)

    def _mixture(self, x, choice):
        total = 0
        for k in self.candidates:
            weight, _ = self.weight_quantizer(self.weight, k)
            total = total + _column(choice, k) * self.multiply(self.input_quantizer(x, k), weight)
        return total

    def _mixture_untied(self, x, weight_choice, input_choice):
        mixed, total = 0, 0
        for k in self.candidates:
            mixed = mixed + _column(input_choice, k) * self.input_quantizer(x, k)
        for k in self.candidates:
            weight, _ = self.weight_quantizer(self.weight, k)
            total = total + _column(weight_choice, k) * self.multiply(mixed, weight)
        return total

    def _selected(self, x, weight_choice, input_choice, images):
        inv, scale, low, high = self._chosen_grid(x, input_choice)
        x_q = self.input_quantizer.chosen_codes(x, input_choice, inv, low, high) * scale
        weights, _ = self.weight_quantizer.all_slots(self.weight)
        chosen = ops.gather(weights, weight_choice.argmax(1), 0)  # (N, O, I, k, k)
        multiply = convolution(
            images * self.c_out, self.kernel, self.stride, self.padding, images * self.groups
        )
        y = multiply(
            x_q.reshape((1, images * x.shape[1]) + x.shape[2:]),
            chosen.reshape((images * self.c_out,) + chosen.shape[2:]),
        )
        return y.reshape((images, self.c_out) + y.shape[2:])

    def _chosen_grid(self, x, choice):
        """inv, scale, low, high of each image's width, each (N, 1, 1, 1)."""
        grids = [self.input_quantizer.grid(x, k) for k in self.candidates]
        inv = _pick(choice, [grid[0] for grid in grids])
        scale = _pick(choice, [grid[1] for grid in grids])
        low = _pick(choice, [grid[2] for grid in grids])
        high = _pick(choice, [grid[3] for grid in grids])
        return inv, scale, low, high


def _pick(choice: Tensor, values: list[Tensor]) -> Tensor:
    """Of K values of shape (1,), the one that each image chose: (N, 1, 1, 1)."""
    return ops.matmul(choice, ops.stack(values)).reshape((-1, 1, 1, 1))


def _column(choice: Tensor, k: int) -> Tensor:
    """Column k of a choice (N, K), shaped to weigh feature maps: (N, 1, 1, 1)."""
    return choice[:, k].reshape((-1, 1, 1, 1))
