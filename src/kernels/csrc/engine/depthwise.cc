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
// depthwise.cc: depthwise convolutions of codes, vectorised over channels; compiled once per
// instruction set. The window passes column by column: up to 4 of its rows are the word of a
// channel, put together from rows of codes once for all pixels of a tile that the column belongs
// to.
//
// Packed: the sums to begin with [blocks][16] (what `zero` adds is taken off), then weights
// [blocks][columns of the window][fours of rows][16][4], in the arithmetic's own order.
#include "engine/depthwise.h"

#include "engine/tile.h"

namespace DQ_NS {

using namespace dq;

namespace {

constexpr int kPixels = 32;  // that are finished at once

// An instruction set's arithmetic, as in dot_bytes.h, but channels have codes of their own:
//   x(p, row, count)   codes of 16 channels in `count` rows, 1..4, `row` bytes apart
#if defined(DQ_ISA_AVX512)

struct Columns {
  static constexpr int WORD_BYTES = 64, PIXELS = 4;
  using X = __m512i;
  using W = __m512i;
  static void put(void *word, int lane, int row, int value) {
    ((int8_t *)word)[4 * lane + row] = int8_t(value);
  }
  DQ_INLINE X x(const uint8_t *p, ptrdiff_t row, int count) {
    const X place = _mm512_set_epi32(0x0f0f0f0f, 0x0e0e0e0e, 0x0d0d0d0d, 0x0c0c0c0c, 0x0b0b0b0b,
                                     0x0a0a0a0a, 0x09090909, 0x08080808, 0x07070707, 0x06060606,
                                     0x05050505, 0x04040404, 0x03030303, 0x02020202, 0x01010101, 0);
    X words = _mm512_setzero_si512();
    DQ_UNROLL
    for (int i = 0; i < 4; i++) {
      if (i >= count) break;
      const X codes = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(p + i * row)));
      words = _mm512_mask_shuffle_epi8(words, 0x1111111111111111ull << i, codes, place);
    }
    return words;
  }
  DQ_INLINE W w(const uint8_t *p) { return _mm512_load_si512(p); }
  DQ_INLINE void step(Sums *s, X x, W w) { Dot::step(s, x, w); }
};

#elif defined(DQ_ISA_AVX2)

// Codes and weights of two rows as pairs of 16 bits.
struct Columns {
  static constexpr int WORD_BYTES = 128, PIXELS = 4;
  struct X {
    __m256i v[4];  // rows 0 and 1 of 8 channels, of 8 more, rows 2 and 3 of both
  };
  using W = X;
  static void put(void *word, int lane, int row, int value) {
    ((int16_t *)word)[32 * (row / 2) + 2 * lane + row % 2] = int16_t(value);
  }
  DQ_INLINE X x(const uint8_t *p, ptrdiff_t row, int count) {
    X words;
    DQ_UNROLL
    for (int i = 0; i < 4; i += 2) {
      const __m128i none = _mm_setzero_si128();
      const __m128i a = i < count ? _mm_loadu_si128((const __m128i *)(p + i * row)) : none;
      const __m128i b =
          i + 1 < count ? _mm_loadu_si128((const __m128i *)(p + (i + 1) * row)) : none;
      words.v[i] = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b));
      words.v[i + 1] = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
    }
    return words;
  }
  DQ_INLINE W w(const uint8_t *p) {
    return {{iload(p), iload(p + 32), iload(p + 64), iload(p + 96)}};
  }
  DQ_INLINE void step(Sums *s, const X &x, const W &w) {
    DQ_UNROLL
    for (int i = 0; i < 4; i++) s->v[i % 2] = iadd(s->v[i % 2], _mm256_madd_epi16(x.v[i], w.v[i]));
  }
};

#else

struct Columns {
  static constexpr int WORD_BYTES = 128, PIXELS = 1;
  struct X {
    I v[8];  // rows 0 and 1 of all channels, rows 2 and 3
  };
  using W = X;
  static void put(void *word, int lane, int row, int value) {
    ((int16_t *)word)[32 * (row / 2) + 2 * lane + row % 2] = int16_t(value);
  }
  DQ_INLINE X x(const uint8_t *p, ptrdiff_t row, int count) {
    int16_t pairs[2][16][2] = {};
    for (int i = 0; i < count; i++)
      for (int lane = 0; lane < 16; lane++) pairs[i / 2][lane][i % 2] = p[i * row + lane];
    return w((const uint8_t *)pairs);
  }
  DQ_INLINE W w(const uint8_t *p) {
    W words;
    DQ_UNROLL
    for (int i = 0; i < 8; i++) words.v[i] = iload(p + 16 * i);
    return words;
  }
  DQ_INLINE void step(Sums *s, const X &x, const W &w) {
    DQ_UNROLL
    for (int i = 0; i < 8; i++) s->v[i % 4] = DotShorts::step(s->v[i % 4], w.v[i], x.v[i]);
  }
};

