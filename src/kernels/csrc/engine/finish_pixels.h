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

// How 4 vectors of 16 sums lie.
enum class Order {
  kBlocks,  // one after the other
  kZipped   // lanes of 4 of each take turns
};

// 4 vectors of sums become bytes in order.
template <bool Near, Order order>
struct FourLines {
  __m512 slope[4], start[4];
  __m512i sure[2];  // of two vectors each, in 16 bits
  __m512i low, high, added;

  inline __attribute__((always_inline)) void set(const dq::Lines &l, const Straight (&lines)[4]) {
    low = _mm512_set1_epi8(char(l.low));
    high = _mm512_set1_epi8(char(l.high));
    added = _mm512_set1_epi8(char(l.added));
    DQ_UNROLL
    for (int i = 0; i < 4; i++) slope[i] = lines[i].slope, start[i] = lines[i].start;
    DQ_UNROLL
    for (int i = 0; i < 4; i += 2)
      sure[i / 2] = _mm512_permutex2var_epi16(lines[i].sure, halves(0), lines[i + 1].sure);
  }

  // t: on their lines. *all_sure: whether no sum is in doubt.
  inline __attribute__((always_inline)) __m512i bytes(const __m512i (&t)[4], bool *all_sure) const {
    __m512i packed;
    if constexpr (Near) {
      __m512i codes[2];
      __mmask32 doubt[2];
      DQ_UNROLL
      for (int i = 0; i < 2; i++) {
        codes[i] = _mm512_permutex2var_epi16(t[2 * i], halves(1), t[2 * i + 1]);
        const __m512i rest = _mm512_permutex2var_epi16(t[2 * i], halves(0), t[2 * i + 1]);
        doubt[i] = _mm512_testn_epi16_mask(rest, sure[i]);
      }
      *all_sure = _kortestz_mask32_u8(doubt[0], doubt[1]);
      packed = _mm512_packs_epi16(codes[0], codes[1]);
    } else {
      *all_sure = true;
      packed = _mm512_packs_epi16(_mm512_packs_epi32(t[0], t[1]), _mm512_packs_epi32(t[2], t[3]));
    }
    packed = _mm512_add_epi8(_mm512_min_epi8(_mm512_max_epi8(packed, low), high), added);
    if (order == Order::kZipped) return packed;
    if (Near) return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), packed);
    return _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), packed);
  }

 private:
  // Where in two vectors the upper (1) or lower (0) halves of their values are: one vector after
  // the other, or zipped.
  DQ_INLINE __m512i halves(int which) {
    alignas(64) static constexpr int16_t kPlaces[2][2][32] = {
        {{0,  2,  4,  6,  8,  10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30,
          32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 62},
         {1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
          33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63}},
        {{0,  2,  4,  6,  32, 34, 36, 38, 8,  10, 12, 14, 40, 42, 44, 46,
          16, 18, 20, 22, 48, 50, 52, 54, 24, 26, 28, 30, 56, 58, 60, 62},
         {1,  3,  5,  7,  33, 35, 37, 39, 9,  11, 13, 15, 41, 43, 45, 47,
          17, 19, 21, 23, 49, 51, 53, 55, 25, 27, 29, 31, 57, 59, 61, 63}}};
    return _mm512_load_si512(kPlaces[order == Order::kZipped][which]);
  }
};

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
      : f_(f), run_(run), part_(~0ull >> (64 - run.count)) {
    Straight lines[4];
    DQ_UNROLL
    for (int i = 0; i < 4; i++) lines[i] = straight_of(*f.lines, run.block + block_of(i));
    lines_.set(*f.lines, lines);
    const dq::CodeTensor &t = f.output[0].to;
    turn_ = t.row() - ptrdiff_t(run.wo) * f.c;
    to_ = t.data + run.y * t.row() + ptrdiff_t(run.x) * f.c + run.first;
  }

  // The next ones, of sums [pixels][Blocks][16]. Two blocks of two pixels are packed at once.
  inline __attribute__((always_inline)) void next(const int32_t *sums, int pixels) {
    for (int p = 0; p < pixels; p += kAtOnce, sums += kAtOnce * kSums) {
      const int some = pixels - p < kAtOnce ? 1 : kAtOnce;
      __m512i t[4];
      DQ_UNROLL
      for (int i = 0; i < 4; i++) {
        const int32_t *from = sums + (i < Blocks ? 0 : (some - 1) * kSums) + 16 * block_of(i);
        t[i] = i < kAtOnce * Blocks ? on_lines(lines_.slope[i], lines_.start[i], load_sums(from))
                                    : t[i - 1];
      }
      bool all_sure;
      __m512i bytes = lines_.bytes(t, &all_sure);
      for (int i = 0; i < some; i++) {
        if (__builtin_expect(run_.count == kSums, 1)) {
          store_blocks<Blocks>(to_, bytes);
        } else {
          _mm512_mask_storeu_epi8(to_, part_, bytes);
        }
        if (Near && __builtin_expect(!all_sure, 0)) finish_blocks(f_, sums + i * kSums, run_);
        to_ += f_.c;
        if (++run_.x == run_.wo) run_.x = 0, run_.y++, to_ += turn_;
        if (kAtOnce == 2) bytes = _mm512_shuffle_i64x2(bytes, bytes, 0xee);
      }
    }
  }

 private:
  static constexpr int kAtOnce = Blocks == 2 ? 2 : 1, kSums = 16 * Blocks;
  // Of a vector of 4; what is left repeats the last one.
  static constexpr int block_of(int i) {
    return i < Blocks ? i : kAtOnce == 2 ? i - Blocks : Blocks - 1;
  }

  const dq::Finish &f_;
  Run run_;  // y, x: of the next pixel
  FourLines<Near, Order::kBlocks> lines_;
  __mmask64 part_;
  uint8_t *to_;
  ptrdiff_t turn_;  // to the next row of bytes
};

}  // namespace DQ_NS

#endif
