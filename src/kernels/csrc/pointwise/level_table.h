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

// level_table.h: the effective levels of a learned vector and its gates, and the way back of their
// gradients. Definitions: src/quantizers/level_table.py and levels.py.
#pragma once
#include "simd/kernels.h"

namespace dq {

constexpr int kMostLevels = 256;
// A gate below this no longer turns (src/methods/ddq_budget.py settles it further down): it needs
// no gradient, and its block no second bin.
constexpr float kShut = -1e3f;

struct LevelSettings {
  int bits, least;  // 2^bits levels; gates that are always open
  bool is_signed, per_image, interpolated;
  float correction;
};

// What a value can fall on: the levels in use, of a closed block its first and its last index,
// which is what the gate that closed it learns from.
struct LevelTable {
  LevelSettings settings;
  int order[kMostLevels];     // place of the levels, from the smallest
  float sorted[kMostLevels];  // before blocks are averaged
  int open;                   // gates in use: those before the first closed one
  bool shut;                  // the first closed one no longer turns
  int bins, index[kMostLevels];
  float values[kMostLevels], middles[kMostLevels];  // of the bins

  Levels levels(size_t size) const { return {size, bins, values, middles}; }
};

// gates: bits - least, on_grid: levels are integers of the 8-bit grid times a scale.
void make_table(const LevelSettings &s, const float *levels, const float *gates, bool on_grid,
                LevelTable *out);
// held, apart: of the bins (LevelSums). factor, pull: what they count in the gradient of the
// levels. dgates is null where there are no gates.
void table_gradient(const LevelTable &t, const double *held, const double *apart, double factor,
                    double pull, float *dlevels, float *dgates);

}  // namespace dq
