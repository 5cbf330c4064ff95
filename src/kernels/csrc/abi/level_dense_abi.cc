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
// level_dense_abi.cc: a dense layer with levels (conv/level_dense.h) for C callers: tests and
// benchmarks.
#include "conv/level_dense.h"

#include "abi/codes.h"
#include "simd/kernels.h"

extern "C" {

// Bytes that an output's weights take; 0: arguments out of range.
int64_t dq_level_bytes(int form, int bits, int64_t inputs) {
  if (form < dq::kProducts || form > dq::kSums || bits < 2 || bits > 4) return 0;
  if (inputs < 1 || inputs > 65536 || inputs % dq::kLevelBlock) return 0;
  return inputs / dq::kLevelBlock * dq::level_bytes(dq::LevelForm(form), bits);
}

// x uint8 [pixels, inputs], stored uint8 [outputs, dq_level_bytes], levels int8 [2^bits], y int32
// [pixels, outputs]
int dq_level_dense(int form, int bits, int pixels, int inputs, int outputs, const uint8_t *x,
                   const uint8_t *stored, const int8_t *levels, int32_t *y) {
  if (!dq_level_bytes(form, bits, inputs) || pixels < 1 || outputs < 1) return dq::kShape;
  const dq::Kernels *kernels = dq::active_kernels();
  if (!kernels) return dq::kIsa;
  kernels->level_dense({dq::LevelForm(form), bits, pixels, inputs, outputs, x, stored, levels, y});
  return dq::kOk;
}
}
