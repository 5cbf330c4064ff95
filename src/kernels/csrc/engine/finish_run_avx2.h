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
// finish_run_avx2.h: finish_fast() on two registers of 8 sums.
#pragma once
#include <immintrin.h>

namespace DQ_NS {

constexpr bool kFastParts = false;  // blocks of fewer than 16 channels

// What makes 32-bit values of the sums of a block.
struct FastFinish {
  __m256i even[2], odd[2], bias_even[2], bias_odd[2];
  dq::Bounds bounds, sum_bounds;
  __m128i right, left_over;
};

// What makes codes of one kind of such values, and where the next ones go.
struct FastCodes {
  __m256i multiplier, half, zero;
  dq::Bounds codes;
  __m128i shift;
  uint8_t *to;
  ptrdiff_t turn;  // from the end of a row to the next one
};

DQ_INLINE FastFinish fast_of(const Finish &f, int block) {
  FastFinish k;
  const int64_t *m = f.multiplier + 16 * block, *b = f.bias + 16 * block;
  for (int i = 0; i < 2; i++) {
    k.even[i] = iload(m + 4 * i);
    k.odd[i] = iload(m + 8 + 4 * i);
    k.bias_even[i] = iload(b + 4 * i);
    k.bias_odd[i] = iload(b + 8 + 4 * i);
  }
  k.bounds = f.bounds;
  k.sum_bounds = f.sum_bounds;
  k.right = _mm_cvtsi32_si128(f.right);
  k.left_over = _mm_cvtsi32_si128(32 - f.right);
  return k;
}

DQ_INLINE FastCodes fast_codes_of(const Finish &f, int output, const Run &run) {
  const CodeOutput &o = f.output[output];
  const dq::CodeTensor &t = o.to;
  return {_mm256_set1_epi64x(o.multiplier),
          _mm256_set1_epi64x(o.half),
          iset(t.zero),
          {o.low, o.high},
          _mm_cvtsi32_si128(o.shift - 32),
          t.data + run.y * t.row() + ptrdiff_t(run.x) * f.c + run.first,
          t.row() - ptrdiff_t(run.wo) * f.c};
}

DQ_INLINE __m256i fast_codes(const FastCodes &k, __m256i v) {
  const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(v, k.multiplier), k.half);
  __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(v, 32), k.multiplier);
  odd = _mm256_add_epi64(odd, k.half);
  v = _mm256_sra_epi32(put_together(_mm256_srli_epi64(even, 32), odd), k.shift);
  return iadd(clip(v, k.codes), k.zero);
}

template <Added Residual, bool Wide, int Outputs>
DQ_NOINLINE void finish_fast(const Finish &f, const int32_t *sums, int stride, const Run &run) {
  const FastFinish k = fast_of(f, run.block);
  FastCodes outputs[Outputs + 1];  // of which Outputs are there
  for (int o = 0; o < Outputs; o++) outputs[o] = fast_codes_of(f, o, run);
  const size_t place = (size_t(run.y) * run.wo + run.x) * f.c + run.first;
  const int32_t *residual = Residual != kNothing ? f.residual + place : nullptr;
  int32_t *wide = Wide ? f.wide + place : nullptr;
  int left = run.wo - run.x;  // pixels of this row
  for (int p = 0; p < run.pixels; p++, sums += stride) {
    __m256i values[2];
    DQ_UNROLL
    for (int i = 0; i < 2; i++) {
      const __m256i sum = iload(sums + 8 * i);
      const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(sum, k.even[i]), k.bias_even[i]);
      __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(sum, 32), k.odd[i]);
      odd = _mm256_add_epi64(odd, k.bias_odd[i]);
      __m256i v = put_together(_mm256_srl_epi64(even, k.right), _mm256_sll_epi64(odd, k.left_over));
      if (Residual == kRoomy) {
        v = _mm256_max_epi32(iadd(v, iload(residual + 8 * i)), iset(k.sum_bounds.low));
      } else {
        v = clip(v, k.bounds);
      }
      if (Residual == kAny) v = clip(add_saturated(v, iload(residual + 8 * i)), k.sum_bounds);
      if (Wide) istore(wide + 8 * i, v);
      values[i] = v;
    }
    if (Residual != kNothing) residual += f.c;
    if (Wide) wide += f.c;
    const bool turns = --left == 0;
    if (turns) left = run.wo;
    DQ_UNROLL
    for (int o = 0; o < Outputs; o++) {
      FastCodes &codes = outputs[o];
      const __m256i both = _mm256_permute4x64_epi64(
          _mm256_packs_epi32(fast_codes(codes, values[0]), fast_codes(codes, values[1])), 0xd8);
      _mm_storeu_si128((__m128i *)codes.to, _mm_packus_epi16(_mm256_castsi256_si128(both),
                                                             _mm256_extracti128_si256(both, 1)));
      codes.to += f.c;
      if (turns) codes.to += codes.turn;
    }
  }
}

