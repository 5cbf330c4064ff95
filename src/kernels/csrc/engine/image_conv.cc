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
// image_conv.cc: see image_conv.h; compiled once per instruction set. A tile is some pixels by 16
// channels; the window passes once for each pair of pieces, whose sums are added up in 64 bits.
//
// Packed: weights [w_pieces][blocks][rows of the window][words of 2 channels][16][2].
#include "engine/image_conv.h"

#include "engine/tile.h"

namespace DQ_NS {

using namespace dq;

namespace {

constexpr int kPixels = PieceDot::PIXELS;

Window window_of(const ImageConv &c) { return {c.kernel, (c.kernel * kImageChannels + 1) / 2}; }

size_t packed_bytes(const ImageConv &c) {
  return size_t(c.w_pieces) * c.blocks() * window_of(c).steps() * PieceDot::WORD_BYTES;
}

void pack(const ImageConv &c, const int16_t *weight, void *packed) {
  std::memset(packed, 0, packed_bytes(c));
  const Window window = window_of(c);
  const int k = c.kernel;
  for (int piece = 0; piece < c.w_pieces; piece++)
    for (int o = 0; o < c.c_out; o++)
      for (int i = 0; i < kImageChannels; i++)
        for (int tap = 0; tap < k * k; tap++, weight++) {
          const int value = tap % k * kImageChannels + i;  // of a row of the window
          const size_t block = size_t(piece) * c.blocks() + o / kChannelBlock;
          const size_t word = block * window.steps() + size_t(tap / k) * window.words + value / 2;
          ((int16_t *)packed)[word * 32 + o % kChannelBlock * 2 + value % 2] = *weight;
        }
}

int32_t saturated(int64_t v) {
  v = v < INT32_MIN ? INT32_MIN : v;
  return int32_t(v > INT32_MAX ? INT32_MAX : v);
}

// kPixels pixels from `first`, of which `count` are wanted.
DQ_NOINLINE void tile(const ImageJob &job, int block, int first, int count) {
  const ImageConv &c = job.conv;
  const Window window = window_of(c);
  const ptrdiff_t row = job.x[0].row(), pixel = job.x[0].c;
  ptrdiff_t offset[kPixels];
  int ys[kPixels], xs[kPixels];
  for (int p = 0; p < kPixels; p++) {
    const int at = first + (p < count ? p : count - 1);
    ys[p] = at / c.wo;
    xs[p] = at % c.wo;
    offset[p] = (ys[p] * row + xs[p] * pixel) * c.stride;
  }
  alignas(64) int64_t total[kPixels][kChannelBlock] = {};
  alignas(64) static const int32_t kStart[kChannelBlock] = {};
  for (int i = 0; i < c.x_pieces; i++)
    for (int j = 0; j < c.w_pieces; j++) {
      const uint8_t *x[kPixels];
      for (int p = 0; p < kPixels; p++) x[p] = job.x[i].begin() + offset[p];
      const size_t at = (size_t(j) * c.blocks() + block) * window.steps() * PieceDot::WORD_BYTES;
      const uint8_t *w = (const uint8_t *)job.packed + at;
      Sums sums[kPixels][1];
      sum_up<PieceDot, kPixels, 1>(x, window, 0, 1, row, kStart, w, {0, w, 0, 1}, sums);
      const int shift = i * c.x_bits + j * c.w_bits;
      alignas(64) int32_t part[kChannelBlock];
      for (int p = 0; p < kPixels; p++) {
        store_sums(part, sums[p][0]);
        for (int n = 0; n < kChannelBlock; n++)
          total[p][n] += int64_t(part[n]) * (int64_t(1) << shift);
      }
    }
  const int64_t half = (int64_t(1) << c.shift) >> 1;
  const int channel = block * kChannelBlock;
  const int lanes = c.c_out - channel < kChannelBlock ? c.c_out - channel : kChannelBlock;
  for (int p = 0; p < count; p++) {
    alignas(64) int32_t y[kChannelBlock];
    for (int n = 0; n < kChannelBlock; n++) y[n] = saturated((total[p][n] + half) >> c.shift);
    finish(job.finish, load_sums(y), {block, channel, lanes, ys[p], xs[p], first + p});
  }
}

void run(const ImageJob &job, int first, int last) {
  for (int at = first; at < last; at += kPixels)
    for (int block = 0; block < job.conv.blocks(); block++)
      tile(job, block, at, last - at < kPixels ? last - at : kPixels);
}

}  // namespace

extern const ImageKernel kImageKernel;
const ImageKernel kImageKernel = {packed_bytes, pack, run};

}  // namespace DQ_NS
