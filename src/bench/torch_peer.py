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
"""A training step in PyTorch, on the same kind of data and with the same update as ours."""

import sys

from src.bench.case import Case
from src.bench.runner import Runner
from src.bench.torch_layers import Net
from src.bench.torch_nets import DESIGNS
from src.errors import UserError

LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 0.01, 0.9, 1e-4
ALPHA_BITS = 0.05  # weight of max(0, mean bits - target), as in the authors' code


def build_torch(case: Case) -> Runner:
    """The step in NCHW or, by the runner's name, channels_last.

    Raises:
        UserError: PyTorch is not installed.
    """
    torch = _import()
    torch.set_num_threads(case.threads)
    torch.manual_seed(1)
    net = Net(DESIGNS[case.model], case.kind, case.bits, case.num_classes)
    image = torch.randn(case.batch, 3, case.image_size, case.image_size)
    label = torch.randint(0, case.num_classes, (case.batch,))
    if case.runner == "torch-channels_last":
        image = image.contiguous(memory_format=torch.channels_last)
        for parameter in net.parameters:
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        net.parameters, LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
    )

    def step() -> float:
        optimizer.zero_grad()
        value = loss(net, image, label)
        value.backward()
        optimizer.step()
        return value.item()

    isa = torch.backends.cpu.get_cpu_capability().lower()
    about = {"isa": isa, "version": f"torch {torch.__version__}", "threads": case.threads}
    return Runner(step, about)


def loss(net: Net, image, label):
    """Cross entropy, with the budget's hinge where the net chooses widths."""
    import torch
    from torch.nn import functional

    logits, plan = net(image)
    value = functional.cross_entropy(logits, label)
    if plan is None:
        return value
    bits = (plan * torch.tensor(net.candidates, dtype=plan.dtype)).sum(-1).mean()
    return value + ALPHA_BITS * functional.relu(bits - net.bits)


def _import():
    try:
        import torch
    except ImportError as error:
        raise UserError(
            f"PyTorch is not installed for {sys.executable}: `pip install torch` there, or name a "
            "Python that has it with --peer-python or DYNQUANT_PEER_PYTHON"
        ) from error
    return torch
