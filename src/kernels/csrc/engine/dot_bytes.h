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
// dot_bytes.h: how an instruction set multiplies 4 codes (u8) of a pixel with 4 weights (s8) of
// each of 16 channels, for kernels of codes. Included only by files compiled per instruction set.
//
// A class of these offers
//   SUBTRACTED          what it takes off every byte of x: weights owe that times their sum
//   WORD_BYTES          that packed weights take for a word: 4 channels of input, 16 of output
//   fits(code, least, most)     whether sums of products are exact: bytes up to `code`, weights
//                               from `least` to `most`
//   put(word, lane, w)  the 4 weights of a channel into a packed word
//   X, W, x(p), w(p)    operands, loaded
//   step(sums, x, w)
//   CHUNKED             whether step() adds to 16-bit sums, Acc, instead; then also
//   chunk(code, least, most)    how many steps these can take
//   widen(sums, acc)            which moves them to 32-bit sums
//   ROW_TILES           whether there are registers enough for row_tile.h
//   PIXELS1, PIXELS2, PIXELS2_OF_7      of a tile with one block of channels; with two; with two
//                                       where rows are multiples of 7 pixels
#pragma once
#include "engine/finish.h"

namespace DQ_NS {

struct WholeSums {
  static constexpr bool CHUNKED = false, ROW_TILES = false;
  struct Acc {};
};

// A word of a pixel in every lane, and 64 bytes of weights.
struct Operands : WholeSums {
  static constexpr int WORD_BYTES = 64;
#if defined(DQ_ISA_AVX512)
  using X = __m512i;
  using W = __m512i;
  DQ_INLINE X x(const uint8_t *p) {
    int32_t word;
    std::memcpy(&word, p, 4);
    return _mm512_set1_epi32(word);
  }
  DQ_INLINE W w(const uint8_t *p) { return _mm512_load_si512(p); }
#else
  using X = I;
  struct W {
    I v[64 / sizeof(I)];
  };
  DQ_INLINE X x(const uint8_t *p) {
    int32_t word;
    std::memcpy(&word, p, 4);
    return iset(word);
  }
  DQ_INLINE W w(const uint8_t *p) {
    W loaded;
    DQ_UNROLL
    for (size_t i = 0; i < 64 / sizeof(I); i++) loaded.v[i] = iload(p + i * sizeof(I));
    return loaded;
  }
#endif
};

// Words of 2 values of 16 bits, with weights of 16 bits.
struct PieceDot : Operands {
  static constexpr int PIXELS = sizeof(Sums) == 64 && LANES == 16 ? 8 : 4;
  DQ_INLINE void put(void *word, int lane, const int16_t *w) {
    std::memcpy((int16_t *)word + 2 * lane, w, 4);
  }
#if defined(DQ_ISA_AVX512)
  DQ_INLINE void step(Sums *s, X x, W w) { s->v = add_short_products(s->v, x, w); }
#elif defined(DQ_ISA_AVX2)
  DQ_INLINE void step(Sums *s, X x, const W &w) {
    DQ_UNROLL
    for (int i = 0; i < 2; i++) s->v[i] = iadd(s->v[i], _mm256_madd_epi16(x, w.v[i]));
  }
#else
  DQ_INLINE void step(Sums *s, X x, const W &w) {
    DQ_UNROLL
    for (int i = 0; i < 4; i++) s->v[i] = DotShorts::step(s->v[i], w.v[i], x);
  }
#endif
};

#if defined(DQ_ISA_AVX512)

struct Dot : Operands {
  static constexpr bool ROW_TILES = true;
  static constexpr int SUBTRACTED = 0;
  static constexpr int PIXELS1 = 14, PIXELS2 = 8, PIXELS2_OF_7 = 7;
  static bool fits(int, int, int) { return true; }
  DQ_INLINE void put(void *word, int lane, const int8_t *w) {
    std::memcpy((int8_t *)word + 4 * lane, w, 4);
  }
  // Not add_byte_products(): of its asm, gcc 12 moves two of a tile's sums back and forth.
  DQ_INLINE void step(Sums *s, X x, W w) { s->v = _mm512_dpbusd_epi32(s->v, x, w); }
};
using DotAny = Dot;

#elif defined(DQ_ISA_AVX2)

// vpmaddubsw adds two products in 16 bits and saturates: where no two neighbours can leave them.
struct Dot : Operands {
  static constexpr int SUBTRACTED = 0;
  static constexpr int PIXELS1 = 4, PIXELS2 = 2, PIXELS2_OF_7 = 2;
  static bool fits(int code, int least, int most) {
    return 2 * most * code <= INT16_MAX && 2 * least * code >= INT16_MIN;
  }
  DQ_INLINE void put(void *word, int lane, const int8_t *w) {
    std::memcpy((int8_t *)word + 4 * lane, w, 4);
  }
  DQ_INLINE void step(Sums *s, X x, const W &w) {
    const __m256i ones = _mm256_set1_epi16(1);
    DQ_UNROLL
    for (int i = 0; i < 2; i++)
      s->v[i] = iadd(s->v[i], _mm256_madd_epi16(_mm256_maddubs_epi16(x, w.v[i]), ones));
  }
};

// For few bits: 16-bit sums of many steps are widened at once.
struct DotChunks : Dot {
  static constexpr bool CHUNKED = true;
  static constexpr int FEWEST = 8;  // steps in a chunk that pay
  struct Acc {
    __m256i v[2];
  };
  static int chunk(int code, int least, int most) {
    const int largest = (-least > most ? -least : most) * code;
    return largest ? INT16_MAX / (2 * largest) : INT16_MAX;
  }
  static bool fits(int code, int least, int most) { return chunk(code, least, most) >= FEWEST; }
  DQ_INLINE void step(Acc *a, X x, const W &w) {
    DQ_UNROLL
    for (int i = 0; i < 2; i++) {
      I t;  // asm: see DotPairs (simd_avx2.h)
      asm("vpmaddubsw %2, %3, %1\n\tvpaddw %1, %0, %0"
          : "+x"(a->v[i]), "=&x"(t)
          : "x"(w.v[i]), "x"(x));
    }
  }
  DQ_INLINE void widen(Sums *s, Acc *a) {
    DQ_UNROLL
    for (int i = 0; i < 2; i++) {
      s->v[i] = iadd(s->v[i], _mm256_madd_epi16(a->v[i], _mm256_set1_epi16(1)));
      a->v[i] = _mm256_setzero_si256();
    }
  }
};

// Codes and weights as 16 bits, even and odd channels of input apart.
struct DotAny : WholeSums {
  static constexpr int SUBTRACTED = 0, WORD_BYTES = 128;
  static constexpr int PIXELS1 = 4, PIXELS2 = 2, PIXELS2_OF_7 = 2;
  struct X {
    __m256i even, odd;
  };
  struct W {
    __m256i v[4];
  };
  static bool fits(int, int, int) { return true; }
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

#elif defined(DQ_ISA_DOTPROD)

// sdot multiplies signed bytes: codes are moved by 128, which the weights owe them.
struct Dot : WholeSums {
  static constexpr int SUBTRACTED = 128, WORD_BYTES = 64;
  static constexpr int PIXELS1 = 4, PIXELS2 = 2, PIXELS2_OF_7 = 2;
  using X = int8x16_t;
  struct W {
    int8x16_t v[4];
  };
  static bool fits(int, int, int) { return true; }
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
struct Dot : WholeSums {
  static constexpr int SUBTRACTED = 0, WORD_BYTES = 128;
  static constexpr int PIXELS1 = 2, PIXELS2 = 1, PIXELS2_OF_7 = 1;
  struct X {
    I even, odd;
  };
  struct W {
    const uint8_t *p;
  };
  static bool fits(int, int, int) { return true; }
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
