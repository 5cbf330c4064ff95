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

// simd_avx512.h: AVX-512 F/BW/VL/DQ with VNNI, 32 registers of 16 floats. See simd.h.
#pragma once
#include <immintrin.h>

namespace DQ_NS {

using F = __m512;
using I = __m512i;
constexpr int LANES = 16;
constexpr int OB = 8, GEMM_V = 3, BYTE_V = 3;
constexpr int DW_OV = 2;
constexpr int DW_I3 = 4, DW_I1 = 8;

DQ_INLINE F load(const float *p) { return _mm512_loadu_ps(p); }
DQ_INLINE void store(float *p, F v) { _mm512_storeu_ps(p, v); }
DQ_INLINE I iload(const void *p) { return _mm512_loadu_si512(p); }
DQ_INLINE void istore(void *p, I v) { _mm512_storeu_si512(p, v); }
DQ_INLINE F set(float v) { return _mm512_set1_ps(v); }
DQ_INLINE I iset(int32_t v) { return _mm512_set1_epi32(v); }
#ifdef DQ_EMULATED  // by a test, on machines without AVX-512 (tests/kernels/avx512_emulated.h)
DQ_INLINE F in_register(F v) { return v; }
DQ_INLINE I in_register(I v) { return v; }
DQ_INLINE I add_byte_products(I a, I x, I w) { return _mm512_dpbusd_epi32(a, x, w); }
DQ_INLINE I add_short_products(I a, I x, I w) { return _mm512_dpwssd_epi32(a, x, w); }
#else
// gcc reads a value from memory again for each product that it is in, and loads are what limits
// such loops; this keeps it in a register.
DQ_INLINE F in_register(F v) {
  asm("" : "+v"(v));
  return v;
}
DQ_INLINE I in_register(I v) {
  asm("" : "+v"(v));
  return v;
}
// 4 u8 x 4 s8 in each lane, exact for all codes. asm, here and below: with the intrinsics gcc 12
// spills half of 24 accumulators in every iteration.
DQ_INLINE I add_byte_products(I a, I x, I w) {
  asm("vpdpbusd %2, %1, %0" : "+v"(a) : "v"(x), "v"(w));
  return a;
}
DQ_INLINE I add_short_products(I a, I x, I w) {  // 2 s16 x 2 s16
  asm("vpdpwssd %2, %1, %0" : "+v"(a) : "v"(x), "v"(w));
  return a;
}
#endif
DQ_INLINE F add(F a, F b) { return _mm512_add_ps(a, b); }
DQ_INLINE F sub(F a, F b) { return _mm512_sub_ps(a, b); }
DQ_INLINE F mul(F a, F b) { return _mm512_mul_ps(a, b); }
DQ_INLINE F div(F a, F b) { return _mm512_div_ps(a, b); }
DQ_INLINE F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
DQ_INLINE F vmin(F a, F b) { return _mm512_min_ps(a, b); }
DQ_INLINE F vmax(F a, F b) { return _mm512_max_ps(a, b); }  // b where a is NaN
DQ_INLINE F vfloor(F a) { return _mm512_roundscale_ps(a, 1); }
DQ_INLINE I iadd(I a, I b) { return _mm512_add_epi32(a, b); }
DQ_INLINE I ior(I a, I b) { return _mm512_or_si512(a, b); }
DQ_INLINE void store_shorts(int16_t *p, I v) {  // lanes that fit 16 bits
  _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(v));
}
DQ_INLINE I zip_shorts(const int16_t *a, const int16_t *b) {  // lane i: a[i] low, b[i] high
  const I lo = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)a));
  const I hi = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)b));
  return _mm512_or_si512(lo, _mm512_slli_epi32(hi, 16));
}
template <int N>
DQ_INLINE I shift_left(I a) {
  return _mm512_slli_epi32(a, N);
}
DQ_INLINE I truncate(F a) { return _mm512_cvttps_epi32(a); }
DQ_INLINE F to_float(I a) { return _mm512_cvtepi32_ps(a); }
DQ_INLINE F as_float(I a) { return _mm512_castsi512_ps(a); }
DQ_INLINE I as_int(F a) { return _mm512_castps_si512(a); }