#endif

int fours(const CodeConv &c) { return (c.kernel + 3) / 4; }  // of rows

size_t start_bytes(const CodeConv &c) {
  return size_t(c.blocks()) * kChannelBlock * sizeof(int32_t);
}
size_t block_bytes(const CodeConv &c) { return size_t(c.kernel) * fours(c) * Columns::WORD_BYTES; }

bool can(const CodeConv &c) { return c.depthwise(); }

size_t packed_bytes(const CodeConv &c) { return start_bytes(c) + c.blocks() * block_bytes(c); }

void pack(const CodeConv &c, void *packed) {
  std::memset(packed, 0, packed_bytes(c));
  int32_t *start = (int32_t *)packed;
  uint8_t *words = (uint8_t *)packed + start_bytes(c);
  const int k = c.kernel;
  for (int o = 0; o < c.c_out; o++) {
    const int8_t *w = c.weight + size_t(o) * k * k;
    uint8_t *block = words + o / kChannelBlock * block_bytes(c);
    for (int tap = 0; tap < k * k; tap++) {
      const int row = tap / k, word = tap % k * fours(c) + row / 4;
      Columns::put(block + size_t(word) * Columns::WORD_BYTES, o % kChannelBlock, row % 4, w[tap]);
      start[o] -= c.zero() * w[tap];
    }
  }
}

// A row of the result for a block of channels. K, STRIDE: of the convolution; 0, 0: any.
template <int K, int STRIDE>
DQ_NOINLINE void row_of(const ConvJob &job, int y, int block) {
  constexpr int PIXELS = K ? Columns::PIXELS : 1;
  const CodeConv &c = job.conv;
  const int k = K ? K : c.kernel, stride = K ? STRIDE : c.stride,
            words = K ? (K + 3) / 4 : fours(c);
  const ptrdiff_t row = job.x.row(), pixel = job.x.c;
  const int channel = block * kChannelBlock, left = c.c_out - channel;
  const int count = left < kChannelBlock ? left : kChannelBlock;
  const int32_t *start = (const int32_t *)job.packed + channel;
  const uint8_t *weights = (const uint8_t *)job.packed + start_bytes(c) + block * block_bytes(c);
  const uint8_t *codes = job.x.begin() + ptrdiff_t(y) * stride * row + channel;
  alignas(64) int32_t results[kPixels][kChannelBlock];
  for (int first = 0; first < c.wo; first += kPixels) {
    const int pixels = c.wo - first < kPixels ? c.wo - first : kPixels;
    for (int x = 0; x < pixels; x += PIXELS, codes += PIXELS * stride * pixel) {
      Sums sums[PIXELS];
      DQ_UNROLL
      for (int p = 0; p < PIXELS; p++) sums[p] = load_sums(start);
      DQ_UNROLL
      for (int column = 0; column < (PIXELS - 1) * stride + k; column++) {
        DQ_UNROLL
        for (int i = 0; i < words; i++) {
          const int rows = k - 4 * i < 4 ? k - 4 * i : 4;
          const Columns::X at = Columns::x(codes + column * pixel + 4 * i * row, row, rows);
          DQ_UNROLL
          for (int p = 0; p < PIXELS; p++) {
            const int tap = column - p * stride;
            if (tap < 0 || tap >= k) continue;
            const uint8_t *w = weights + (tap * words + i) * Columns::WORD_BYTES;
            Columns::step(&sums[p], at, Columns::w(w));
          }
        }
      }
      DQ_UNROLL
      for (int p = 0; p < PIXELS; p++) store_sums(results[x + p], sums[p]);
    }
    finish_run(job.finish, results[0], kChannelBlock,
               {block, channel, count, y, first, c.wo, pixels});
  }
}

size_t no_scratch(const CodeConv &) { return 0; }

void run(const ConvJob &job, int part, int parts, void *) {
  const CodeConv &c = job.conv;
  auto *row = c.kernel != 3 ? row_of<0, 0> : c.stride == 1 ? row_of<3, 1> : row_of<0, 0>;
  if (c.kernel == 3 && c.stride == 2) row = row_of<3, 2>;
  // All channels of a row while it is in the first-level cache.
  const Share share(c.ho * c.blocks(), 1, part, parts);
  for (int i = share.first; i < share.last; i++) row(job, i / c.blocks(), i % c.blocks());
}

}  // namespace

extern const ConvKernel kDepthwise;
const ConvKernel kDepthwise = {"depthwise", can, packed_bytes, pack, no_scratch, run};

}  // namespace DQ_NS
