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

// weights.h: from weights (float, [k][oc][ic/groups][kh][kw]) to packed blocks, and the choice of
// arithmetic.
#pragma once
#include "conv/gemm.h"
#include "conv/pack.h"
#include "threads/parallel.h"

namespace DQ_NS {

using dq::Quantizers;

// How a quantiser's convolution is computed. All but kReal and kRaw sum integers exactly.
enum Mode {
  kRaw,    // no quantisation
  kReal,   // float codes of x, real weights: when weight codes do not fit in 8 bits
  kExact,  // float codes of both; every partial sum is below 2^24
  kBytes,  // u8 x s8, DotBytes: codes of x up to its TOP
  kWide,  // u8 x s8, DotWide: larger codes, or where 16-bit sums of DotBytes would overflow at once
  kInt32,  // 32-bit lanes (portable)
};

struct Pack {
  Mode mode;
  int depth;           // k steps of the GEMM
  int chunk;           // DotPairs: steps that fit 16-bit sums
  int words;           // per output and k
  const int32_t *w;    // [group][block][k][OB][words]
  const float *scale;  // [oc]: result * scale
  const int *offset;   // [depth]
  ActQuant q;
};

DQ_INLINE int channel_group(Mode mode) { return mode == kBytes || mode == kWide ? 4 : 1; }

DQ_INLINE int32_t float_bits(float v) {
  int32_t b;
  memcpy(&b, &v, 4);
  return b;
}

struct Range {
  float lo, hi, off;  // smallest and largest code, largest distance from an integer
  bool finite;
};

// The integer codes of all weights, [count][oc][ic / groups][kh][kw], and each quantiser's range of
// them; codes beyond 16 bits are cut. Both live until the next call.
constexpr float OFF_GRID = 0.05f;  // farther from an integer a weight is not on its grid
struct WeightCodes {
  const int16_t *codes;
  const Range *range;  // [count]
};
WeightCodes weight_codes(const ConvShape &s, const Quantizers &q);

// Whether floats hold every sum of products of `inputs` codes exactly, in any order.
bool sums_are_exact(const Range &w, float a_max, int inputs);

// Two codes in a word, for dot products of 16-bit pairs.
DQ_INLINE int32_t pair(int16_t a, int16_t b) {
  return (int32_t)((uint32_t)(uint16_t)a | (uint32_t)(uint16_t)b << 16);
}

// One Pack per quantiser. Returns a code of codes.h.
int prepare_weights(const ConvShape &s, const Quantizers &q, const PlaneMap &map, Pack *packs);

}  // namespace DQ_NS
