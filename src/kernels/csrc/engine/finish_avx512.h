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
// finish_avx512.h: finish() on one register of 16 sums. Products of 32 and 32 bits are made of even
// and of odd channels; of what is known to fit 32 bits, only those are put together again.
#pragma once
#include <immintrin.h>

namespace DQ_NS {

using dq::CodeOutput;
using dq::Finish;

struct Sums {
  __m512i v;
};
DQ_INLINE Sums load_sums(const int32_t *p) { return {_mm512_loadu_si512(p)}; }
DQ_INLINE void store_sums(int32_t *p, Sums s) { _mm512_storeu_si512(p, s.v); }

// The low halves of `even`, the high ones of `odd`.
DQ_INLINE __m512i put_together(__m512i even, __m512i odd) {
  return _mm512_mask_blend_epi32(0xaaaa, even, odd);
}

DQ_INLINE __m512i clip(__m512i v, dq::Bounds to) {
  v = _mm512_max_epi32(v, _mm512_set1_epi32(to.low));
  return _mm512_min_epi32(v, _mm512_set1_epi32(to.high));
}

// 64-bit values that are clipped to 32 bits.
DQ_INLINE __m512i clip_long(__m512i even, __m512i odd, int64_t low, int64_t high) {
  const __m512i least = _mm512_set1_epi64(low), most = _mm512_set1_epi64(high);
  even = _mm512_min_epi64(_mm512_max_epi64(even, least), most);
  odd = _mm512_min_epi64(_mm512_max_epi64(odd, least), most);
  return put_together(even, _mm512_slli_epi64(odd, 32));
}

DQ_INLINE __m512i scaled(const Finish &f, __m512i sum, int block) {
  const int64_t *m = f.multiplier + 16 * block, *b = f.bias + 16 * block;
  if (f.left) sum = _mm512_sll_epi32(sum, _mm_cvtsi32_si128(f.left));
  __m512i even = _mm512_mul_epi32(sum, _mm512_loadu_si512(m));
  __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(sum, 32), _mm512_loadu_si512(m + 8));
  even = _mm512_add_epi64(even, _mm512_loadu_si512(b));
  odd = _mm512_add_epi64(odd, _mm512_loadu_si512(b + 8));
  if (f.narrow) {
    even = _mm512_srl_epi64(even, _mm_cvtsi32_si128(f.right));
    odd = _mm512_sll_epi64(odd, _mm_cvtsi32_si128(32 - f.right));  // bit `right` to bit 32
    return clip(put_together(even, odd), f.bounds);
  }
  const __m128i right = _mm_cvtsi32_si128(f.right);
  return clip_long(_mm512_sra_epi64(even, right), _mm512_sra_epi64(odd, right), f.bounds.low,
                   f.bounds.high);
}

// a + b, stopped at the ends of int32.
DQ_INLINE __m512i add_saturated(__m512i a, __m512i b) {
  const __m512i sum = _mm512_add_epi32(a, b);
  // left: a and b have one sign, the sum has the other
  const __m512i left = _mm512_ternarylogic_epi32(a, b, sum, 0x42);
  const __m512i end = _mm512_xor_si512(_mm512_srai_epi32(a, 31), _mm512_set1_epi32(INT32_MAX));
  return _mm512_mask_mov_epi32(sum, _mm512_movepi32_mask(left), end);
}

DQ_INLINE __m128i codes_of(const CodeOutput &o, __m512i v) {
  const __m512i m = _mm512_set1_epi64(o.multiplier), half = _mm512_set1_epi64(o.half);
  const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(v, m), half);
  const __m512i odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(v, 32), m), half);
  __m512i code;
  if (o.shift >= 32) {  // the high halves hold all of it
    code = put_together(_mm512_srli_epi64(even, 32), odd);
    code = clip(_mm512_sra_epi32(code, _mm_cvtsi32_si128(o.shift - 32)), {o.low, o.high});
  } else {
    const __m128i shift = _mm_cvtsi32_si128(o.shift);
    code = clip_long(_mm512_sra_epi64(even, shift), _mm512_sra_epi64(odd, shift), o.low, o.high);
  }
  return _mm512_cvtepi32_epi8(_mm512_add_epi32(code, _mm512_set1_epi32(o.to.zero)));
}

// Bytes of the first `count` values.
DQ_INLINE void store_codes(const CodeOutput &o, Sums v, int count, uint8_t *to) {
  _mm_mask_storeu_epi8(to, __mmask16((1u << count) - 1), codes_of(o, v.v));
}

DQ_INLINE void finish(const Finish &f, Sums sums, const Place &at) {
  const __mmask16 mask = __mmask16((1u << at.count) - 1);
  __m512i v = scaled(f, sums.v, at.block);
  const size_t place = size_t(at.pixel) * f.c + at.first;
  if (f.residual) {
    v = add_saturated(v, _mm512_maskz_loadu_epi32(mask, f.residual + place));
    v = clip(v, f.sum_bounds);
  }
  if (f.wide) _mm512_mask_storeu_epi32(f.wide + place, mask, v);
  for (int i = 0; i < f.outputs; i++) {
    const CodeOutput &o = f.output[i];
    uint8_t *to = o.to.data + at.y * o.to.row() + ptrdiff_t(at.x) * f.c + at.first;
    store_codes(o, {v}, at.count, to);
  }
}

}  // namespace DQ_NS