DQ_INLINE F keep_inside(F d, F v, F lo, F hi) {
  const __mmask16 above = _mm512_cmp_ps_mask(v, lo, _CMP_GT_OQ);
  return _mm512_maskz_mov_ps(_mm512_mask_cmp_ps_mask(above, v, hi, _CMP_LT_OQ), d);
}
DQ_INLINE F keep_at_least(F d, F v, F lo) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, lo, _CMP_GE_OQ), d);
}
DQ_INLINE F add_at_least(F s, F d, F v, F lo) {  // s + d where v >= lo, else s
  return _mm512_mask_add_ps(s, _mm512_cmp_ps_mask(v, lo, _CMP_GE_OQ), s, d);
}
DQ_INLINE F pick_at_least(F a, F b, F v, F lo) {  // b where v >= lo, else a
  return _mm512_mask_mov_ps(a, _mm512_cmp_ps_mask(v, lo, _CMP_GE_OQ), b);
}
DQ_INLINE F keep_above(F d, F v, F lo) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, lo, _CMP_GT_OQ), d);
}
DQ_INLINE I descend(I node, F v, F lo) {  // 2 node + 1 where v >= lo, else 2 node
  const I twice = _mm512_add_epi32(node, node);
  return _mm512_mask_or_epi32(twice, _mm512_cmp_ps_mask(v, lo, _CMP_GE_OQ), twice, iset(1));
}
// table[at] of N entries, a power of two; whole vectors of it are read.
template <int N>
DQ_INLINE F look_up(const float *table, I at) {
  if constexpr (N == 1) {
    return set(*table);
  } else if constexpr (N <= LANES) {
    return _mm512_permutexvar_ps(at, load(table));
  } else if constexpr (N == 2 * LANES) {
    return _mm512_permutex2var_ps(load(table), at, load(table + LANES));
  } else {
    const F low = look_up<N / 2>(table, at), high = look_up<N / 2>(table + N / 2, at);
    return _mm512_mask_mov_ps(low, _mm512_test_epi32_mask(at, iset(N / 2)), high);
  }
}

DQ_INLINE double sum(F v) {
  const __m512d lo = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
  const __m512d hi =
      _mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1)));
  return _mm512_reduce_add_pd(_mm512_add_pd(lo, hi));
}

DQ_INLINE __mmask16 first_lanes(int n) { return (__mmask16)((1u << n) - 1); }
DQ_INLINE F load_part(const float *p, int n) { return _mm512_maskz_loadu_ps(first_lanes(n), p); }
DQ_INLINE void store_part(float *p, int n, F v) { _mm512_mask_storeu_ps(p, first_lanes(n), v); }

DQ_INLINE I every_second(I a, I b) {
  const I idx = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return _mm512_permutex2var_epi32(a, idx, b);
}
DQ_INLINE void interleave(F a, F b, float *out) {
  const I lo = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const I hi = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  store(out, _mm512_permutex2var_ps(a, lo, b));
  store(out + 16, _mm512_permutex2var_ps(a, hi, b));
}
DQ_INLINE void transpose(const float *src, size_t stride, float *dst, size_t dst_stride) {
  I r[16], t[16];
  DQ_UNROLL
  for (int i = 0; i < 16; i++) r[i] = iload(src + i * stride);
  DQ_UNROLL
  for (int i = 0; i < 8; i++) {
    t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  DQ_UNROLL
  for (int i = 0; i < 4; i++) {
    r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  DQ_UNROLL
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x88);
    t[4 + i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xdd);
    t[8 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x88);
    t[12 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xdd);
  }
  DQ_UNROLL
  for (int i = 0; i < 4; i++) {
    istore(dst + i * dst_stride, _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88));
    istore(dst + (8 + i) * dst_stride, _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd));
    istore(dst + (4 + i) * dst_stride, _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88));
    istore(dst + (12 + i) * dst_stride, _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xdd));
  }
}

}  // namespace DQ_NS

#include "simd/dot_words.h"

namespace DQ_NS {

// vpdpbusd
struct DotVnni : DotWords {
  static constexpr int TOP = 255;  // largest code of x
  DQ_INLINE Acc step(Acc a, W w, X x) { return add_byte_products(a, x, w); }
};
// vpdpwssd
struct DotShorts : DotWords {
  DQ_INLINE Acc step(Acc a, W w, X x) { return add_short_products(a, x, w); }
};
using DotBytes = DotVnni;
#define DQ_HAS_BYTES 1
#define DQ_HAS_WIDE 0

}  // namespace DQ_NS
