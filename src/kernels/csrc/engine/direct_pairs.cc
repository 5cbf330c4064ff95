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
// direct_pairs.cc: the direct convolution of 8-bit codes with 8-bit weights for AVX2, whose
// vpmaddubsw adds the products of two neighbours in 16 bits and saturates. Few pairs of weights are
// so large that they could leave 16 bits. Such a pair is halved, and a second word with the other
// halves follows the one that it is in: a few words more, but three instructions each for 32
// products, where exact 16-bit operands take four.
//
// Packed: the sums to begin with [blocks][16], the last word of each block [blocks], then where a
// word's codes lie from the pixel's first one [words], 64-byte aligned, and weights [words][16][4].
#include "engine/direct_pairs.h"

#include "engine/weight_words.h"

#if defined(DQ_ISA_AVX2)

namespace DQ_NS {

using namespace dq;

namespace {

constexpr int kPixels = Dot::PIXELS1;
constexpr int kMostExtra = 30;  // percent of words that may be doubled

size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

bool is_large(int a, int b, int top) {
  const int above = (a > 0 ? a : 0) + (b > 0 ? b : 0), below = (a < 0 ? a : 0) + (b < 0 ? b : 0);
  return above * top > INT16_MAX || below * top < INT16_MIN;
}

// Whether a word of a block has to be doubled. Its 4 weights of a channel belong to one tap.
bool is_doubled(const CodeConv &c, int block, int tap, int word) {
  const int taps = c.kernel * c.kernel;
  for (int o = block * kChannelBlock; o < (block + 1) * kChannelBlock && o < c.c_out; o++) {
    const int8_t *w = c.weight + (size_t(o) * c.c_in + 4 * word) * taps + tap;
    if (is_large(w[0], w[taps], c.top()) || is_large(w[2 * taps], w[3 * taps], c.top()))
      return true;
  }
  return false;
}

int words_without(const CodeConv &c) { return c.blocks() * c.kernel * c.kernel * (c.c_in / 4); }

int words_of(const CodeConv &c) {
  int words = words_without(c);
  for (int block = 0; block < c.blocks(); block++)
    for (int tap = 0; tap < c.kernel * c.kernel; tap++)
      for (int word = 0; word < c.c_in / 4; word++) words += is_doubled(c, block, tap, word);
  return words;
}

bool can(const CodeConv &c) {
  const WeightRange range(c);
  if (c.groups != 1 || c.c_in % 4 || Dot::fits(c.top(), range.least, range.most)) return false;
  const int64_t without = words_without(c);
  return int64_t(words_of(c) - without) * 100 <= without * kMostExtra;
}

// Where the parts of what is packed begin.
struct Packed {
  int32_t *start, *end, *offset;
  uint8_t *words;
  size_t bytes;
  // count: of words; 0: what pack() wrote
  Packed(const CodeConv &c, const void *packed, int count) {
    uint8_t *at = (uint8_t *)packed;
    start = (int32_t *)at;
    end = start + c.blocks() * kChannelBlock;
    const size_t table = rounded(size_t(c.blocks()) * (kChannelBlock + 1) * sizeof(int32_t));
    offset = (int32_t *)(at + table);
    count = count ? count : end[c.blocks() - 1];
    const size_t offsets = rounded(size_t(count) * sizeof(int32_t));
    words = at + table + offsets;
    bytes = table + offsets + size_t(count) * Dot::WORD_BYTES;
  }
};

size_t packed_bytes(const CodeConv &c) { return Packed(c, nullptr, words_of(c)).bytes; }

void pack(const CodeConv &c, void *packed) {
  const Window window(c);
  const Packed to(c, packed, words_of(c));
  std::memset(packed, 0, to.bytes);
  const int row = (c.w + 2 * c.padding) * c.c_in;
  int at = 0;
  for (int block = 0; block < c.blocks(); block++) {
    const WeightBlock weights(c, 0, block);
    weights.sums(-c.zero(), to.start + block * kChannelBlock);
    each_word(c, window, [&](int step, const WordPlaces &places) {
      uint32_t words[kChannelBlock];
      weights.take(places, words);
      int8_t halves[2][kChannelBlock][4];
      int copies = 1;
      for (int lane = 0; lane < kChannelBlock; lane++) {
        const int8_t *w = (const int8_t *)&words[lane];
        for (int i = 0; i < 4; i++) {
          const bool large = is_large(w[i & ~1], w[i | 1], c.top());
          if (large) copies = 2;
          halves[0][lane][i] = int8_t(large ? w[i] / 2 : w[i]);
          halves[1][lane][i] = int8_t(w[i] - halves[0][lane][i]);
        }
      }
      for (int i = 0; i < copies; i++, at++) {
        uint8_t *word = to.words + size_t(at) * Dot::WORD_BYTES;
        for (int lane = 0; lane < kChannelBlock; lane++) Dot::put(word, lane, halves[i][lane]);
        to.offset[at] = step / window.words * row + step % window.words * 4;
      }
    });
    to.end[block] = at;
  }
}

// Pixels [first, last) of a block of channels.
DQ_NOINLINE void strip(const ConvJob &job, int block, int first, int last) {
  const CodeConv &c = job.conv;
  const Packed from(c, job.packed, 0);
  const int begin = block ? from.end[block - 1] : 0, end = from.end[block];
  const int channel = block * kChannelBlock, left = c.c_out - channel;
  const int count = left < kChannelBlock ? left : kChannelBlock;
  while (first < last) {
    const int pixels = last - first < kPixels ? last - first : kPixels;
    const uint8_t *x[kPixels];
    DQ_UNROLL
    for (int p = 0; p < kPixels; p++) {
      const int at = first + (p < pixels ? p : pixels - 1);
      x[p] = job.x.begin() + (at / c.wo * job.x.row() + ptrdiff_t(at % c.wo) * job.x.c) * c.stride;
    }
    Sums sums[kPixels];
    DQ_UNROLL
    for (int p = 0; p < kPixels; p++) sums[p] = load_sums(from.start + channel);
    const uint8_t *words = from.words + size_t(begin) * Dot::WORD_BYTES;
    for (int i = begin; i < end; i++, words += Dot::WORD_BYTES) {
      const Dot::W w = Dot::w(words);
      const ptrdiff_t offset = from.offset[i];
      DQ_UNROLL
      for (int p = 0; p < kPixels; p++) Dot::step(&sums[p], Dot::x(x[p] + offset), w);
    }
    alignas(64) int32_t results[kPixels][kChannelBlock];
    DQ_UNROLL
    for (int p = 0; p < kPixels; p++) store_sums(results[p], sums[p]);
    finish_run(job.finish, results[0], kChannelBlock,
               {block, channel, count, first / c.wo, first % c.wo, c.wo, pixels});
    first += pixels;
  }
}

size_t no_scratch(const CodeConv &) { return 0; }

void run(const ConvJob &job, int part, int parts, void *) {
  const CodeConv &c = job.conv;
  const int pixels = c.ho * c.wo;
  // The weights of large layers of few pixels are shared out, else the pixels.
  const bool by_channel = c.blocks() >= parts && pixels < 16 * kPixels * parts;
  const Share channels(c.blocks(), 1, by_channel ? part : 0, by_channel ? parts : 1);
  const Share area(pixels, kPixels, by_channel ? 0 : part, by_channel ? 1 : parts);
  for (int block = channels.first; block < channels.last; block++)
    strip(job, block, area.first, area.last);
}

}  // namespace

extern const ConvKernel kDirectPairs;
const ConvKernel kDirectPairs = {"direct pairs", can, packed_bytes, pack, no_scratch, run};

}  // namespace DQ_NS

#endif
