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

// subsample.cc: bound by memory, so plain C++ for every instruction set.
#include "pointwise/subsample.h"

#include <algorithm>

#include "threads/each.h"

namespace dq {

void subsample_forward(const SubsampleShape &s, const float *x, float *y) {
  const size_t plane = (size_t)s.ho * s.wo, in = (size_t)s.h * s.w;
  for_each(s.n, [&](size_t n) {
    float *out = y + n * (s.before + s.c + s.after) * plane;
    out = std::fill_n(out, s.before * plane, 0.f);
    for (int c = 0; c < s.c; c++) {
      for (int i = 0; i < s.ho; i++) {
        const float *row = x + (n * s.c + c) * in + (size_t)i * s.stride * s.w;
        for (int j = 0; j < s.wo; j++) *out++ = row[j * s.stride];
      }
    }
    std::fill_n(out, s.after * plane, 0.f);
  });
}

void subsample_backward(const SubsampleShape &s, const float *dy, float *dx) {
  const size_t plane = (size_t)s.ho * s.wo, in = (size_t)s.h * s.w;
  for_each(s.n, [&](size_t n) {
    const float *d = dy + (n * (s.before + s.c + s.after) + s.before) * plane;
    std::fill_n(dx + n * s.c * in, s.c * in, 0.f);
    for (int c = 0; c < s.c; c++) {
      for (int i = 0; i < s.ho; i++) {
        float *row = dx + (n * s.c + c) * in + (size_t)i * s.stride * s.w;
        for (int j = 0; j < s.wo; j++) row[j * s.stride] = *d++;
      }
    }
  });
}

}  // namespace dq
