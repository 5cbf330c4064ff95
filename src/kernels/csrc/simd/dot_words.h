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

// dot_words.h: what the integer dot products of all instruction sets share: words per 32-bit lane
// that hold 1, 2 or 4 codes, and sums in 32 bits. Included by simd_*.h, below their functions.
#pragma once

namespace DQ_NS {

// A word of x and one of w. What derives from it adds `step`.
struct DotWords {
  using Acc = I;
  using X = I;
  using W = I;
  static constexpr int WORDS = 1;
  static constexpr bool CHUNKED = false;
  DQ_INLINE X get_x(const int32_t *p) { return iload(p); }
  DQ_INLINE W get_w(const int32_t *p) { return iset(*p); }
  DQ_INLINE Acc zero() { return iset(0); }
  DQ_INLINE F result(Acc a) { return to_float(a); }
};

// 4 codes as two words of 16-bit lanes, even and odd channels. What derives from it adds `get_x`
// and `step`.
struct DotWideWords {
  struct X {
    I even, odd;
  };
  struct W {
    I even, odd;
  };
  using Acc = I;
  static constexpr int WORDS = 2;
  static constexpr bool CHUNKED = false;
  DQ_INLINE W get_w(const int32_t *p) { return {iset(p[0]), iset(p[1])}; }
  DQ_INLINE Acc zero() { return iset(0); }
  DQ_INLINE F result(Acc a) { return to_float(a); }
};

}  // namespace DQ_NS
