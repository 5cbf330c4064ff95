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
"""Benchmarks (`bench.py`), everybody timed in turn in one run.

step      a training step of ours and of peers: cases.py lists them, turns.py times them, each in a
          process (process.py starts worker.py, which builds ours.py or torch_peer.py)
kernels   each native convolution as a share of the arithmetic peak, depthwise ones of the bandwidth
switch    the price of a width change
"""
