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

// level_table.cc: see level_table.h. A few hundred operations for a whole tensor.
#include "pointwise/level_table.h"

#include <algorithm>
#include <cmath>

namespace dq {
namespace {

constexpr float SMALLEST = 1e-6f;  // of a scale (src/quantizers/base.py)

int stride_of(const LevelSettings &s, int gate) { return 1 << (s.bits - 1 - gate); }

// Both of every pair of a gate become their mean; a symmetric matrix, and so its own way back.
template <class T>
void average(const LevelSettings &s, int gate, T *values) {
  const int stride = stride_of(s, gate);
  for (int k = 0; k < 1 << s.bits; k++) {
    if (k & stride) continue;
    values[k] = values[k + stride] = (values[k] + values[k + stride]) * T(0.5);
  }
}

template <class T>
void average_closed(const LevelTable &t, T *values, int but = -1) {
  for (int i = t.settings.bits - 1; i >= t.open; i--) {
    if (i != but) average(t.settings, i, values);
  }
}

// Insertion: levels are nearly sorted, and a NaN does no harm.
void sort(const float *levels, int count, LevelTable *t) {
  for (int k = 0; k < count; k++) {
    int place = k;
    for (; place > 0 && t->sorted[place - 1] > levels[k]; place--) {
      t->sorted[place] = t->sorted[place - 1], t->order[place] = t->order[place - 1];
    }
    t->sorted[place] = levels[k], t->order[place] = k;
  }
}

// Rising integers times a scale, those of two blocks at least one apart.
void to_grid(const LevelTable &t, float *values) {
  const int count = 1 << t.settings.bits, block = 1 << (t.settings.bits - t.open);
  const float low = t.settings.is_signed ? -128.f : 0.f, top = t.settings.is_signed ? 127.f : 255.f;
  float largest = 0;
  for (int k = 0; k < count; k++) largest = std::max(largest, std::fabs(values[k]));
  const float scale = std::max(largest / top, SMALLEST);
  float raised = low - 1;
  for (int k = 0; k < count; k++) {
    const float number = (float)(k / block), last = (float)((count - 1) / block);
    const float whole = std::floor(std::min(std::max(values[k] / scale, low), top) + 0.5f);
    raised = k ? std::max(raised, whole - number) : whole;
    values[k] = std::min(raised + number, top - (last - number)) * scale;
  }
}

}  // namespace

void make_table(const LevelSettings &s, const float *levels, const float *gates, bool on_grid,
                LevelTable *out) {
  LevelTable &t = *out;
  const int count = 1 << s.bits;
  t.settings = s;
  t.open = s.least;
  while (t.open < s.bits && gates[t.open - s.least] > 0) t.open++;
  sort(levels, count, &t);
  float values[kMostLevels];
  std::copy(t.sorted, t.sorted + count, values);
  average_closed(t, values);
  for (int k = 0; k < count && !s.is_signed; k++) values[k] = std::max(values[k], 0.f);
  if (on_grid) to_grid(t, values);
  const int block = 1 << (s.bits - t.open);
  t.bins = 0;
  for (int k = 0; k < count; k++) {
    if (k % block && (k + 1) % block) continue;
    t.index[t.bins] = k, t.values[t.bins++] = values[k];
  }
  for (int b = 0; b + 1 < t.bins; b++) t.middles[b] = (t.values[b] + t.values[b + 1]) * 0.5f;
}

void table_gradient(const LevelTable &t, const double *held, const double *apart, double factor,
                    double pull, float *dlevels, float *dgates) {
  const LevelSettings &s = t.settings;
  const int count = 1 << s.bits;
  double task[kMostLevels] = {}, both[kMostLevels] = {};
  for (int b = 0; b < t.bins; b++) {
    task[t.index[b]] = held[b];
    both[t.index[b]] = factor * held[b] + (apart ? pull * apart[b] : 0);
  }
  average_closed(t, both);
  for (int k = 0; k < count; k++) dlevels[t.order[k]] = (float)both[k];
  if (!dgates) return;
  // Of the last open gate and the first closed one: what the line between a block's two states does
  // to the loss.
  for (int i = s.least; i < s.bits; i++) {
    double values[kMostLevels], total = 0;
    if (i == t.open - 1 || i == t.open) {
      std::copy(t.sorted, t.sorted + count, values);
      average_closed(t, values, i);
      for (int k = 0; k < count; k++) {
        total += task[k] * (values[k] - values[k ^ stride_of(s, i)]) * 0.5;
      }
    }
    dgates[i - s.least] = (float)total;
  }
}

}  // namespace dq
