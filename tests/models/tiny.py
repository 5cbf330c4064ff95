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
"""A MobileNetV2 small enough for tests on images of 8 pixels: three blocks, two of them with a residual
sum, and one row of the first part. Tests register it by the fixture `tiny_mobilenetv2`."""

from src.models.mobilenetv2 import MobileNetV2, Row

NAME = "tiny_mobilenetv2"
TINY = MobileNetV2((Row(1, 8, 1, 1, 1), Row(2, 8, 2, 2, 2)), stem_stride=1, stem=8, last=16)