// Codes of 8 sums by their lines, counted from the middle; of those that are near, *doubt gets the
// sums that are in doubt. The processor rounds to the nearest, as every program finds it and leaves
// it.
template <bool Near>
DQ_INLINE __m256i straight_codes(const dq::Lines &l, int lane, const int32_t *sums,
                                 __m256i *doubt) {
  const __m256 sum = _mm256_cvtepi32_ps(iload(sums));
  const __m256i code = _mm256_cvtps_epi32(
      _mm256_fmadd_ps(sum, _mm256_loadu_ps(l.slope + lane), _mm256_loadu_ps(l.start + lane)));
  if (!Near) return code;
  const __m256i sure = _mm256_and_si256(code, iload(l.sure + lane));
  *doubt = _mm256_or_si256(*doubt, _mm256_cmpeq_epi32(sure, _mm256_setzero_si256()));
  return _mm256_srai_epi32(code, 16);
}

template <bool Near>
DQ_NOINLINE void finish_straight(const Finish &f, const int32_t *sums, int stride, const Run &run) {
  const dq::Lines &l = *f.lines;
  const int lane = 16 * run.block;
  const __m256i low = _mm256_set1_epi8(char(l.low)), high = _mm256_set1_epi8(char(l.high));
  const __m256i added = _mm256_set1_epi8(char(l.added));
  const __m256i in_pixels = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const dq::CodeTensor &t = f.output[0].to;
  uint8_t *to = t.data + run.y * t.row() + ptrdiff_t(run.x) * f.c + run.first;
  const ptrdiff_t turn = t.row() - ptrdiff_t(run.wo) * f.c;
  int y = run.y, x = run.x;
  for (int p = 0; p < run.pixels; p += 2, sums += 2 * ptrdiff_t(stride)) {
    const int32_t *next = p + 1 < run.pixels ? sums + stride : sums;
    __m256i doubt = _mm256_setzero_si256();
    __m256i bytes =
        _mm256_packs_epi16(_mm256_packs_epi32(straight_codes<Near>(l, lane, sums, &doubt),
                                              straight_codes<Near>(l, lane + 8, sums + 8, &doubt)),
                           _mm256_packs_epi32(straight_codes<Near>(l, lane, next, &doubt),
                                              straight_codes<Near>(l, lane + 8, next + 8, &doubt)));
    bytes = _mm256_add_epi8(_mm256_min_epi8(_mm256_max_epi8(bytes, low), high), added);
    bytes = _mm256_permutevar8x32_epi32(bytes, in_pixels);
    const __m128i pixel[2] = {_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)};
    const int some = run.pixels - p < 2 ? 1 : 2, first_y = y, first_x = x;
    for (int i = 0; i < some; i++) {
      _mm_storeu_si128((__m128i *)to, pixel[i]);
      to += f.c;
      if (++x == run.wo) {
        x = 0, y++;
        to += turn;
      }
    }
    if (Near && !_mm256_testz_si256(doubt, doubt))
      finish_each(f, sums, stride,
                  {run.block, run.first, run.count, first_y, first_x, run.wo, some});
  }
}

}  // namespace DQ_NS
