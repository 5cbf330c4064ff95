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

// simd_dotprod.h: aarch64 with the dot product extension (ARMv8.2, asimddp): the vectors of
// simd_portable.h, and integer arithmetic on 4 u8 codes (x) and 4 s8 codes (w) per lane.
#pragma once
#include "simd/simd_portable.h"

namespace DQ_NS {

// sdot: signed bytes, so codes of x up to 127.
struct DotSigned : DotWords {
  static constexpr int TOP = 127;
  DQ_INLINE Acc step(Acc a, W w, X x) {
    return (I)vdotq_s32((int32x4_t)a, (int8x16_t)x, (int8x16_t)w);
  }
};
// Wide: any u8 x s8. Even and odd channels are split into 16-bit lanes.
struct DotWide : DotWideWords {
  DQ_INLINE X get_x(const int32_t *p) {
    const I v = iload(p);
    return {v & 0x00ff00ff, (I)vshrq_n_u16((uint16x8_t)v, 8)};
  }
  DQ_INLINE Acc step(Acc a, W w, X x) {
    return DotShorts::step(DotShorts::step(a, w.even, x.even), w.odd, x.odd);
  }
};
using DotBytes = DotSigned;
#define DQ_HAS_BYTES 1
#define DQ_HAS_WIDE 1

}  // namespace DQ_NS
