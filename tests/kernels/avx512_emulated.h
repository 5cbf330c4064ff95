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

// avx512_emulated.h: AVX-512 in terms of AVX2, to check the kernels' integers on a machine without it. SIMDe does most
// of it; what its version 0.7.4 lacks follows, lane by lane. Included before a source, which is compiled with
// DQ_EMULATED.
#pragma once
#include <immintrin.h>
#include <cmath>
#include <cstdint>
#include <cstring>
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>

// The compiler's own types of these names want the real instructions.
#define __m512i simde__m512i
#define __m512 simde__m512
#define __m512d simde__m512d
#define __mmask16 simde__mmask16
#define __mmask32 simde__mmask32
#define __mmask64 simde__mmask64

namespace emulated {

template <class T, int N>
struct Lanes {
  T lane[N];
  template <class V>
  static Lanes of(const V &v) {
    static_assert(sizeof(V) == sizeof(Lanes), "one register");
    Lanes lanes;
    std::memcpy(&lanes, &v, sizeof v);
    return lanes;
  }
  template <class V>
  V as() const {
    static_assert(sizeof(V) == sizeof(Lanes), "one register");
    V v;
    std::memcpy(&v, this, sizeof v);
    return v;
  }
};

// A register V of N lanes T, each of them f of the lane of a, which are of type From.
template <class V, class T, class From, int N, class A, class F>
V map(const A &a, F f) {
  const auto from = Lanes<From, N>::of(a);
  Lanes<T, N> to;
  for (int i = 0; i < N; i++) to.lane[i] = static_cast<T>(f(from.lane[i]));
  return to.template as<V>();
}

template <class V, class T, int N>
V load(const V &other, uint64_t mask, const void *p) {
  auto lanes = Lanes<T, N>::of(other);
  for (int i = 0; i < N; i++) {
    if (mask >> i & 1) std::memcpy(&lanes.lane[i], static_cast<const T *>(p) + i, sizeof(T));
  }
  return lanes.template as<V>();
}

template <class T, int N, class V>
void store(void *p, uint64_t mask, const V &v) {
  const auto lanes = Lanes<T, N>::of(v);
  for (int i = 0; i < N; i++) {
    if (mask >> i & 1) std::memcpy(static_cast<T *>(p) + i, &lanes.lane[i], sizeof(T));
  }
}

template <class T, int N, class Mask>
Mask without_common_bits(const __m512i &a, const __m512i &b) {
  const auto x = Lanes<T, N>::of(a), y = Lanes<T, N>::of(b);
  Mask mask = 0;
  for (int i = 0; i < N; i++) mask |= static_cast<Mask>(!(x.lane[i] & y.lane[i])) << i;
  return mask;
}

template <class T, int N, class V>
T sum(const V &v) {  // halves onto each other, as the compiler's own does it
  auto lanes = Lanes<T, N>::of(v);
  for (int half = N / 2; half; half /= 2) {
    for (int i = 0; i < half; i++) lanes.lane[i] += lanes.lane[i + half];
  }
  return lanes.lane[0];
}

inline int64_t shift(int64_t value, uint64_t by) { return value >> (by < 63 ? by : 63); }
inline uint64_t count(__m128i by) { return Lanes<uint64_t, 2>::of(by).lane[0]; }

inline __m512i shuffle_quarters(const __m512i &a, const __m512i &b, int order) {
  const auto x = Lanes<__m128i, 4>::of(a), y = Lanes<__m128i, 4>::of(b);
  return Lanes<__m128i, 4>{{x.lane[order & 3], x.lane[order >> 2 & 3], y.lane[order >> 4 & 3], y.lane[order >> 6 & 3]}}
    .as<__m512i>();
}

inline __m512i shuffle(const __m512i &other, uint64_t mask, const __m512i &a, int order) {
  const auto from = Lanes<int32_t, 16>::of(a);
  auto to = Lanes<int32_t, 16>::of(other);
  for (int i = 0; i < 16; i++) {
    if (mask >> i & 1) to.lane[i] = from.lane[(i & ~3) + (order >> 2 * (i & 3) & 3)];
  }
  return to.as<__m512i>();
}

inline __m512 multiply_add(const __m512 &a, const __m512 &b, const __m512 &c) {
  auto x = Lanes<float, 16>::of(a);
  const auto y = Lanes<float, 16>::of(b), z = Lanes<float, 16>::of(c);
  for (int i = 0; i < 16; i++) x.lane[i] = std::fma(x.lane[i], y.lane[i], z.lane[i]);
  return x.as<__m512>();
}

inline int32_t rounded(float value) {  // to the nearest, half to even
  return _mm_cvtss_si32(_mm_set_ss(value));
}
inline int32_t truncated(float value) { return _mm_cvttss_si32(_mm_set_ss(value)); }

}  // namespace emulated

