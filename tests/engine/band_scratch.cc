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

// band_scratch.cc: prints how many pairs of a kernel and a convolution it has looked at, and each whose
// scratch memory would not do for fewer rows of it, which a pooled convolution asks for at a time.
#include <cstdint>
#include <cstdio>
#include <vector>

#include "engine/conv_step.h"
#include "engine/integer_ops.h"
#include "simd/kernels.h"

int main() {
  if (!dq::active_kernels()) return 77;  // DYNQUANT_ISA names what this machine lacks
  constexpr int kOut = 32, kRows = 64;
  int looked = 0;
  for (const int c_in : {16, 32, 64, 128, 256}) {
    const std::vector<int8_t> weight(static_cast<size_t>(kOut) * c_in * 9, 1);
    for (const int width : {2, 7, 14, 21, 28, 42, 56}) {
      for (const dq::ConvKernel *const *kernel = dq::integer_kernels().convs; *kernel; kernel++) {
        size_t bytes = 0;
        for (int rows = 1; rows <= kRows; rows++, looked++) {
          const dq::CodeConv conv = {c_in, kOut, 1, 3, 1, 1, rows, width, rows, width, 0, 3, weight.data()};
          if (!(*kernel)->can(conv)) continue;
          const size_t asked = (*kernel)->scratch_bytes(conv);
          if (asked < bytes) std::printf("%s: %d channels, %d x %d\n", (*kernel)->name, c_in, rows, width);
          bytes = asked;
        }
      }
    }
  }
  std::printf("%d\n", looked);
}
