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
// engine.h: runs a checked program. Weights are kept packed at every width that was asked for, so
// dot_bytes.h: how an instruction set multiplies 4 codes (u8) of a pixel with 4 weights (s8) of
// each of 16 channels, for kernels of codes. Included only by files compiled per instruction set.
//
// A class of these offers
//   SUBTRACTED          what it takes off every byte of x, so that weights owe SUBTRACTED x their
//   sum WORD_BYTES          that packed weights take for a word: 4 channels of input, 16 of output
//   can(conv)           whether all sums are exact
//   put(word, lane, w)   the 4 weights of a channel into a packed word
//   X, W, x(p), w(p)    operands, loaded
//   step(sums, x, w)
//   TILES, see direct.cc: pixels of a tile with one and with two blocks of channels
#pragma once
#include "engine/finish.h"

namespace DQ_NS {

// Words of 2 values of 16 bits, with weights of 16 bits.
struct PieceDot {
  static constexpr int WORD_BYTES = 64;
  static constexpr int PIXELS = sizeof(Sums) == 64 && LANES == 16 ? 8 : 4;
#if defined(DQ_ISA_AVX512)
  using X = __m512i;
  using W = __m512i;
  DQ_INLINE X x(const uint8_t *p) {
    int32_t word;
    std::memcpy(&word, p, 4);
    return _mm512_set1_epi32(word);
  }
  DQ_INLINE W w(const uint8_t *p) { return _mm512_load_si512(p); }
  DQ_INLINE void step(Sums *s, X x, W w) {
    asm("vpdpwssd %2, %1, %0" : "+v"(s->v) : "v"(x), "v"(w));  // asm: see DotVnni
  }
#elif defined(DQ_ISA_AVX2)
  using X = __m256i;
  struct W {
    __m256i v[2];
  };
  DQ_INLINE X x(const uint8_t *p) {
    int32_t word;
    std::memcpy(&word, p, 4);
    return iset(word);
  }
  DQ_INLINE W w(const uint8_t *p) { return {{iload(p), iload(p + 32)}}; }
  DQ_INLINE void step(Sums *s, X x, const W &w) {
    DQ_UNROLL
    for (int i = 0; i < 2; i++) s->v[i] = iadd(s->v[i], _mm256_madd_epi16(x, w.v[i]));
  }
#else
  using X = I;
  struct W {
    I v[4];
  };
  DQ_INLINE X x(const uint8_t *p) {
    int32_t word;
    std::memcpy(&word, p, 4);
    return iset(word);
  }
  DQ_INLINE W w(const uint8_t *p) {
    return {{iload(p), iload(p + 16), iload(p + 32), iload(p + 48)}};
  }
  DQ_INLINE void step(Sums *s, X x, const W &w) {
    DQ_UNROLL
    for (int i = 0; i < 4; i++) s->v[i] = DotShorts::step(s->v[i], w.v[i], x);
  }
#endif
};

#if defined(DQ_ISA_AVX512)

struct Dot {
  static constexpr int SUBTRACTED = 0, WORD_BYTES = 64;
  static constexpr int PIXELS1 = 14, PIXELS2 = 8, PIXELS2_OF_7 = 7;
  using X = __m512i;
  using W = __m512i;
  static bool can(const dq::CodeConv &) { return true; }
  DQ_INLINE void put(void *word, int lane, const int8_t *w) {
    std::memcpy((int8_t *)word + 4 * lane, w, 4);
  }
  DQ_INLINE X x(const uint8_t *p) {
    int32_t word;
    std::memcpy(&word, p, 4);
    return _mm512_set1_epi32(word);
  }
  DQ_INLINE W w(const uint8_t *p) { return _mm512_load_si512(p); }
  DQ_INLINE void step(Sums *s, X x, W w) {
    // asm: see DotVnni (simd_avx512.h)
    asm("vpdpbusd %2, %1, %0" : "+v"(s->v) : "v"(x), "v"(w));
  }
};
using DotAny = Dot;

#elif defined(DQ_ISA_AVX2)

// vpmaddubsw adds two products in 16 bits and saturates: where no two neighbours can leave them.
struct Dot {
  static constexpr int SUBTRACTED = 0, WORD_BYTES = 64;
  static constexpr int PIXELS1 = 4, PIXELS2 = 2, PIXELS2_OF_7 = 2;
  using X = __m256i;
  struct W {
    __m256i v[2];
  };
  static bool can(const dq::CodeConv &conv);
  DQ_INLINE void put(void *word, int lane, const int8_t *w) {
    std::memcpy((int8_t *)word + 4 * lane, w, 4);
  }
  DQ_INLINE X x(const uint8_t *p) {
    int32_t word;
    std::memcpy(&word, p, 4);
    return iset(word);
  }
  DQ_INLINE W w(const uint8_t *p) { return {{iload(p), iload(p + 32)}}; }
  DQ_INLINE void step(Sums *s, X x, const W &w) {
    const __m256i ones = _mm256_set1_epi16(1);
    DQ_UNROLL
    for (int i = 0; i < 2; i++)
      s->v[i] = iadd(s->v[i], _mm256_madd_epi16(_mm256_maddubs_epi16(x, w.v[i]), ones));
  }
};

// Codes and weights as 16 bits, even and odd channels of input apart.
struct DotAny {
  static constexpr int SUBTRACTED = 0, WORD_BYTES = 128;
  static constexpr int PIXELS1 = 4, PIXELS2 = 2, PIXELS2_OF_7 = 2;
  struct X {
    __m256i even, odd;
  };
  struct W {
    __m256i v[4];
  };
  static bool can(const dq::CodeConv &) { return true; }
  DQ_INLINE void put(void *word, int lane, const int8_t *w) {
    for (int c = 0; c < 4; c++) ((int16_t *)word)[32 * (c % 2) + 2 * lane + c / 2] = w[c];
  }
  DQ_INLINE X x(const uint8_t *p) {
    int32_t word;
    std::memcpy(&word, p, 4);
    return {iset(word & 0x00ff00ff), iset(int32_t(uint32_t(word) >> 8) & 0x00ff00ff)};
  }
  DQ_INLINE W w(const uint8_t *p) {
    return {{iload(p), iload(p + 32), iload(p + 64), iload(p + 96)}};
  }
  DQ_INLINE void step(Sums *s, const X &x, const W &w) {
    DQ_UNROLL
    for (int i = 0; i < 2; i++) {
      s->v[i] = iadd(s->v[i], _mm256_madd_epi16(x.even, w.v[i]));
      s->v[i] = iadd(s->v[i], _mm256_madd_epi16(x.odd, w.v[2 + i]));
    }
  }
};

// Bytes up to top, two neighbours of every word.
inline bool Dot::can(const dq::CodeConv &conv) {
  const int taps = conv.kernel * conv.kernel;
  const size_t size = size_t(conv.c_in) * taps;
  int low = 0, high = 0;  // any two weights are neighbours in some order of packing
  for (size_t i = 0; i < size * size_t(conv.c_out); i++) {
    low = conv.weight[i] < low ? conv.weight[i] : low;
    high = conv.weight[i] > high ? conv.weight[i] : high;
  }
  return 2 * high * conv.top() <= INT16_MAX && 2 * low * conv.top() >= INT16_MIN;
}

#elif defined(DQ_ISA_DOTPROD)

// sdot multiplies signed bytes: codes are moved by 128, which the weights owe them.
struct Dot {
  static constexpr int SUBTRACTED = 128, WORD_BYTES = 64;
  static constexpr int PIXELS1 = 4, PIXELS2 = 2, PIXELS2_OF_7 = 2;
  using X = int8x16_t;
  struct W {
    int8x16_t v[4];
  };
  static bool can(const dq::CodeConv &) { return true; }
  DQ_INLINE void put(void *word, int lane, const int8_t *w) {
    std::memcpy((int8_t *)word + 4 * lane, w, 4);
  }
  DQ_INLINE X x(const uint8_t *p) {
    uint32_t word;
    std::memcpy(&word, p, 4);
    return (int8x16_t)vdupq_n_u32(word ^ 0x80808080u);
  }
  DQ_INLINE W w(const uint8_t *p) {
    const int8_t *q = (const int8_t *)p;
    return {{vld1q_s8(q), vld1q_s8(q + 16), vld1q_s8(q + 32), vld1q_s8(q + 48)}};
  }
  DQ_INLINE void step(Sums *s, X x, const W &w) {
    DQ_UNROLL
    for (int i = 0; i < 4; i++) s->v[i] = (I)vdotq_s32((int32x4_t)s->v[i], x, w.v[i]);
  }
};
using DotAny = Dot;

#else

// Codes and weights as 16 bits, even and odd channels of input apart, in vectors of 4 sums.
struct Dot {
  static constexpr int SUBTRACTED = 0, WORD_BYTES = 128;
  static constexpr int PIXELS1 = 2, PIXELS2 = 1, PIXELS2_OF_7 = 1;
  struct X {
    I even, odd;
  };
  struct W {
    const uint8_t *p;
  };
  static bool can(const dq::CodeConv &) { return true; }
  DQ_INLINE void put(void *word, int lane, const int8_t *w) {
    for (int c = 0; c < 4; c++) ((int16_t *)word)[32 * (c % 2) + 2 * lane + c / 2] = w[c];
  }
  DQ_INLINE X x(const uint8_t *p) {
    uint32_t word;
    std::memcpy(&word, p, 4);
    return {iset(int32_t(word & 0x00ff00ff)), iset(int32_t((word >> 8) & 0x00ff00ff))};
  }
  DQ_INLINE W w(const uint8_t *p) { return {p}; }
  DQ_INLINE void step(Sums *s, const X &x, const W &w) {
    DQ_UNROLL
    for (int i = 0; i < 4; i++) {
      s->v[i] = DotShorts::step(s->v[i], iload(w.p + 16 * i), x.even);
      s->v[i] = DotShorts::step(s->v[i], iload(w.p + 64 + 16 * i), x.odd);
    }
  }
};
using DotAny = Dot;

#endif

}  // namespace DQ_NS
