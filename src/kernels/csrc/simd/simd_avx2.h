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

// simd_avx2.h: AVX2 + FMA, 16 registers of 8 floats. See simd.h.
#pragma once
#include <immintrin.h>

namespace DQ_NS {

using F = __m256;
using I = __m256i;
constexpr int LANES = 8;
constexpr int OB = 4, GEMM_V = 3, BYTE_V = 2;
constexpr int DW_OV = 2;             // vectors of output channels per tile
constexpr int DW_I3 = 2, DW_I1 = 4;  // input channels per tile with 3 taps / 1 tap

DQ_INLINE F load(const float *p) { return _mm256_loadu_ps(p); }
DQ_INLINE void store(float *p, F v) { _mm256_storeu_ps(p, v); }
DQ_INLINE I iload(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
DQ_INLINE void istore(void *p, I v) { _mm256_storeu_si256((__m256i *)p, v); }
DQ_INLINE F set(float v) { return _mm256_set1_ps(v); }
DQ_INLINE I iset(int32_t v) { return _mm256_set1_epi32(v); }
DQ_INLINE F in_register(F v) {  // see simd_avx512.h
  asm("" : "+x"(v));
  return v;
}
DQ_INLINE F add(F a, F b) { return _mm256_add_ps(a, b); }
DQ_INLINE F sub(F a, F b) { return _mm256_sub_ps(a, b); }
DQ_INLINE F mul(F a, F b) { return _mm256_mul_ps(a, b); }
DQ_INLINE F div(F a, F b) { return _mm256_div_ps(a, b); }
DQ_INLINE F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
DQ_INLINE F vmin(F a, F b) { return _mm256_min_ps(a, b); }
DQ_INLINE F vmax(F a, F b) { return _mm256_max_ps(a, b); }  // b where a is NaN
DQ_INLINE F vfloor(F a) { return _mm256_floor_ps(a); }
DQ_INLINE I iadd(I a, I b) { return _mm256_add_epi32(a, b); }
DQ_INLINE I ior(I a, I b) { return _mm256_or_si256(a, b); }
DQ_INLINE void store_shorts(int16_t *p, I v) {  // lanes that fit 16 bits
  const __m128i lo = _mm256_castsi256_si128(v), hi = _mm256_extracti128_si256(v, 1);
  _mm_storeu_si128((__m128i *)p, _mm_packs_epi32(lo, hi));
}
DQ_INLINE I zip_shorts(const int16_t *a, const int16_t *b) {  // lane i: a[i] low, b[i] high
  const I lo = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)a));
  const I hi = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)b));
  return _mm256_or_si256(lo, _mm256_slli_epi32(hi, 16));
}
template <int N>
DQ_INLINE I shift_left(I a) {
  return _mm256_slli_epi32(a, N);
}
DQ_INLINE I truncate(F a) { return _mm256_cvttps_epi32(a); }
DQ_INLINE F to_float(I a) { return _mm256_cvtepi32_ps(a); }
DQ_INLINE F as_float(I a) { return _mm256_castsi256_ps(a); }
DQ_INLINE I as_int(F a) { return _mm256_castps_si256(a); }

// d where lo < v < hi / where v >= lo / where v > lo, else 0
DQ_INLINE F keep_inside(F d, F v, F lo, F hi) {
  return _mm256_and_ps(
      d, _mm256_and_ps(_mm256_cmp_ps(v, lo, _CMP_GT_OQ), _mm256_cmp_ps(v, hi, _CMP_LT_OQ)));
}
DQ_INLINE F keep_at_least(F d, F v, F lo) {
  return _mm256_and_ps(d, _mm256_cmp_ps(v, lo, _CMP_GE_OQ));
}
DQ_INLINE F add_at_least(F s, F d, F v, F lo) {  // s + d where v >= lo, else s
  return add(s, keep_at_least(d, v, lo));
}
DQ_INLINE F pick_at_least(F a, F b, F v, F lo) {  // b where v >= lo, else a
  return _mm256_blendv_ps(a, b, _mm256_cmp_ps(v, lo, _CMP_GE_OQ));
}
DQ_INLINE F keep_above(F d, F v, F lo) {
  return _mm256_and_ps(d, _mm256_cmp_ps(v, lo, _CMP_GT_OQ));
}
DQ_INLINE I descend(I node, F v, F lo) {  // 2 node + 1 where v >= lo, else 2 node
  return _mm256_sub_epi32(_mm256_add_epi32(node, node), as_int(_mm256_cmp_ps(v, lo, _CMP_GE_OQ)));
}
// table[at] of N entries, a power of two; whole vectors of it are read.
template <int N>
DQ_INLINE F look_up(const float *table, I at) {
  if constexpr (N == 1) {
    return set(*table);
  } else if constexpr (N <= LANES) {
    return _mm256_permutevar8x32_ps(load(table), at);
  } else if constexpr (N <= 4 * LANES) {
    const F low = look_up<N / 2>(table, at), high = look_up<N / 2>(table + N / 2, at);
    const I bit = shift_left<N == 2 * LANES ? 28 : 27>(at);  // which half, as the sign
    return _mm256_blendv_ps(low, high, as_float(bit));
  } else {
    return _mm256_i32gather_ps(table, at, sizeof(float));
  }
}

