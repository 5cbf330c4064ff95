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
// pixels.cc: codes from the image, compiled once per instruction set: planes of three channels
// become bytes pixel after pixel, each looked up in a table of its channel.
#include <cstring>

#include "simd/simd.h"
#include "engine/conv_step.h"

#if defined(DQ_ISA_AVX512)
#include <immintrin.h>
#endif

namespace DQ_NS {

using namespace dq;

namespace {

#if defined(DQ_ISA_AVX512)

constexpr int kAtOnce = 32;

// 256 bytes, in registers as pairs.
struct Table {
  __m512i pairs[4];
  explicit Table(const uint8_t *bytes) {
    for (int i = 0; i < 4; i++) pairs[i] = _mm512_loadu_si512(bytes + 64 * i);
  }
  // The bytes for 32 pixels.
  DQ_INLINE __m256i look_up(const Table &t, const uint8_t *pixels) {
    const __m512i at = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)pixels));
    const __m512i pair = _mm512_srli_epi16(at, 1);
    const __m512i low = _mm512_permutex2var_epi16(t.pairs[0], pair, t.pairs[1]);
    const __m512i high = _mm512_permutex2var_epi16(t.pairs[2], pair, t.pairs[3]);
    const __mmask32 upper = _mm512_test_epi16_mask(at, _mm512_set1_epi16(128));
    const __m512i found = _mm512_mask_blend_epi16(upper, low, high);
    const __m512i odd = _mm512_slli_epi16(_mm512_and_si512(at, _mm512_set1_epi16(1)), 3);
    return _mm512_cvtepi16_epi8(_mm512_srlv_epi16(found, odd));
  }
};

// 16 bytes of each channel, pixel after pixel.
DQ_INLINE void interleave(const __m128i (&channels)[3], uint8_t *to) {
  alignas(16) static constexpr int8_t kPlaces[3][3][16] = {
      {{0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1, 5},
       {-1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1},
       {-1, -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1}},
      {{-1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10, -1},
       {5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10},
       {-1, 5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1}},
      {{-1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1, -1},
       {-1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1},
       {10, -1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15}}};
  DQ_UNROLL
  for (int part = 0; part < 3; part++) {
    __m128i bytes = _mm_setzero_si128();
    DQ_UNROLL
    for (int c = 0; c < 3; c++)
      bytes = _mm_or_si128(
          bytes, _mm_shuffle_epi8(channels[c], _mm_load_si128((const __m128i *)kPlaces[part][c])));
    _mm_storeu_si128((__m128i *)(to + 16 * part), bytes);
  }
}

// As many pixels of a row as there are whole vectors of; how many.
int vectors(const uint8_t *const (&in)[3], const uint8_t table[3][256], int count, uint8_t *to) {
  const Table tables[3] = {Table(table[0]), Table(table[1]), Table(table[2])};
  int x = 0;
  for (; x + kAtOnce <= count; x += kAtOnce, to += 3 * kAtOnce) {
    __m128i low[3], high[3];
    DQ_UNROLL
    for (int c = 0; c < 3; c++) {
      const __m256i bytes = Table::look_up(tables[c], in[c] + x);
      low[c] = _mm256_castsi256_si128(bytes);
      high[c] = _mm256_extracti128_si256(bytes, 1);
    }
    interleave(low, to);
    interleave(high, to + 48);
  }
  return x;
}

#else

int vectors(const uint8_t *const (&)[3], const uint8_t[3][256], int, uint8_t *) { return 0; }

#endif

}  // namespace

// Rows [first, last) of `to`: the byte of pixel p of channel c is table[c][p].
void write_pixels(const uint8_t *pixels, const uint8_t table[3][256], const CodeTensor &to,
                  int first, int last) {
  const size_t area = size_t(to.h) * to.w;
  for (int y = first; y < last; y++) {
    const uint8_t *red = pixels + size_t(y) * to.w;
    const uint8_t *const in[3] = {red, red + area, red + 2 * area};
    uint8_t *row = to.data + y * to.row();
    int x = vectors(in, table, to.w, row);
    for (uint8_t *out = row + 3 * x; x < to.w; x++, out += 3) {
      out[0] = table[0][in[0][x]];
      out[1] = table[1][in[1][x]];
      out[2] = table[2][in[2][x]];
    }
  }
}

}  // namespace DQ_NS
