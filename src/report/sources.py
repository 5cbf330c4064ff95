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
"""What records were made from, and what its licences ask: for their cards (`card.py`). A data set or a file of
weights that is not listed is told by its name alone."""

from __future__ import annotations

DATA = {
    "digits": (
        "handwritten digits of E. Alpaydin and C. Kaynak (UCI, *Optical Recognition of Handwritten Digits*), as "
        "scikit-learn carries its test part: 8 x 8 pixels, enlarged to 32 x 32",
        "CC BY 4.0",
    ),
    "cifar10": (
        "CIFAR-10 (A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009): photographs of "
        "32 x 32 pixels in ten classes",
        "its authors state none; the images are no part of the project",
    ),
}
WEIGHTS = {
    "cifar10_resnet20.npz": (
        "the published ResNet-20 of Yerlan Idelbayev "
        "([`pytorch_resnet_cifar10`](https://github.com/akamaster/pytorch_resnet_cifar10))",
        "BSD 2-Clause; its notice is in [`NOTICE.md`](../NOTICE.md)",
    ),
}
PROJECT = "Apache-2.0, as the project"
