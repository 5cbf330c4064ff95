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
// direct.cc: the direct convolution of codes, compiled once per instruction set: any kernel, stride
// and groups. A tile is some pixels by one or two blocks of 16 channels of the result, whose sums
// stay in registers while the window passes; in an image without groups, the codes of a row of the
// window follow each other, so that it passes k * c_in bytes at once, 4 in each step.
//
// Packed: a header (steps of a chunk of 16-bit sums), the sums to begin with, of every channel
// (what `zero` and the arithmetic add to each byte is taken off again), then weights [blocks, one
// or two][rows of the window][words][block][16][4].
#include "engine/direct.h"

#include "engine/finish_panel.h"
#include "engine/row_tile.h"
#include "engine/weight_words.h"

namespace DQ_NS {

using namespace dq;

namespace {

constexpr size_t kHeaderBytes = 64;

size_t start_bytes(const CodeConv &c) { return size_t(c.blocks()) * kChannelBlock * 4; }

template <class A>
size_t packed_bytes(const CodeConv &c) {
  return kHeaderBytes + start_bytes(c) + size_t(c.blocks()) * Window(c).steps() * A::WORD_BYTES;
}

template <class A>
void pack(const CodeConv &c, void *packed) {
  std::memset(packed, 0, kHeaderBytes);
  if constexpr (A::CHUNKED) {
    const WeightRange range(c);
    *(int32_t *)packed = A::chunk(c.top(), range.least, range.most);
  }
  int32_t *start = (int32_t *)((uint8_t *)packed + kHeaderBytes);
  uint8_t *words = (uint8_t *)packed + kHeaderBytes + start_bytes(c);
  const Window window(c);
  for (int at = 0; at < c.blocks(); at++) {
    const int group = at / c.group_blocks(), block = at % c.group_blocks();
    const int apart = is_paired(c, block) ? 2 : 1, which = block % apart;
    const WeightBlock weights(c, group, block);
    weights.sums(A::SUBTRACTED - int(c.zero()), start + at * kChannelBlock);
    uint8_t *to = words + (size_t(at - which) * window.steps() + which) * A::WORD_BYTES;
    pack_block<A>(c, weights, apart, to);
  }
}

// The first `count` pixels of a tile, from (y, x) on.
struct TilePlace {
  int y, x, count;
};

// Sums as they are, of whole blocks.
template <int Pixels, int Blocks>
DQ_INLINE void keep_tile(const ConvJob &job, int channel, const TilePlace &at,
                         const Sums (&sums)[Pixels][Blocks]) {
  const int c = job.finish.c;
  int32_t *to = job.finish.wide + (size_t(at.y) * job.conv.wo + at.x) * c + channel;
  DQ_UNROLL
  for (int p = 0; p < Pixels; p++, to += c) {
    if (p == at.count) return;
    DQ_UNROLL
    for (int b = 0; b < Blocks; b++) store_sums(to + b * kChannelBlock, sums[p][b]);
  }
}

template <int Pixels, int Blocks, class Finisher>
DQ_INLINE void finish_tile(const ConvJob &job, int channel, const TilePlace &at,
                           const Sums (&sums)[Pixels][Blocks], Finisher *finisher) {
  if (job.finish.sums_alone && job.conv.channels() % (Blocks * kChannelBlock) == 0)
    return keep_tile(job, channel, at, sums);
  alignas(64) int32_t results[Pixels][Blocks][kChannelBlock];
  DQ_UNROLL
  for (int p = 0; p < Pixels; p++) {
    DQ_UNROLL
    for (int b = 0; b < Blocks; b++) store_sums(results[p][b], sums[p][b]);
  }
  finisher->next(results[0][0], at.count);
}

// `Blocks` blocks of channels from `block` of group `group` on, from pixel `first` on.
template <int Blocks>
Run run_of(const CodeConv &c, int group, int block, int first) {
  const int channel = block * kChannelBlock, left = c.channels() - channel;
  return {group * c.group_blocks() + block,
          group * c.channels() + channel,
          left < Blocks * kChannelBlock ? left : Blocks * kChannelBlock,
          first / c.wo,
          first % c.wo,
          c.wo,
          0};
}

// Pixels [first, last) of `Blocks` blocks of channels, from `block` of group `group`.
template <class A, int Pixels, int Blocks, class Finisher>
DQ_NOINLINE void strip_by(const ConvJob &job, int group, int block, int first, int last) {
  const CodeConv &c = job.conv;
  const uint8_t *packed = (const uint8_t *)job.packed;
  Window window(c);
  window.chunk = *(const int32_t *)packed;
  const ptrdiff_t row = job.x.row(), pixel_bytes = job.x.c;
  const int in_row = c.groups == 1 ? 1 : c.kernel;
  const ptrdiff_t next_row = row - (in_row - 1) * pixel_bytes;
  const int at = group * c.group_blocks() + block;
  const int32_t *start = (const int32_t *)(packed + kHeaderBytes) + at * kChannelBlock;
  const uint8_t *w =
      packed + kHeaderBytes + start_bytes(c) + size_t(at) * window.steps() * A::WORD_BYTES;
  const uint8_t *origin = job.x.begin() + group * c.c_in;
  const size_t steps = window.steps();
  Stream stream(packed_bytes<A>(c), w + steps * Blocks * A::WORD_BYTES, Blocks * A::WORD_BYTES,
                (last - first + Pixels - 1) / Pixels);
  const Run run = run_of<Blocks>(c, group, block, first);
  Finisher finisher(job.finish, run);
  int y = run.y, x = run.x;
  for (int pixel = first; pixel < last; pixel += Pixels) {
    const uint8_t *codes[Pixels];
    const int first_y = y, first_x = x;
    const int count = last - pixel < Pixels ? last - pixel : Pixels;
    DQ_UNROLL
    for (int p = 0; p < Pixels; p++) {
      codes[p] = origin + (ptrdiff_t(y) * row + ptrdiff_t(x) * pixel_bytes) * c.stride;
      if (p + 1 < count && ++x == c.wo) x = 0, y++;
    }
    if (++x == c.wo) x = 0, y++;
    Sums sums[Pixels][Blocks];
    sum_up<A, Pixels, Blocks>(codes, window, pixel_bytes, in_row, next_row, start, w, stream, sums);
    stream.pass(steps);
    finish_tile(job, run.first, {first_y, first_x, count}, sums, &finisher);
  }
}

template <class A, int Pixels, int Blocks>
void strip(const ConvJob &job, int group, int block, int first, int last) {
  with_finish<Blocks>(job.finish, [&](auto kind) {
    strip_by<A, Pixels, Blocks, typename decltype(kind)::Type>(job, group, block, first, last);
  });
}

// As strip(), of whole tiles in rows: sum_up(codes, row, start, weights, sums) of each.
template <class A, int Pixels, int Blocks, class Body>
DQ_INLINE void row_strip(const ConvJob &job, int block, int first, int last, const Body &sum_up) {
  const CodeConv &c = job.conv;
  const uint8_t *packed = (const uint8_t *)job.packed;
  const int32_t *start = (const int32_t *)(packed + kHeaderBytes) + block * kChannelBlock;
  const uint8_t *w =
      packed + kHeaderBytes + start_bytes(c) + block * Window(c).steps() * A::WORD_BYTES;
  const ptrdiff_t row = job.x.row();
  const Run run = run_of<Blocks>(c, 0, block, first);
  with_finish<Blocks>(job.finish, [&](auto kind) {
    typename decltype(kind)::Type finisher(job.finish, run);
    for (int at = first; at < last; at += Pixels) {
      const int y = at / c.wo, x = at % c.wo;
      Sums sums[Pixels][Blocks];
      sum_up(job.x.begin() + (y * row + ptrdiff_t(x) * c.c_in) * c.stride, row, start, w, sums);
      finish_tile(job, run.first, {y, x, Pixels}, sums, &finisher);
    }
  });
}

template <class A>
DQ_NOINLINE void strip_of_columns(const ConvJob &job, int block, int first, int last) {
  const int c_in = job.conv.c_in;
  row_strip<A, kRowPixels, 1>(
      job, block, first, last,
      [&](const uint8_t *x, ptrdiff_t row, const int32_t *start, const uint8_t *w,
          Sums(&sums)[kRowPixels][1]) { sum_up_row<A>(x, c_in, row, start, w, sums); });
}

template <class A, int Kernel, int Stride, int Pixels, int Blocks>
DQ_NOINLINE void strip_of_image(const ConvJob &job, int block, int first, int last) {
  row_strip<A, Pixels, Blocks>(job, block, first, last,
                               [&](const uint8_t *x, ptrdiff_t row, const int32_t *start,
                                   const uint8_t *w, Sums(&sums)[Pixels][Blocks]) {
                                 sum_up_image<A, Kernel, Stride>(x, row, start, w, sums);
                               });
}

// A kernel for strips of one block, or of two, of whole tiles of so many pixels; or none.
struct RowStrips {
  void (*body)(const ConvJob &, int block, int first, int last) = nullptr;
  int pixels = 1;
};

template <class A>
RowStrips row_strips([[maybe_unused]] const CodeConv &c, [[maybe_unused]] int blocks) {
  if constexpr (A::ROW_TILES) {
    if (blocks == 1 && is_in_row_tiles(c)) return {strip_of_columns<A>, kRowPixels};
    if (blocks == 1 && is_of_image(c, 3, 1, kRowPixels))
      return {strip_of_image<A, 3, 1, kRowPixels, 1>, kRowPixels};
    if (blocks == 2 && is_of_image(c, 7, 2, 7)) return {strip_of_image<A, 7, 2, 7, 2>, 7};
  }
  return {};
}

template <class A>
void run(const ConvJob &job, int part, int parts, void *) {
  const CodeConv &c = job.conv;
  const int pixels = c.ho * c.wo, pairs = c.groups * ((c.group_blocks() + 1) / 2);
  // The weights of large layers of few pixels are shared out, else the pixels.
  const bool by_channel = pairs >= parts && pixels < 16 * A::PIXELS2 * parts;
  const Share channels(pairs, 1, by_channel ? part : 0, by_channel ? parts : 1);
  const RowStrips one = row_strips<A>(c, 1), two = row_strips<A>(c, 2);
  const int grain = one.body ? one.pixels : two.body ? two.pixels : A::PIXELS2;
  const Share area(pixels, grain, by_channel ? 0 : part, by_channel ? 1 : parts);
  if (area.first >= area.last) return;
  const int in_group = (c.group_blocks() + 1) / 2;
  for (int pair = channels.first; pair < channels.last; pair++) {
    const int group = pair / in_group, block = pair % in_group * 2;
    const bool paired = is_paired(c, block);
    if (const auto body = paired ? two.body : one.body) {
      body(job, block, area.first, area.last);
    } else if (!paired) {
      strip<A, A::PIXELS1, 1>(job, group, block, area.first, area.last);
    } else if (c.wo % 7 == 0 && c.wo % 8) {
      strip<A, A::PIXELS2_OF_7, 2>(job, group, block, area.first, area.last);
    } else {
      strip<A, A::PIXELS2, 2>(job, group, block, area.first, area.last);
    }
  }
}

template <class A>
bool can(const CodeConv &c) {
  if (c.depthwise()) return false;
  const WeightRange range(c);  // any two weights are neighbours in some order of packing
  return A::fits(c.top(), range.least, range.most);
}

size_t no_scratch(const CodeConv &) { return 0; }

}  // namespace

extern const ConvKernel kDirect, kDirectAny;
const ConvKernel kDirect = {"direct", can<Dot>, packed_bytes<Dot>, pack<Dot>, no_scratch, run<Dot>};
const ConvKernel kDirectAny = {"direct16",   can<DotAny>, packed_bytes<DotAny>,
                               pack<DotAny>, no_scratch,  run<DotAny>};

#if defined(DQ_ISA_AVX2)
extern const ConvKernel kDirectChunks;
const ConvKernel kDirectChunks = {"direct chunks", can<DotChunks>, packed_bytes<DotChunks>,
                                  pack<DotChunks>, no_scratch,     run<DotChunks>};
#endif

}  // namespace DQ_NS
