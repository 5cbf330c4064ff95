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

// What makes 32-bit values of the sums of a block.
// Shifts are vectors: by one number for all lanes they take two operations on many processors.
struct FastFinish {
  __m512i even, odd, bias_even, bias_odd, right, left_over, low, high, sum_low, sum_high;
};

// What makes codes of one kind of such values; zero: in 16 bits.
struct FastCodes {
  __m512i multiplier, half, shift, zero, byte_low, byte_high;
};

// The code that v becomes.
inline int code_of(const CodeOutput &o, int32_t v) {
  const int64_t code = (int64_t(v) * o.multiplier + o.half) >> o.shift;
  return int(code < o.low ? o.low : code > o.high ? o.high : code);
}

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
  k.right = _mm512_set1_epi64(f.right);
  k.left_over = _mm512_set1_epi64(32 - f.right);
  return k;
}

// alone: values have no other use and are not clipped. Codes rise with them, so that what becomes
// of their bounds bounds the codes.
DQ_INLINE FastCodes fast_codes_of(const Finish &f, int output, bool alone) {
  const CodeOutput &o = f.output[output];
  const int low = alone ? code_of(o, f.bounds.low) : o.low;
  const int high = alone ? code_of(o, f.bounds.high) : o.high;
  FastCodes k;
  k.multiplier = _mm512_set1_epi64(o.multiplier);
  k.half = _mm512_set1_epi64(o.half);
  k.zero = _mm512_set1_epi16(o.to.zero);
  k.byte_low = _mm512_set1_epi8(char(low + o.to.zero));
  k.byte_high = _mm512_set1_epi8(char(high + o.to.zero));
  k.shift = _mm512_set1_epi32(o.shift - 32);
  return k;
}

// What becomes of 16 sums before they are codes. clipped: where nothing else of it is used than
// codes of one kind, it need not be.
template <Added Residual, bool Wide, bool Clipped>
DQ_INLINE __m512i value_of(const FastFinish &k, const int32_t *sums, __mmask16 mask,
                           const int32_t *residual, int32_t *wide) {
  const __m512i sum = _mm512_loadu_si512(sums);
  __m512i even = _mm512_add_epi64(_mm512_mul_epi32(sum, k.even), k.bias_even);
  __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(sum, 32), k.odd);
  odd = _mm512_add_epi64(odd, k.bias_odd);
  __m512i v = put_together(_mm512_srlv_epi64(even, k.right), _mm512_sllv_epi64(odd, k.left_over));
  if (Residual == kRoomy) {
    v = _mm512_add_epi32(v, _mm512_maskz_loadu_epi32(mask, residual));
    v = _mm512_max_epi32(v, k.sum_low);
  } else if (Clipped) {
    v = _mm512_min_epi32(_mm512_max_epi32(v, k.low), k.high);
  }
  if (Residual == kAny) {
    v = add_saturated(v, _mm512_maskz_loadu_epi32(mask, residual));
    v = _mm512_min_epi32(_mm512_max_epi32(v, k.sum_low), k.sum_high);
  }
  if (Wide) _mm512_mask_storeu_epi32(wide, mask, v);
  return v;
}

// Codes of 16 values before they are clipped.
DQ_INLINE __m512i open_codes(const FastCodes &k, __m512i v) {
  const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(v, k.multiplier), k.half);
  __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(v, 32), k.multiplier);
  odd = _mm512_add_epi64(odd, k.half);
  // The high halves of both: of `even`, moved down.
  const __m512i code = _mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_DDBB);
  return _mm512_srav_epi32(code, k.shift);
}

// 16 bytes each of up to 4 neighbouring pixels, `step` apart; where `mask` is not full, fewer.
DQ_INLINE void store_pixels(__m512i bytes, uint8_t *to, ptrdiff_t step, int pixels,
                            __mmask16 mask) {
  const __m128i pixel[4] = {_mm512_castsi512_si128(bytes), _mm512_extracti32x4_epi32(bytes, 1),
                            _mm512_extracti32x4_epi32(bytes, 2),
                            _mm512_extracti32x4_epi32(bytes, 3)};
  if (mask != 0xffff) {  // masked stores are slow
    for (int i = 0; i < pixels; i++) _mm_mask_storeu_epi8(to + i * step, mask, pixel[i]);
  } else if (step == 16 && pixels == 4) {
    _mm512_storeu_si512(to, bytes);
  } else {
    for (int i = 0; i < pixels; i++) _mm_storeu_si128((__m128i *)(to + i * step), pixel[i]);
  }
}

// 4 vectors of values as bytes, one vector after the other: what saturates on the way is clipped
// anyway.
DQ_INLINE __m512i four_codes(const FastCodes &k, const __m512i (&v)[4]) {
  const __m512i in_order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i first = _mm512_packs_epi32(open_codes(k, v[0]), open_codes(k, v[1]));
  const __m512i second = _mm512_packs_epi32(open_codes(k, v[2]), open_codes(k, v[3]));
  __m512i bytes =
      _mm512_packus_epi16(_mm512_adds_epi16(first, k.zero), _mm512_adds_epi16(second, k.zero));
  bytes = _mm512_min_epu8(_mm512_max_epu8(bytes, k.byte_low), k.byte_high);
  return _mm512_permutexvar_epi32(in_order, bytes);
}

// Where a pixel's bytes go, and how much further those of the next row are than behind this one's.
struct CodePlace {
  uint8_t *to;
  ptrdiff_t turn;
};
DQ_INLINE CodePlace code_place(const Finish &f, int output, const Run &run) {
  const dq::CodeTensor &t = f.output[output].to;
  return {t.data + run.y * t.row() + ptrdiff_t(run.x) * f.c + run.first,
          t.row() - ptrdiff_t(run.wo) * f.c};
}

