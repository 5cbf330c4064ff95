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
// finish_avx2.h: finish() on two registers of 8 sums; as finish_avx512.h.
#pragma once
#include <immintrin.h>

namespace DQ_NS {

using dq::CodeOutput;
using dq::Finish;

struct Sums {
  __m256i v[2];
};
DQ_INLINE Sums load_sums(const int32_t *p) { return {{iload(p), iload(p + 8)}}; }
DQ_INLINE void store_sums(int32_t *p, const Sums &s) {
  istore(p, s.v[0]);
  istore(p + 8, s.v[1]);
}

DQ_INLINE __m256i clip(__m256i v, dq::Bounds to) {
  return _mm256_min_epi32(_mm256_max_epi32(v, iset(to.low)), iset(to.high));
}

// 64-bit values -> 32 bits in both halves, clipped after a shift to the right; |v| < 2^62. AVX2 has
// no arithmetic shift of 64 bits: the value is made positive.
DQ_INLINE __m256i shift_and_clip(__m256i v, int shift, int64_t low, int64_t high) {
  const __m256i offset = _mm256_set1_epi64x(int64_t(1) << 62);
  v = _mm256_srl_epi64(_mm256_add_epi64(v, offset), _mm_cvtsi32_si128(shift));
  v = _mm256_sub_epi64(v, _mm256_set1_epi64x((int64_t(1) << 62) >> shift));
  const __m256i least = _mm256_set1_epi64x(low), most = _mm256_set1_epi64x(high);
  v = _mm256_blendv_epi8(v, least, _mm256_cmpgt_epi64(least, v));
  v = _mm256_blendv_epi8(v, most, _mm256_cmpgt_epi64(v, most));
  return v;
}

DQ_INLINE __m256i put_together(__m256i even, __m256i odd) {
  return _mm256_blend_epi32(even, odd, 0xaa);
}

DQ_INLINE __m256i scaled(const Finish &f, __m256i sum, const int64_t *m, const int64_t *b) {
  sum = _mm256_sll_epi32(sum, _mm_cvtsi32_si128(f.left));
  __m256i even = _mm256_add_epi64(_mm256_mul_epi32(sum, iload(m)), iload(b));
  __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(sum, 32), iload(m + 8));
  odd = _mm256_add_epi64(odd, iload(b + 8));
  if (f.narrow) {
    even = _mm256_srl_epi64(even, _mm_cvtsi32_si128(f.right));
    odd = _mm256_sll_epi64(odd, _mm_cvtsi32_si128(32 - f.right));  // bit `right` to bit 32
    return clip(put_together(even, odd), f.bounds);
  }
  even = shift_and_clip(even, f.right, f.bounds.low, f.bounds.high);
  odd = shift_and_clip(odd, f.right, f.bounds.low, f.bounds.high);
  return put_together(even, _mm256_slli_epi64(odd, 32));
}

// a + b, stopped at the ends of int32.
DQ_INLINE __m256i add_saturated(__m256i a, __m256i b) {
  const __m256i sum = iadd(a, b);
  const __m256i left =  // a and b have one sign, the sum has the other
      _mm256_andnot_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(a, sum));
  const __m256i end = _mm256_xor_si256(_mm256_srai_epi32(a, 31), iset(INT32_MAX));
  return _mm256_blendv_epi8(sum, end, _mm256_srai_epi32(left, 31));
}

DQ_INLINE __m256i codes_of(const CodeOutput &o, __m256i v) {
  const __m256i m = _mm256_set1_epi64x(o.multiplier), half = _mm256_set1_epi64x(o.half);
  const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(v, m), half);
  const __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(v, 32), m), half);
  __m256i code;
  if (o.shift >= 32) {  // the high halves hold all of it
    code = put_together(_mm256_srli_epi64(even, 32), odd);
    code = clip(_mm256_sra_epi32(code, _mm_cvtsi32_si128(o.shift - 32)), {o.low, o.high});
  } else {
    code = put_together(shift_and_clip(even, o.shift, o.low, o.high),
                        _mm256_slli_epi64(shift_and_clip(odd, o.shift, o.low, o.high), 32));
  }
  return iadd(code, iset(o.to.zero));
}

DQ_INLINE void store_some(void *to, const void *from, size_t bytes, bool all, size_t of) {
  if (all) {
    std::memcpy(to, from, of);
  } else {
    std::memcpy(to, from, bytes);
  }
}

// Bytes of the first `count` values.
DQ_INLINE void store_codes(const CodeOutput &o, const Sums &v, int count, uint8_t *to) {
  __m256i both = _mm256_packs_epi32(codes_of(o, v.v[0]), codes_of(o, v.v[1]));
  both = _mm256_permute4x64_epi64(both, 0xd8);
  const __m128i bytes =
      _mm_packus_epi16(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
  alignas(16) uint8_t codes[16];
  _mm_store_si128((__m128i *)codes, bytes);
  store_some(to, codes, size_t(count), count == 16, 16);
}

DQ_INLINE void finish(const Finish &f, const Sums &sums, const Place &at) {
  const int64_t *m = f.multiplier + 16 * at.block, *b = f.bias + 16 * at.block;
  const size_t place = size_t(at.pixel) * f.c + at.first;
  const bool all = at.count == 16;
  alignas(32) int32_t wide[16];
  __m256i v[2] = {scaled(f, sums.v[0], m, b), scaled(f, sums.v[1], m + 4, b + 4)};
  if (f.residual) {
    store_some(wide, f.residual + place, sizeof(int32_t) * size_t(at.count), all, sizeof wide);
    DQ_UNROLL
    for (int i = 0; i < 2; i++) v[i] = clip(add_saturated(v[i], iload(wide + 8 * i)), f.sum_bounds);
  }
  if (f.wide) {
    istore(wide, v[0]);
    istore(wide + 8, v[1]);
    store_some(f.wide + place, wide, sizeof(int32_t) * size_t(at.count), all, sizeof wide);
  }
  for (int n = 0; n < f.outputs; n++) {
    const CodeOutput &o = f.output[n];
    uint8_t *to = o.to.data + at.y * o.to.row() + ptrdiff_t(at.x) * f.c + at.first;
    store_codes(o, {{v[0], v[1]}}, at.count, to);
  }
}

}  // namespace DQ_NS
