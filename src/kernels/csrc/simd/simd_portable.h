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

// simd_portable.h: vectors of 4 floats in the compiler's own vector notation: SSE2 on any x86-64,
// NEON on any aarch64, scalar code elsewhere. See simd.h. No byte arithmetic: integer convolutions
// run on floats where the sums are exact in them (below 2^24), else on 32-bit lanes.
#pragma once
#if defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace DQ_NS {

typedef float F __attribute__((vector_size(16)));
typedef int32_t I __attribute__((vector_size(16)));
typedef float LooseF __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t LooseI __attribute__((vector_size(16), aligned(4), may_alias));
constexpr int LANES = 4;
#if defined(__aarch64__)  // 32 registers
constexpr int OB = 4, GEMM_V = 3, BYTE_V = 3;
#else
constexpr int OB = 4, GEMM_V = 2, BYTE_V = 2;
#endif
constexpr int DW_OV = 2;
constexpr int DW_I3 = 1, DW_I1 = 4;

DQ_INLINE F load(const float *p) { return *(const LooseF *)p; }
DQ_INLINE void store(float *p, F v) { *(LooseF *)p = v; }
DQ_INLINE I iload(const void *p) { return *(const LooseI *)p; }
DQ_INLINE void istore(void *p, I v) { *(LooseI *)p = v; }
DQ_INLINE F set(float v) { return F{v, v, v, v}; }
DQ_INLINE I iset(int32_t v) { return I{v, v, v, v}; }
DQ_INLINE F in_register(F v) {  // see simd_avx512.h
#if defined(__aarch64__)
  asm("" : "+w"(v));
#elif defined(__SSE2__)
  asm("" : "+x"(v));
#endif
  return v;
}
DQ_INLINE F add(F a, F b) { return a + b; }
DQ_INLINE F sub(F a, F b) { return a - b; }
DQ_INLINE F mul(F a, F b) { return a * b; }
DQ_INLINE F div(F a, F b) { return a / b; }
DQ_INLINE F fma(F a, F b, F c) {
#if defined(__aarch64__)
  return vfmaq_f32(c, a, b);
#else
  return a * b + c;
#endif
}
DQ_INLINE I as_int(F a) { return (I)a; }
DQ_INLINE F as_float(I a) { return (F)a; }
DQ_INLINE F pick(I mask, F a, F b) { return as_float((mask & as_int(a)) | (~mask & as_int(b))); }
DQ_INLINE F vmin(F a, F b) { return pick(a < b, a, b); }
DQ_INLINE F vmax(F a, F b) { return pick(a > b, a, b); }  // b where a is NaN
DQ_INLINE I truncate(F a) { return __builtin_convertvector(a, I); }
DQ_INLINE F to_float(I a) { return __builtin_convertvector(a, F); }
DQ_INLINE F vfloor(F a) {  // |a| < 2^31
  const F t = to_float(truncate(a));
  return t - pick(t > a, set(1.f), set(0.f));
}
DQ_INLINE I iadd(I a, I b) { return a + b; }
DQ_INLINE I ior(I a, I b) { return a | b; }
template <int N>
DQ_INLINE I shift_left(I a) {
  return a << N;
}

DQ_INLINE void store_shorts(int16_t *p, I v) {  // lanes that fit 16 bits
  for (int i = 0; i < LANES; i++) p[i] = (int16_t)v[i];
}
DQ_INLINE I zip_shorts(const int16_t *a, const int16_t *b) {  // lane i: a[i] low, b[i] high
  I v;
  for (int i = 0; i < LANES; i++) {
    v[i] = (int32_t)((uint32_t)(uint16_t)a[i] | (uint32_t)(uint16_t)b[i] << 16);
  }
  return v;
}

DQ_INLINE F keep_inside(F d, F v, F lo, F hi) { return as_float(as_int(d) & (v > lo) & (v < hi)); }
DQ_INLINE F keep_at_least(F d, F v, F lo) { return as_float(as_int(d) & (v >= lo)); }
DQ_INLINE F add_at_least(F s, F d, F v, F lo) {  // s + d where v >= lo, else s
  return add(s, keep_at_least(d, v, lo));
}
DQ_INLINE F pick_at_least(F a, F b, F v, F lo) {  // b where v >= lo, else a
  return as_float((as_int(a) & ~(v >= lo)) | (as_int(b) & (v >= lo)));
}
DQ_INLINE F keep_above(F d, F v, F lo) { return as_float(as_int(d) & (v > lo)); }
DQ_INLINE I descend(I node, F v, F lo) { return node + node - (v >= lo); }  // + 1 where v >= lo
// table[at] of N entries, a power of two; whole vectors of it are read.
template <int N>
DQ_INLINE F look_up(const float *table, I at) {
  return F{table[at[0]], table[at[1]], table[at[2]], table[at[3]]};
}
DQ_INLINE double sum(F v) { return ((double)v[0] + v[1]) + ((double)v[2] + v[3]); }

DQ_INLINE F load_part(const float *p, int n) {
  F v = set(0.f);
  for (int i = 0; i < n; i++) v[i] = p[i];
  return v;
}
DQ_INLINE void store_part(float *p, int n, F v) {
  for (int i = 0; i < n; i++) p[i] = v[i];
}
DQ_INLINE I every_second(I a, I b) { return I{a[0], a[2], b[0], b[2]}; }
DQ_INLINE void interleave(F a, F b, float *out) {
  store(out, F{a[0], b[0], a[1], b[1]});
  store(out + 4, F{a[2], b[2], a[3], b[3]});
}
DQ_INLINE void transpose(const float *src, size_t stride, float *dst, size_t dst_stride) {
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < 4; j++) dst[j * dst_stride + i] = src[i * stride + j];
  }
}

}  // namespace DQ_NS

#include "simd/dot_words.h"

namespace DQ_NS {

// Shorts: 2 s16 x 2 s16 products per lane into 32 bits.
struct DotShorts : DotWords {
  DQ_INLINE Acc step(Acc a, W w, X x) {
#if defined(__aarch64__)
    const int16x8_t u = (int16x8_t)x, v = (int16x8_t)w;
    const int32x4_t lo = vmull_s16(vget_low_s16(u), vget_low_s16(v));
    return a + (I)vpaddq_s32(lo, vmull_high_s16(u, v));
#elif defined(__SSE2__)
    return a + (I)_mm_madd_epi16((__m128i)x, (__m128i)w);
#else
    return a + (x << 16 >> 16) * (w << 16 >> 16) + (x >> 16) * (w >> 16);
#endif
  }
};
#ifndef DQ_ISA_DOTPROD
#define DQ_HAS_BYTES 0
#define DQ_HAS_WIDE 0
#endif

}  // namespace DQ_NS
