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

// maxpool.cc: mostly bound by memory, so plain C++ for every instruction set.
#include "pointwise/maxpool.h"

#include <algorithm>

#include "threads/each.h"

namespace dq {
namespace {

// The part of the window of output i that lies in the image: rows or columns [first, last).
struct Span {
  int first, last;
};
Span span(int i, int size, const MaxPoolShape &s) {
  const int begin = i * s.stride - s.pad;
  return {std::max(begin, 0), std::min(begin + s.kernel, size)};
}

// dst[j] = max of dst[j] and src[j * stride], j in [0, n)
void take_larger(const float *src, int stride, int n, float *dst) {
  for (int j = 0; j < n; j++) dst[j] = src[j * stride] > dst[j] ? src[j * stride] : dst[j];
}

}  // namespace

void max_pool_forward(const MaxPoolShape &s, const float *x, float *y) {
  for_each(s.planes, [&](size_t plane) {
    const float *in = x + plane * s.h * s.w;
    float *out = y + plane * s.ho * s.wo;
    for (int i = 0; i < s.ho; i++, out += s.wo) {
      const Span rows = span(i, s.h, s);
      for (int j = 0; j < s.wo; j++) out[j] = in[rows.first * s.w + span(j, s.w, s).first];
      for (int r = rows.first; r < rows.last; r++) {
        for (int k = 0; k < s.kernel; k++) {
          // the outputs whose column k of the window lies in the image
          const int from = k < s.pad ? (s.pad - k + s.stride - 1) / s.stride : 0;
          const int room = s.w - 1 + s.pad - k;  // from there in output 0 to the last column
          const int to = room < 0 ? 0 : std::min(s.wo, room / s.stride + 1);
          if (from < to)
            take_larger(in + r * s.w + from * s.stride - s.pad + k, s.stride, to - from,
                        out + from);
        }
      }
    }
  });
}

void max_pool_backward(const MaxPoolShape &s, const float *x, const float *dy, float *dx) {
  for_each(s.planes, [&](size_t plane) {
    const float *in = x + plane * s.h * s.w, *d = dy + plane * s.ho * s.wo;
    float *grad = dx + plane * s.h * s.w;
    std::fill_n(grad, (size_t)s.h * s.w, 0.f);
    for (int i = 0; i < s.ho; i++) {
      const Span rows = span(i, s.h, s);
      for (int j = 0; j < s.wo; j++) {
        const Span cols = span(j, s.w, s);
        int best = rows.first * s.w + cols.first;
        for (int r = rows.first; r < rows.last; r++) {
          for (int c = cols.first; c < cols.last; c++)
            if (in[r * s.w + c] > in[best]) best = r * s.w + c;
        }
        grad[best] += *d++;
      }
    }
  });
}

}  // namespace dq