#define _mm512_sra_epi64(a, by) \
  emulated::map<__m512i, int64_t, int64_t, 8>(a, [&](int64_t v) { return emulated::shift(v, emulated::count(by)); })
#define _mm512_sra_epi32(a, by) \
  emulated::map<__m512i, int32_t, int32_t, 16>(a, [&](int32_t v) { return emulated::shift(v, emulated::count(by)); })
#define _mm512_srai_epi32(a, by) \
  emulated::map<__m512i, int32_t, int32_t, 16>(a, [&](int32_t v) { return emulated::shift(v, by); })
#define _mm512_mask_loadu_epi32(other, mask, p) emulated::load<__m512i, int32_t, 16>(other, mask, p)
#define _mm512_maskz_loadu_epi32(mask, p) emulated::load<__m512i, int32_t, 16>(_mm512_setzero_si512(), mask, p)
#define _mm512_maskz_loadu_ps(mask, p) emulated::load<__m512, float, 16>(_mm512_setzero_ps(), mask, p)
#define _mm512_mask_storeu_epi32(p, mask, a) emulated::store<int32_t, 16>(p, mask, a)
#define _mm512_mask_storeu_ps(p, mask, a) emulated::store<float, 16>(p, mask, a)
#define _mm512_mask_storeu_epi8(p, mask, a) emulated::store<int8_t, 64>(p, mask, a)
#define _mm_mask_storeu_epi8(p, mask, a) emulated::store<int8_t, 16>(p, mask, a)
#define _mm512_shuffle_i64x2(a, b, order) emulated::shuffle_quarters(a, b, order)
#define _mm512_mask_shuffle_epi32(other, mask, a, order) emulated::shuffle(other, mask, a, order)
#define _mm512_testn_epi32_mask(a, b) emulated::without_common_bits<uint32_t, 16, __mmask16>(a, b)
#define _mm512_testn_epi16_mask(a, b) emulated::without_common_bits<uint16_t, 32, __mmask32>(a, b)
#define _mm512_mask_cmp_ps_mask(mask, a, b, how) static_cast<__mmask16>((mask) & _mm512_cmp_ps_mask(a, b, how))
#define _kor_mask16(a, b) static_cast<__mmask16>((a) | (b))
#define _kortestz_mask32_u8(a, b) static_cast<unsigned char>(!((a) | (b)))
#define _mm512_reduce_add_pd(a) emulated::sum<double, 8>(a)
#define _mm512_reduce_add_epi32(a) static_cast<int>(emulated::sum<uint32_t, 16>(a))
#define _mm512_cvtps_pd(a) emulated::map<__m512d, double, float, 8>(a, [](float v) { return v; })
#define _mm512_cvtepu16_epi32(a) emulated::map<__m512i, int32_t, uint16_t, 16>(a, [](uint16_t v) { return v; })
#define _mm512_cvtepu8_epi16(a) emulated::map<__m512i, int16_t, uint8_t, 32>(a, [](uint8_t v) { return v; })
#define _mm512_cvtepi32_epi8(a) emulated::map<__m128i, int8_t, int32_t, 16>(a, [](int32_t v) { return v; })
#define _mm512_cvtepi32_epi16(a) emulated::map<__m256i, int16_t, int32_t, 16>(a, [](int32_t v) { return v; })
#define _mm512_cvtepi32_ps(a) emulated::map<__m512, float, int32_t, 16>(a, [](int32_t v) { return v; })
#define _mm512_cvttps_epi32(a) emulated::map<__m512i, int32_t, float, 16>(a, emulated::truncated)
// The kernels name no other rounding than to the nearest, which is the processor's.
#define _mm512_cvt_roundps_epi32(a, rounding) emulated::map<__m512i, int32_t, float, 16>(a, emulated::rounded)
#define _mm512_cvt_roundepi32_ps(a, rounding) _mm512_cvtepi32_ps(a)
#define _mm512_fmadd_round_ps(a, b, c, rounding) emulated::multiply_add(a, b, c)
