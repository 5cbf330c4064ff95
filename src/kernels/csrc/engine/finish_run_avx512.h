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
// finish_run_avx512.h: finish_fast() on one register of 16 sums.
#pragma once
#include <immintrin.h>

namespace DQ_NS {

constexpr bool kFastParts = true;  // blocks of fewer than 16 channels

struct FastFinish {
  __m512i even, odd, bias_even, bias_odd, low, high, sum_low, sum_high;
  __m512i code_multiplier, code_half, code_low, code_high, zero;
  __m128i right, left_over, code_shift;
};

DQ_INLINE FastFinish fast_of(const Finish &f, int block) {
  FastFinish k;
  const int64_t *m = f.multiplier + 16 * block, *b = f.bias + 16 * block;
  k.even = _mm512_loadu_si512(m);
  k.odd = _mm512_loadu_si512(m + 8);
  k.bias_even = _mm512_loadu_si512(b);
  k.bias_odd = _mm512_loadu_si512(b + 8);
  k.low = _mm512_set1_epi32(f.bounds.low);
  k.high = _mm512_set1_epi32(f.bounds.high);
  k.sum_low = _mm512_set1_epi32(f.sum_bounds.low);
  k.sum_high = _mm512_set1_epi32(f.sum_bounds.high);
  k.right = _mm_cvtsi32_si128(f.right);
  k.left_over = _mm_cvtsi32_si128(32 - f.right);
  const CodeOutput &o = f.output[0];
  k.code_multiplier = _mm512_set1_epi64(o.multiplier);
  k.code_half = _mm512_set1_epi64(o.half);
  k.code_low = _mm512_set1_epi32(o.low);
  k.code_high = _mm512_set1_epi32(o.high);
  k.zero = _mm512_set1_epi32(o.to.zero);
  k.code_shift = _mm_cvtsi32_si128(o.shift - 32);
  return k;
}

template <bool Residual, bool Wide, bool Codes>
DQ_NOINLINE void finish_fast(const Finish &f, const int32_t *sums, int stride, const Run &run) {
  const FastFinish k = fast_of(f, run.block);
  const __mmask16 mask = __mmask16((1u << run.count) - 1);
  const size_t place = (size_t(run.y) * run.wo + run.x) * f.c + run.first;
  const int32_t *residual = Residual ? f.residual + place : nullptr;
  int32_t *wide = Wide ? f.wide + place : nullptr;
  const dq::CodeTensor &t = f.output[0].to;
  const ptrdiff_t turn = Codes ? t.row() - ptrdiff_t(run.wo) * f.c : 0;
  uint8_t *to = Codes ? t.data + run.y * t.row() + ptrdiff_t(run.x) * f.c + run.first : nullptr;
  int left = run.wo - run.x;  // pixels of this row
  for (int p = 0; p < run.pixels; p++) {
    const __m512i sum = _mm512_loadu_si512(sums + ptrdiff_t(p) * stride);
    __m512i even = _mm512_add_epi64(_mm512_mul_epi32(sum, k.even), k.bias_even);
    __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(sum, 32), k.odd);
    odd = _mm512_add_epi64(odd, k.bias_odd);
    __m512i v = put_together(_mm512_srl_epi64(even, k.right), _mm512_sll_epi64(odd, k.left_over));
    v = _mm512_min_epi32(_mm512_max_epi32(v, k.low), k.high);
    if (Residual) {
      v = add_saturated(v, _mm512_maskz_loadu_epi32(mask, residual + ptrdiff_t(p) * f.c));
      v = _mm512_min_epi32(_mm512_max_epi32(v, k.sum_low), k.sum_high);
    }
    if (Wide) _mm512_mask_storeu_epi32(wide + ptrdiff_t(p) * f.c, mask, v);
    if (!Codes) continue;
    even = _mm512_add_epi64(_mm512_mul_epi32(v, k.code_multiplier), k.code_half);
    odd = _mm512_mul_epi32(_mm512_srli_epi64(v, 32), k.code_multiplier);
    odd = _mm512_add_epi64(odd, k.code_half);
    v = _mm512_sra_epi32(put_together(_mm512_srli_epi64(even, 32), odd), k.code_shift);
    v = _mm512_min_epi32(_mm512_max_epi32(v, k.code_low), k.code_high);
    _mm_mask_storeu_epi8(to, mask, _mm512_cvtepi32_epi8(_mm512_add_epi32(v, k.zero)));
    to += f.c;
    if (--left == 0) {
      left = run.wo;
      to += turn;
    }
  }
}

}  // namespace DQ_NS
