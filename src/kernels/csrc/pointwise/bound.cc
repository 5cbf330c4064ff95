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

// bound.cc: the gradients of a step, scaled down to a largest global norm, plus weight decay.
#include <cmath>

#include "simd/kernels.h"
#include "threads/parallel.h"

namespace DQ_NS {

constexpr size_t PIECE = 1 << 15;  // values per item; also fixes the order of the sums

struct Part {
  int which;
  size_t begin, end;
};

// All gradients, cut into pieces.
static int cut(const dq::Gradient *list, int count, Part **parts) {
  size_t items = 0;
  for (int i = 0; i < count; i++) items += (list[i].size + PIECE - 1) / PIECE;
  Part *part = *parts = scratch<Part>(-1, kPartials, items);
  for (int i = 0; i < count; i++) {
    for (size_t at = 0; at < list[i].size; at += PIECE)
      *part++ = {i, at, at + PIECE < list[i].size ? at + PIECE : list[i].size};
  }
  return (int)items;
}

static double sum_of_squares(const float *g, size_t n) {
  F total = set(0.f);
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) total = fma(load(g + i), load(g + i), total);
  if (i < n) {
    const F rest = load_part(g + i, (int)(n - i));
    total = fma(rest, rest, total);
  }
  return sum(total);
}

void bound_gradients(const dq::Gradient *list, int count, float limit, float *norm) {
  Part *parts;
  const int items = cut(list, count, &parts);
  double *squares = scratch<double>(-1, kSums, items);
  parallel(items, [&](int, int item) {
    const Part p = parts[item];
    squares[item] = sum_of_squares(list[p.which].g + p.begin, p.end - p.begin);
  });
  double total = 0;
  for (int i = 0; i < items; i++) total += squares[i];
  *norm = (float)std::sqrt(total);
  const bool finite = std::isfinite(*norm);
  const float factor = limit > 0 && *norm > limit ? limit / *norm : 1.f;
  parallel(items, [&](int, int item) {
    const Part p = parts[item];
    const dq::Gradient &one = list[p.which];
    for (size_t i = p.begin; i < p.end; i++) {
      const float bounded = finite ? one.g[i] * factor : 0.f;
      one.out[i] = bounded + one.decay * one.parameter[i];
    }
  });
}

}  // namespace DQ_NS
