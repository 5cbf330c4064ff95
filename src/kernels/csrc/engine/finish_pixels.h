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
// finish_pixels.h: codes straight from the sums of up to 64 neighbouring channels of a pixel, for
// kernels whose tiles hold several blocks of a pixel (AVX-512). A pixel's bytes are written at
// once; finish_run() writes those of one block.
#pragma once
#include "engine/finish.h"

#if defined(DQ_ISA_AVX512)

namespace DQ_NS {

// What is the same for all pixels.
struct ByteBounds {
  __m512i low, high, added;
};
DQ_INLINE ByteBounds bounds_of(const dq::Lines &l) {
  return {_mm512_set1_epi8(char(l.low)), _mm512_set1_epi8(char(l.high)),
          _mm512_set1_epi8(char(l.added))};
}

// Bytes of codes of 4 x 16 channels, in lanes of 4 of each: as packing leaves them.
DQ_INLINE __m512i pack_codes(const __m512i (&codes)[4], const ByteBounds &k) {
  const __m512i bytes = _mm512_packs_epi16(_mm512_packs_epi32(codes[0], codes[1]),
                                           _mm512_packs_epi32(codes[2], codes[3]));
  return _mm512_add_epi8(_mm512_min_epi8(_mm512_max_epi8(bytes, k.low), k.high), k.added);
}

// The first `Blocks` x 16 bytes.
template <int Blocks>
DQ_INLINE void store_blocks(uint8_t *to, __m512i bytes) {
  if constexpr (Blocks == 4) return _mm512_storeu_si512(to, bytes);
  if constexpr (Blocks == 1) return _mm_storeu_si128((__m128i *)to, _mm512_castsi512_si128(bytes));
  _mm256_storeu_si256((__m256i *)to, _mm512_castsi512_si256(bytes));
  if constexpr (Blocks == 3)
    _mm_storeu_si128((__m128i *)(to + 32), _mm512_extracti32x4_epi32(bytes, 2));
}

// A pixel's blocks by the long way.
DQ_NOINLINE void finish_blocks(const dq::Finish &f, const int32_t *sums, Run run) {
  for (int at = 0; at < run.count; at += 16) {
    const int count = run.count - at < 16 ? run.count - at : 16;
    finish(f, load_sums(sums + at),
           {run.block + at / 16, run.first + at, count, run.y, run.x, run.y * run.wo + run.x});
  }
}

// How results are finished: each by the long way; by lines that are exact; by lines that are near.
enum class Way { kLong, kExact, kNear };
DQ_INLINE Way way_of(const dq::Finish &f) {
  return !f.lines ? Way::kLong : f.lines->exact ? Way::kExact : Way::kNear;
}

// Of a run of pixels, whose `count` is of all `Blocks` blocks, some after the other.
template <bool Near, int Blocks>
class PixelFinish {
 public:
  inline __attribute__((always_inline)) PixelFinish(const dq::Finish &f, const Run &run)
      : f_(f), run_(run), bounds_(bounds_of(*f.lines)), part_(~0ull >> (64 - run.count)) {
    DQ_UNROLL
    for (int b = 0; b < Blocks; b++) lines_[b] = straight_of(*f.lines, run.block + b);
    const dq::CodeTensor &t = f.output[0].to;
    turn_ = t.row() - ptrdiff_t(run.wo) * f.c;
    to_ = t.data + run.y * t.row() + ptrdiff_t(run.x) * f.c + run.first;
  }

  // The next ones, of sums [pixels][Blocks][16]. Two blocks of two pixels are packed at once.
  inline __attribute__((always_inline)) void next(const int32_t *sums, int pixels) {
    constexpr int kAtOnce = Blocks == 2 ? 2 : 1, kSums = 16 * Blocks;
    const __m512i in_blocks =
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    for (int p = 0; p < pixels; p += kAtOnce, sums += kAtOnce * kSums) {
      const int some = pixels - p < kAtOnce ? 1 : kAtOnce;
      const int32_t *last = sums + (some - 1) * kSums;
      __m512i codes[4];
      __mmask16 doubt = 0;
      DQ_UNROLL
      for (int b = 0; b < 4; b++) {
        if (b < Blocks) {
          codes[b] = straight_codes<Near>(lines_[b], load_sums(sums + 16 * b), &doubt);
        } else if (kAtOnce == 2) {
          codes[b] =
              straight_codes<Near>(lines_[b % Blocks], load_sums(last + 16 * (b - 2)), &doubt);
        } else {
          codes[b] = codes[b - 1];
        }
      }
      __m512i bytes = _mm512_permutexvar_epi32(in_blocks, pack_codes(codes, bounds_));
      for (int i = 0; i < some; i++) {
        if (__builtin_expect(run_.count == kSums, 1)) {
          store_blocks<Blocks>(to_, bytes);
        } else {
          _mm512_mask_storeu_epi8(to_, part_, bytes);
        }
        if (Near && __builtin_expect(!_kortestz_mask16_u8(doubt, doubt), 0))
          finish_blocks(f_, sums + i * kSums, run_);
        to_ += f_.c;
        if (++run_.x == run_.wo) run_.x = 0, run_.y++, to_ += turn_;
        if (kAtOnce == 2) bytes = _mm512_shuffle_i64x2(bytes, bytes, 0xee);
      }
    }
  }

 private:
  const dq::Finish &f_;
  Run run_;  // y, x: of the next pixel
  ByteBounds bounds_;
  Straight lines_[Blocks];
  __mmask64 part_;
  uint8_t *to_;
  ptrdiff_t turn_;  // to the next row of bytes
};

}  // namespace DQ_NS

#endif
