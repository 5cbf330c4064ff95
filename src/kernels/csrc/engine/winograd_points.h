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
// winograd_points.h: Winograd's minimal algorithms F(m, 3) for m results of a row from m + 2 codes
// and 3 weights, in integers (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
// 2016): results = SUMS [(WEIGHTS w) * (CODES x)] / SCALE, where the fractions of their transform
// of the weights are gone and SCALE stands for them.
//
// A class of these offers
//   RESULTS, POINTS     m; the products that these take
//   SCALE               what sums are too large by
//   WEIGHTS, CODES      the transforms as matrices, for weights and the analysis of ranges
//   codes(x, t)         CODES x, of anything with + and -
//   sums(p, y)          the transform of products to results
#pragma once
#include "simd/simd.h"

namespace DQ_NS {

// Points 0, 1, -1 and infinity.
struct F2 {
  static constexpr int RESULTS = 2, POINTS = 4, SCALE = 2;
  static constexpr int WEIGHTS[4][3] = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  static constexpr int CODES[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
  template <class V>
  DQ_INLINE void codes(const V (&x)[4], V (&t)[4]) {
    t[0] = x[0] - x[2];
    t[1] = x[1] + x[2];
    t[2] = x[2] - x[1];
    t[3] = x[1] - x[3];
  }
  template <class V>
  DQ_INLINE void sums(const V (&p)[4], V (&y)[2]) {
    y[0] = p[0] + p[1] + p[2];
    y[1] = p[1] - p[2] - p[3];
  }
};

// Points 0, 1, -1, 2, -2 and infinity.
struct F4 {
  static constexpr int RESULTS = 4, POINTS = 6, SCALE = 24;
  static constexpr int WEIGHTS[6][3] = {{6, 0, 0}, {-2, -2, -2}, {-2, 2, -2},
                                        {1, 2, 4}, {1, -2, 4},   {0, 0, 6}};
  static constexpr int CODES[6][6] = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0},
                                      {0, 4, -4, -1, 1, 0}, {0, -2, -1, 2, 1, 0},
                                      {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
  template <class V>
  DQ_INLINE void codes(const V (&x)[6], V (&t)[6]) {
    const V two = x[2] + x[2], one = x[1] + x[1];
    const V a = x[4] - two - two, b = x[3] - one - one;
    const V c = x[4] - x[2], half = x[3] - x[1], d = half + half;
    const V left = x[0] - x[2], twice = left + left;
    t[0] = twice + twice + c;
    t[1] = a + b;
    t[2] = a - b;
    t[3] = c + d;
    t[4] = c - d;
    t[5] = x[5] - x[3] - d - d;
  }
  template <class V>
  DQ_INLINE void sums(const V (&p)[6], V (&y)[4]) {
    const V a = (p[1] + p[2]) << 1, b = (p[1] - p[2]) << 1;
    const V c = p[3] + p[4], d = (p[3] - p[4]) << 1;
    y[0] = p[0] + a + c;
    y[1] = b + d;
    y[2] = a + (c << 2);
    y[3] = b + ((d + p[5]) << 2);
  }
};

}  // namespace DQ_NS
