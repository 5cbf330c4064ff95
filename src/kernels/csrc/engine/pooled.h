// Copyright 2026 The Dynamic Quantization for MindSpore Authors
//
// Licensed under the Apache License, Version 2.0 (the "License");
// you may not use this file except in compliance with the License.
// You may obtain a copy of the License at
//
//     http://www.apache.org/licenses/LICENSE-2.0
//
// Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS,
// WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
// See the License for the specific language governing permissions and
// limitations under the License.
// pooled.h: a convolution whose result only a max pool reads. A channel's values rise with its
// sums, or fall if its multiplier is below 0, so that the largest value of a window is that of its
// largest (least) sum: sums are pooled, and only what is left of them is finished. A few rows of
// sums at a time are in memory.
#pragma once
#include "engine/conv_step.h"

namespace dq {

struct PooledConv {
  const ConvKernel *kernel;   // one whose results finish.h ends
  ConvJob job;                // its finish is that of the pooled result
  int size, stride, padding;  // of the windows
  int ho, wo;                 // of the pooled result
};

struct PooledKernel {
  size_t (*scratch_bytes)(const PooledConv &);                          // of each caller of run()
  void (*run)(const PooledConv &, int first, int last, void *scratch);  // rows of the result
};

}  // namespace dq