template <Added Residual, bool Wide, int Outputs>
DQ_NOINLINE void finish_fast(const Finish &f, const int32_t *sums, int stride, const Run &run) {
  constexpr bool kAlone = Residual == kNothing && !Wide && Outputs == 1;
  const FastFinish k = fast_of(f, run.block);
  const __mmask16 mask = __mmask16((1u << run.count) - 1);
  const size_t place = (size_t(run.y) * run.wo + run.x) * f.c + run.first;
  const int32_t *residual = Residual != kNothing ? f.residual + place : nullptr;
  int32_t *wide = Wide ? f.wide + place : nullptr;
  const auto next = [&] {
    const __m512i v = value_of<Residual, Wide, !kAlone>(k, sums, mask, residual, wide);
    sums += stride;
    if (Residual != kNothing) residual += f.c;
    if (Wide) wide += f.c;
    return v;
  };
  if constexpr (Outputs == 0) {
    for (int p = 0; p < run.pixels; p++) next();
  } else {
    FastCodes codes[Outputs];
    CodePlace places[Outputs];
    DQ_UNROLL
    for (int o = 0; o < Outputs; o++)
      codes[o] = fast_codes_of(f, o, kAlone), places[o] = code_place(f, o, run);
    for (int x = run.x, left = run.pixels; left > 0; x = 0) {
      const int end = left < run.wo - x ? x + left : run.wo;
      left -= end - x;
      for (; x < end; x += 4) {
        const int some = end - x < 4 ? end - x : 4;
        __m512i v[4];
        v[0] = next();
        DQ_UNROLL
        for (int i = 1; i < 4; i++) v[i] = i < some ? next() : v[0];
        DQ_UNROLL
        for (int o = 0; o < Outputs; o++) {
          store_pixels(four_codes(codes[o], v), places[o].to, f.c, some, mask);
          places[o].to += some * ptrdiff_t(f.c);
        }
      }
      DQ_UNROLL
      for (int o = 0; o < Outputs; o++) places[o].to += places[o].turn;
    }
  }
}

// The lines of 16 channels.
struct Straight {
  __m512 slope, start;
  __m512i sure;
};
DQ_INLINE Straight straight_of(const dq::Lines &l, int block) {
  return {_mm512_loadu_ps(l.slope + 16 * block), _mm512_loadu_ps(l.start + 16 * block),
          _mm512_loadu_si512(l.sure + 16 * block)};
}

// Sums on their lines, rounded. Rounding is given with each step, so that no mode of the processor
// can change it.
DQ_INLINE __m512i on_lines(__m512 slope, __m512 start, Sums sums) {
  constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  const __m512 sum = _mm512_cvt_roundepi32_ps(sums.v, kNearest);
  return _mm512_cvt_roundps_epi32(_mm512_fmadd_round_ps(sum, slope, start, kNearest), kNearest);
}

// Codes of 16 sums, counted from the middle; of lines that are near, *doubt gets those in doubt.
template <bool Near>
DQ_INLINE __m512i straight_codes(const Straight &k, Sums sums, __mmask16 *doubt) {
  const __m512i code = on_lines(k.slope, k.start, sums);
  if (!Near) return code;
  *doubt = _kor_mask16(*doubt, _mm512_testn_epi32_mask(code, k.sure));
  return _mm512_srai_epi32(code, 16);
}

template <bool Near>
DQ_NOINLINE void finish_straight(const Finish &f, const int32_t *sums, int stride, const Run &run) {
  const dq::Lines &l = *f.lines;
  const Straight k = straight_of(l, run.block);
  const __m512i low = _mm512_set1_epi8(char(l.low)), high = _mm512_set1_epi8(char(l.high));
  const __m512i added = _mm512_set1_epi8(char(l.added));
  const __m512i in_pixels = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __mmask16 mask = __mmask16((1u << run.count) - 1);
  const dq::CodeTensor &t = f.output[0].to;
  uint8_t *row = t.data + run.y * t.row() + run.first;
  int y = run.y;
  for (int x = run.x, left = run.pixels; left > 0; x = 0, y++, row += t.row()) {
    const int end = left < run.wo - x ? x + left : run.wo;
    left -= end - x;
    for (; x < end; x += 4, sums += 4 * ptrdiff_t(stride)) {
      const int some = end - x < 4 ? end - x : 4;
      const int32_t *second = sums + (some > 1 ? stride : 0);
      const int32_t *third = sums + (some > 2 ? 2 * stride : 0);
      const int32_t *fourth = sums + (some > 3 ? 3 * stride : 0);
      __mmask16 doubt = 0;
      __m512i bytes = _mm512_packs_epi16(
          _mm512_packs_epi32(straight_codes<Near>(k, load_sums(sums), &doubt),
                             straight_codes<Near>(k, load_sums(second), &doubt)),
          _mm512_packs_epi32(straight_codes<Near>(k, load_sums(third), &doubt),
                             straight_codes<Near>(k, load_sums(fourth), &doubt)));
      bytes = _mm512_min_epi8(_mm512_max_epi8(bytes, low), high);
      bytes = _mm512_permutexvar_epi32(in_pixels, _mm512_add_epi8(bytes, added));
      store_pixels(bytes, row + ptrdiff_t(x) * f.c, f.c, some, mask);
      if (Near && doubt & mask)
        finish_each(f, sums, stride, {run.block, run.first, run.count, y, x, run.wo, some});
      if (some < 4) sums -= (4 - some) * ptrdiff_t(stride);
    }
  }
}

}  // namespace DQ_NS
