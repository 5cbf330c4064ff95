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

// dorefa.cc: DoReFa's weights at several widths at once, from t = tanh(w):
//   u = t / (2 m) + 1/2 with m = max |t|,   value_k = (2 floor(u n_k + 1/2) - n_k) / n_k
// The gradient passes the rounding unchanged; it flows through the division and through m.
// Of zeros alone m counts as 1, a constant.
#include <algorithm>
#include <cmath>

#include "simd/kernels.h"
#include "threads/parallel.h"

namespace DQ_NS {

constexpr size_t PIECE = 1 << 13;  // values per item; also fixes the order of the sums
constexpr float SMALLEST = 1e-6f;  // as in quantizers/base.py: a maximum that is as good as zero

static int pieces(size_t size) { return (int)((size + PIECE - 1) / PIECE); }

// body(first, last) of each piece; its result is kept in results[piece].
template <class T, class Body>
static T *for_each_piece(size_t size, Body &&body) {
  T *results = scratch<T>(-1, kSums, pieces(size));
  parallel(pieces(size), [&](int, int item) {
    const size_t first = item * PIECE;
    results[item] = body(first, std::min(first + PIECE, size));
  });
  return results;
}

// max |t|, or 1 where that is (as good as) zero.
static float largest(size_t size, const float *t) {
  const float *tops = for_each_piece<float>(size, [&](size_t i, size_t end) {
    float top = 0;
    for (; i < end; i++) top = std::max(top, std::fabs(t[i]));
    return top;
  });
  const float top = *std::max_element(tops, tops + pieces(size));
  return top > SMALLEST ? top : 1.f;
}

void dorefa_forward(size_t size, int kinds, const float *tops, const float *t, float *values) {
  const float twice = 2 * largest(size, t);
  parallel(pieces(size), [&](int, int item) {
    const size_t first = item * PIECE, last = std::min(first + PIECE, size);
    for (int k = 0; k < kinds; k++) {
      const float n = tops[k], scale = 1 / n;
      float *out = values + k * size;
      for (size_t i = first; i < last; i++) {
        const float u = t[i] / twice + 0.5f;
        out[i] = (2 * std::floor(u * n + 0.5f) - n) * scale;
      }
    }
  });
}

// dt = g / m, and at the |t| = m, shared between them, -sign(t) sum(g t) / m^2;  g: sum over k
void dorefa_backward(size_t size, int kinds, const float *t, const float *dvalues, float *dt) {
  struct Sums {
    double slope;
    int ties;
  };
  const float m = largest(size, t), inverse = 1 / m;
  const Sums *parts = for_each_piece<Sums>(size, [&](size_t i, size_t end) {
    Sums s = {0, 0};
    for (; i < end; i++) {
      float g = 0;
      for (int k = 0; k < kinds; k++) g += dvalues[k * size + i];
      dt[i] = g * inverse;
      s.slope += (double)g * t[i];
      s.ties += std::fabs(t[i]) == m;
    }
    return s;
  });
  Sums all = {0, 0};
  for (int i = 0; i < pieces(size); i++) all.slope += parts[i].slope, all.ties += parts[i].ties;
  if (all.ties == 0) return;  // m is a constant
  const float share = (float)(all.slope / ((double)m * m * all.ties));
  for (size_t i = 0; i < size; i++) {
    if (std::fabs(t[i]) == m) dt[i] -= t[i] < 0 ? -share : share;
  }
}

}  // namespace DQ_NS
