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
// pointwise.cc: 1x1 convolutions of codes for AVX-512. Pixels follow each other without gaps, and
// their windows are themselves: some of them by a panel of up to 4 blocks of channels are a tile,
// whose bytes are written pixel by pixel. A chunk of pixels passes all panels while its codes, and
// the lines of memory that it writes, are in the first-level cache.
//
// Packed: the sums to begin with [blocks][16] (what `zero` adds is taken off), then weights
// [panels][words][blocks of the panel][16][4].
#include "engine/pointwise.h"

#include "engine/finish_panel.h"
#include "engine/weight_words.h"

#if defined(DQ_ISA_AVX512)

namespace DQ_NS {

using namespace dq;

namespace {

constexpr int kGrain = 35;  // pixels: whole tiles of panels of 2, 3 and 4 blocks
constexpr int kChunkBytes = 96 << 10;
// Weights that do not stay in the second-level cache are read once for all pixels of a larger
// chunk.
constexpr size_t kStreamedBytes = 512 << 10;
constexpr int kLargeChunkBytes = 384 << 10;

// Pixels of a tile: sums, weights of a word and its codes fit 32 registers.
template <int Blocks>
constexpr int kPixels = Blocks == 4   ? 5
                        : Blocks == 1 ? 14
                                      : 7;

int words_of(const CodeConv &c) { return (c.c_in + 3) / 4; }

// Blocks of a panel: such that all are equal, if possible.
int panel_blocks(const CodeConv &c) { return c.blocks() % 4 && c.blocks() % 3 == 0 ? 3 : 4; }
int panels_of(const CodeConv &c) { return (c.blocks() + panel_blocks(c) - 1) / panel_blocks(c); }

size_t start_bytes(const CodeConv &c) { return size_t(c.blocks()) * kChannelBlock * 4; }

bool can(const CodeConv &c) {
  return c.kernel == 1 && c.stride == 1 && c.padding == 0 && c.groups == 1;
}

size_t packed_bytes(const CodeConv &c) {
  return start_bytes(c) + size_t(c.blocks()) * size_t(words_of(c)) * Dot::WORD_BYTES;
}

void pack(const CodeConv &c, void *packed) {
  int32_t *start = (int32_t *)packed;
  uint8_t *words = (uint8_t *)packed + start_bytes(c);
  for (int block = 0; block < c.blocks(); block++) {
    const int which = block % panel_blocks(c), first = block - which;
    const int left = c.blocks() - first;
    const int apart = left < panel_blocks(c) ? left : panel_blocks(c);
    const WeightBlock weights(c, 0, block);
    weights.sums(-c.zero(), start + block * kChannelBlock);
    uint8_t *to = words + (size_t(first) * words_of(c) + which) * Dot::WORD_BYTES;
    pack_block<Dot>(c, weights, apart, to);
  }
}

// The sums of `Pixels` pixels at x[]. The last of them may be the same ones.
template <int Pixels, int Blocks>
DQ_INLINE void sum_tile(const uint8_t *(&x)[Pixels], int words, const int32_t *start,
                        const uint8_t *w, const Stream &stream, int32_t *to) {
  Sums sums[Pixels][Blocks];
  DQ_UNROLL
  for (int p = 0; p < Pixels; p++) {
    DQ_UNROLL
    for (int b = 0; b < Blocks; b++) sums[p][b] = load_sums(start + 16 * b);
  }
  pass_words<Dot>(x, words, w, stream, sums);
  DQ_UNROLL
  for (int p = 0; p < Pixels; p++) {
    DQ_UNROLL
    for (int b = 0; b < Blocks; b++) store_sums(to + 16 * (p * Blocks + b), sums[p][b]);
  }
}

// Pixels [first, last) of the panel of `Blocks` blocks from `block` on.
template <int Pixels, int Blocks>
DQ_NOINLINE void strip(const ConvJob &job, int block, int first, int last) {
  constexpr int kWord = Blocks * Dot::WORD_BYTES;
  const CodeConv &c = job.conv;
  const int words = words_of(c), channel = block * kChannelBlock, left = c.c_out - channel;
  const int32_t *start = (const int32_t *)job.packed + channel;
  const uint8_t *w = (const uint8_t *)job.packed + start_bytes(c) +
                     size_t(block) * size_t(words) * Dot::WORD_BYTES;
  const Run run = {
      block, channel, left < 16 * Blocks ? left : 16 * Blocks, first / c.wo, first % c.wo, c.wo, 0};
  with_finish<Blocks>(job.finish, [&](auto kind) {
    typename decltype(kind)::Type finish(job.finish, run);
    Stream stream(packed_bytes(c), w + size_t(words) * kWord, kWord,
                  (last - first + Pixels - 1) / Pixels);
    alignas(64) int32_t sums[Pixels * Blocks * 16];
    const uint8_t *codes = job.x.data + ptrdiff_t(first) * c.c_in;
    for (int pixel = first; pixel < last; pixel += Pixels, codes += Pixels * ptrdiff_t(c.c_in)) {
      const int some = last - pixel < Pixels ? last - pixel : Pixels;
      const uint8_t *x[Pixels];
      x[0] = codes;
      DQ_UNROLL
      for (int p = 1; p < Pixels; p++) x[p] = x[p - 1] + (p < some ? c.c_in : 0);
      sum_tile<Pixels, Blocks>(x, words, start, w, stream, sums);
      stream.pass(words);
      finish.next(sums, some);
    }
  });
}

template <int Blocks>
void panel(const ConvJob &job, int block, int first, int last) {
  if (last - first == 1) return strip<1, Blocks>(job, block, first, last);
  strip<kPixels<Blocks>, Blocks>(job, block, first, last);
}

void run(const ConvJob &job, int part, int parts, void *) {
  const CodeConv &c = job.conv;
  const int pixels = c.ho * c.wo, panels = panels_of(c), of_panel = panel_blocks(c);
  // Where pixels are few, weights are shared out, unless pixels are shared more evenly.
  const int tile = kPixels<4>;
  const bool few = pixels < 4 * kGrain * parts, very_few = pixels < 4 * tile * parts;
  const bool even = panels % parts == 0 || panels >= 4 * parts;
  const bool by_panel = few && panels >= parts && (even || very_few);
  const Share channels(panels, 1, by_panel ? part : 0, by_panel ? parts : 1);
  const Share area(pixels, few ? tile : kGrain, by_panel ? 0 : part, by_panel ? 1 : parts);
  const int bytes = packed_bytes(c) > kStreamedBytes ? kLargeChunkBytes : kChunkBytes;
  const int grains = bytes / (kGrain * (c.c_in + c.c_out));
  const int chunk = kGrain * (grains < 1 ? 1 : grains);
  for (int first = area.first; first < area.last; first += chunk) {
    const int last = area.last - first < chunk ? area.last : first + chunk;
    for (int at = channels.first; at < channels.last; at++) {
      const int block = at * of_panel, left = c.blocks() - block;
      auto *body = panel<1>;
      if (left > 1) body = panel<2>;
      if (left > 2) body = panel<3>;
      if (left > 3 && of_panel == 4) body = panel<4>;
      body(job, block, first, last);
    }
  }
}

size_t no_scratch(const CodeConv &) { return 0; }

}  // namespace

extern const ConvKernel kPointwise;
const ConvKernel kPointwise = {"pointwise", can, packed_bytes, pack, no_scratch, run};

}  // namespace DQ_NS

#endif