DQ_INLINE double sum(F v) {
  const __m256d a = _mm256_cvtps_pd(_mm256_castps256_ps128(v));
  const __m256d b = _mm256_add_pd(a, _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)));
  const __m128d c = _mm_add_pd(_mm256_castpd256_pd128(b), _mm256_extractf128_pd(b, 1));
  return _mm_cvtsd_f64(c) + _mm_cvtsd_f64(_mm_unpackhi_pd(c, c));
}

// the first n lanes (0 < n < LANES); the others read as 0 and are not written
DQ_INLINE F load_part(const float *p, int n) {
  alignas(32) static const int32_t kMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                                0,  0,  0,  0,  0,  0,  0,  0};
  return _mm256_maskload_ps(p, _mm256_loadu_si256((const __m256i *)(kMask + 8 - n)));
}
DQ_INLINE void store_part(float *p, int n, F v) {  // vmaskmov stores cost tens of cycles on AMD
  __m128 half = _mm256_castps256_ps128(v);
  if (n & 4) {
    _mm_storeu_ps(p, half);
    p += 4;
    half = _mm256_extractf128_ps(v, 1);
  }
  if (n & 2) {
    _mm_storel_pi((__m64 *)p, half);
    p += 2;
    half = _mm_movehl_ps(half, half);
  }
  if (n & 1) _mm_store_ss(p, half);
}

DQ_INLINE I every_second(I a, I b) {  // a0 a2 .. b0 b2 ..
  const F s = _mm256_shuffle_ps(as_float(a), as_float(b), 0x88);
  return _mm256_permute4x64_epi64(as_int(s), 0xd8);
}
DQ_INLINE void interleave(F a, F b, float *out) {  // a0 b0 a1 b1 ..
  const F lo = _mm256_unpacklo_ps(a, b), hi = _mm256_unpackhi_ps(a, b);
  store(out, _mm256_permute2f128_ps(lo, hi, 0x20));
  store(out + 8, _mm256_permute2f128_ps(lo, hi, 0x31));
}
DQ_INLINE void transpose(const float *src, size_t stride, float *dst, size_t dst_stride) {
  F r[8], t[8];
  DQ_UNROLL
  for (int i = 0; i < 8; i++) r[i] = load(src + i * stride);
  DQ_UNROLL
  for (int i = 0; i < 4; i++) {
    t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  DQ_UNROLL
  for (int i = 0; i < 2; i++) {
    r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
    r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
  }
  DQ_UNROLL
  for (int i = 0; i < 4; i++) {
    store(dst + i * dst_stride, _mm256_permute2f128_ps(r[i], r[4 + i], 0x20));
    store(dst + (i + 4) * dst_stride, _mm256_permute2f128_ps(r[i], r[4 + i], 0x31));
  }
}

}  // namespace DQ_NS

#include "simd/dot_words.h"

namespace DQ_NS {

// Integer arithmetic on 4 u8 codes (x) and 4 s8 codes (w) per lane.
// Pairs: vpmaddubsw into 16-bit accumulators, exact as long as `chunk` steps cannot leave s16; then
// widened.
struct DotPairs : DotWords {
  static constexpr int TOP = 255;  // largest code of x
  static constexpr bool CHUNKED = true;
  DQ_INLINE Acc step(Acc a, W w, X x) {
    // asm: with intrinsics gcc 12 copies every accumulator to another register and spills one
    I t;
    asm("vpmaddubsw %2, %3, %1\n\tvpaddw %1, %0, %0" : "+x"(a), "=&x"(t) : "x"(w), "x"(x));
    return a;
  }
  DQ_INLINE I widen(Acc a) { return _mm256_madd_epi16(a, _mm256_set1_epi16(1)); }
};
// Wide: any u8 x s8. Even and odd channels are split into 16-bit lanes, vpmaddwd is exact.
struct DotWide : DotWideWords {
  DQ_INLINE X get_x(const int32_t *p) {
    const I v = iload(p);
    return {_mm256_and_si256(v, _mm256_set1_epi32(0x00ff00ff)), _mm256_srli_epi16(v, 8)};
  }
  DQ_INLINE Acc step(Acc a, W w, X x) {
    return iadd(iadd(a, _mm256_madd_epi16(x.even, w.even)), _mm256_madd_epi16(x.odd, w.odd));
  }
};
// Shorts: 2 s16 x 2 s16 products per lane into 32 bits.
struct DotShorts : DotWords {
  DQ_INLINE Acc step(Acc a, W w, X x) {
    // asm: see DotPairs
    asm("vpaddd %1, %0, %0" : "+x"(a) : "x"(_mm256_madd_epi16(x, w)));
    return a;
  }
};
using DotBytes = DotPairs;
#define DQ_HAS_BYTES 1
#define DQ_HAS_WIDE 1

}  // namespace DQ_NS
