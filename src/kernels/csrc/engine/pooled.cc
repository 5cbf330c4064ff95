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
// pooled.cc: see pooled.h; compiled once per instruction set.
#include "engine/pooled.h"

#include "engine/finish.h"

namespace DQ_NS {

using namespace dq;

namespace {

constexpr size_t kBandBytes = 256 << 10;  // of sums: the second-level cache keeps them

int least_of(int a, int b) { return a < b ? a : b; }
int most_of(int a, int b) { return a > b ? a : b; }

// How the scratch memory of a caller is used. Sums of a pixel are followed by those of the next; a
// block of channels may be read beyond the last one.
struct Layout {
  size_t row;           // values of a row of sums
  int band;             // pooled rows whose sums are in memory at once
  size_t sums, pooled;  // bytes
  explicit Layout(const PooledConv &p) : row(size_t(p.job.conv.wo) * p.job.conv.c_out) {
    const int rows = int(kBandBytes / (row * sizeof(int32_t)));
    band = most_of(1, (rows - p.size) / p.stride + 1);
    const int64_t band_rows = int64_t(band - 1) * p.stride + p.size;  // a window may be larger
    const size_t held = size_t(band_rows < p.job.conv.ho ? band_rows : p.job.conv.ho);
    sums = (row * held + kChannelBlock) * sizeof(int32_t);
    sums = (sums + 63) / 64 * 64;
    pooled = size_t(p.wo) * kChannelBlock * sizeof(int32_t);
  }
};

size_t scratch_bytes(const PooledConv &p) {
  const Layout l(p);
  return l.sums + l.pooled + p.kernel->scratch_bytes(p.job.conv);
}

// Rows [first, last) of the convolution's sums to `sums`.
void sum_rows(const PooledConv &p, int first, int last, int32_t *sums, void *scratch) {
  ConvJob job = p.job;
  CodeTensor &x = job.x;
  x.data += ptrdiff_t(first) * job.conv.stride * x.row();
  x.h = (last - first - 1) * job.conv.stride + job.conv.kernel - 2 * x.border;
  job.conv.ho = last - first;
  job.finish = {};
  job.finish.c = job.conv.c_out;
  job.finish.wide = sums;
  job.finish.sums_alone = true;
  p.kernel->run(job, 0, 1, scratch);
}

typedef int32_t Lanes __attribute__((vector_size(4 * kChannelBlock), aligned(4)));

// All bits of the channels of a block whose values fall as sums rise: with these turned, the
// largest sum is the one wanted.
DQ_INLINE void turned_of(const Finish &f, int block, Lanes *turned) {
  for (int lane = 0; lane < kChannelBlock; lane++)
    (*turned)[lane] = f.multiplier[even_first(block * kChannelBlock + lane)] < 0 ? -1 : 0;
}

// Row y of a block of channels. sums: of row `top` of the convolution, and what follows.
void pool_row(const PooledConv &p, int y, int block, const int32_t *sums, int top,
              int32_t *pooled) {
  const CodeConv &c = p.job.conv;
  Lanes turned;
  turned_of(p.job.finish, block, &turned);
  const int above = y * p.stride - p.padding, from_row = most_of(above, 0);
  const int rows = least_of(above + p.size, c.ho) - from_row;
  const size_t row = size_t(c.wo) * c.c_out;
  sums += size_t(from_row - top) * row + size_t(block) * kChannelBlock;
  for (int x = 0; x < p.wo; x++) {
    const int left = x * p.stride - p.padding, from = most_of(left, 0);
    const int columns = least_of(left + p.size, c.wo) - from;
    const int32_t *at = sums + size_t(from) * c.c_out;
    Lanes most = *(const Lanes *)at ^ turned;
    for (int i = 0; i < rows; i++)
      for (int j = 0; j < columns; j++) {
        const Lanes sum = *(const Lanes *)(at + i * row + size_t(j) * c.c_out) ^ turned;
        most = sum > most ? sum : most;
      }
    *(Lanes *)(pooled + x * kChannelBlock) = most ^ turned;
  }
}

void run(const PooledConv &p, int first, int last, void *scratch) {
  const CodeConv &c = p.job.conv;
  const Layout l(p);
  int32_t *sums = (int32_t *)scratch;
  int32_t *pooled = (int32_t *)((uint8_t *)scratch + l.sums);
  void *rest = (uint8_t *)scratch + l.sums + l.pooled;
  int top = 0, done = 0;  // rows [top, done) of the convolution are in memory
  for (int y = first; y < last; y += l.band) {
    const int end = least_of(y + l.band, last);
    const int from = most_of(y * p.stride - p.padding, 0);
    const int to = least_of((end - 1) * p.stride - p.padding + p.size, c.ho);
    const int kept = y > first ? most_of(done - from, 0) : 0;
    if (kept) std::memmove(sums, sums + (from - top) * l.row, kept * l.row * sizeof(int32_t));
    top = from;
    done = to;
    if (from + kept < to) sum_rows(p, from + kept, to, sums + kept * l.row, rest);
    for (int row = y; row < end; row++)
      for (int block = 0; block < c.blocks(); block++) {
        pool_row(p, row, block, sums, top, pooled);
        const int channel = block * kChannelBlock;
        finish_run(
            p.job.finish, pooled, kChannelBlock,
            {block, channel, least_of(c.c_out - channel, kChannelBlock), row, 0, p.wo, p.wo});
      }
  }
}

}  // namespace

extern const PooledKernel kPooledKernel;
const PooledKernel kPooledKernel = {scratch_bytes, run};

}  // namespace DQ_NS
