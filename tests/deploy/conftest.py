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
"""Fixtures that several files share."""

import pytest

from src.data import load
from src.data.views import pixel_values
from src.deploy.integer.lower import Picture
from tests.kernels.conftest import isa  # noqa: F401
from tests.methods.build import SIDE


@pytest.fixture(scope="session")
def digits():
    """Test images of the size that tests/methods/build.py builds networks for."""
    return load("digits", None, "test", image_size=SIDE)


@pytest.fixture(scope="session")
def picture(digits):
    return Picture(SIDE, pixel_values(digits.mean, digits.std))
