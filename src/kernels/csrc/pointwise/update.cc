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
// update.cc: the end of a training step: gradients scaled down to a largest global norm, and all
// parameters moved in place. As plain operators that is one launch for each parameter.
#include <cmath>

#include "simd/kernels.h"
#include "threads/parallel.h"

namespace DQ_NS {

constexpr size_t PIECE = 1 << 15;  // values per item; also fixes the order of the sums

struct Part {
  int which;
  size_t begin, end;
};

// All parameters, cut into pieces.
static int cut(const dq::Learned *list, int count, Part **parts) {
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

static float norm_of(const dq::Learned *list, const Part *parts, int items) {
  double *squares = scratch<double>(-1, kSums, items);
  parallel(items, [&](int, int item) {
    const Part p = parts[item];
    squares[item] = sum_of_squares(list[p.which].g + p.begin, p.end - p.begin);
  });
  double total = 0;
  for (int i = 0; i < items; i++) total += squares[i];
  return (float)std::sqrt(total);
}

// `bounded` gives the gradient at a place.
template <typename Bounded>
static void move_by_momentum(const dq::Learned &p, const dq::Rule &rule, size_t begin, size_t end,
                             Bounded bounded) {
  float *const w = p.parameter, *const moment = p.moment;
  for (size_t i = begin; i < end; i++) {
    const float g = bounded(i) + p.decay * w[i];
    const float m = moment[i] = moment[i] * rule.kept + g;
    w[i] -= p.rate * (rule.nesterov ? g + rule.kept * m : m);
  }
}

template <typename Bounded>
static void move_by_adam(const dq::Learned &p, const dq::Rule &rule, size_t begin, size_t end,
                         Bounded bounded) {
  float *const w = p.parameter, *const moment = p.moment, *const square = p.square;
  for (size_t i = begin; i < end; i++) {
    const float g = bounded(i);
    const float m = moment[i] += (g - moment[i]) * (1 - rule.kept);
    const float s = square[i] += (g * g - square[i]) * (1 - rule.kept_square);
    w[i] -= p.rate * (m / (std::sqrt(s) + rule.epsilon) + p.decay * w[i]);
  }
}

void update(const dq::Learned *list, int count, const dq::Rule &rule, float *norm) {
  Part *parts;
  const int items = cut(list, count, &parts);
  *norm = norm_of(list, parts, items);
  const bool finite = std::isfinite(*norm);
  const float factor = rule.limit > 0 && *norm > rule.limit ? rule.limit / *norm : 1.f;
  parallel(items, [&](int, int item) {
    const Part part = parts[item];
    const dq::Learned &p = list[part.which];
    const auto bounded = [&](size_t i) { return finite ? p.g[i] * factor : 0.f; };
    if (p.square)
      move_by_adam(p, rule, part.begin, part.end, bounded);
    else
      move_by_momentum(p, rule, part.begin, part.end, bounded);
  });
}

}  // namespace DQ_NS
