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

// winograd_tiles.cc: the transform of a source's tiles.
#include "conv/winograd_tiles.h"

namespace DQ_NS {

// A block's V stays in the second-level cache, but has tiles enough for the GEMM.
constexpr int MOST_TILES = 256, FEWEST_TILES = 48, V_BYTES = 256 << 10;

Tiles winograd_tiles(int channels, int h, int w, int pad, int rows, int cols, int images) {
  Tiles t = {};
  t.channels = channels, t.images = images;
  t.tile_rows = (rows + 1) / 2, t.tile_cols = (cols + 1) / 2;
  const int fitting = V_BYTES / (POSITIONS * (int)sizeof(float) * channels);
  const int wanted = imin(MOST_TILES, imax(FEWEST_TILES, fitting));
  t.block_rows = imax(1, imin(t.tile_rows, wanted / (images * t.tile_cols)));
  t.count = images * t.block_rows * t.tile_cols;
  t.channel = round_up(t.count, LANES) + LANES;
  t.position = position_stride((size_t)channels * t.channel);
  t.map = input_map(h, w, 2 * t.tile_rows + 2, 2 * t.tile_cols + 2, 1, pad, 1, 1);
  return t;
}

// Elements of one of the eight runs of B^T d: four positions of even rows, four of odd ones.
DQ_INLINE size_t half_size(const Tiles &t) {
  return round_up((t.block_rows + 1) * t.tile_cols, LANES) + LANES;
}

TileBuffers tile_buffers(const Tiles &t, int thread, int slot) {
  const size_t planes = (size_t)t.images * t.channels * t.map.channel() + 8 * LANES;
  const TileBuffers b = {scratch<int32_t>(thread, slot, planes),
                         scratch<float>(thread, slot + 1, 8 * half_size(t)),
                         scratch<float>(thread, slot + 2, POSITIONS * t.position + LANES)};
  memset(b.planes, 0, planes * sizeof(int32_t));
  return b;
}

// B^T along a row of the source: a run of values per position. What is written beyond a row is
// written again by the next one, or lies in the slack behind the last.
static void transform_row(const float *row, int tiles, float *out, size_t run) {
  for (int i = 0; i < tiles; i += LANES) {
    const auto every_second_from = [&](int first) {
      const float *p = row + 2 * i + first;
      return as_float(every_second(iload(p), iload(p + LANES)));
    };
    const F d0 = every_second_from(0), d1 = every_second_from(1), d2 = every_second_from(2),
            d3 = every_second_from(3);
    store(out + i, sub(d0, d2));
    store(out + run + i, add(d1, d2));
    store(out + 2 * run + i, sub(d2, d1));
    store(out + 3 * run + i, sub(d1, d3));
  }
}

// B^T along the columns, for one position of the rows.
static void transform_columns(const Tiles &t, const float *even, const float *odd, int tiles,
                              float *v) {
  for (int i = 0; i < tiles; i += LANES) {
    const F d0 = load(even + i), d1 = load(odd + i);
    const F d2 = load(even + t.tile_cols + i), d3 = load(odd + t.tile_cols + i);
    store(v + i, sub(d0, d2));
    store(v + 4 * t.position + i, add(d1, d2));
    store(v + 8 * t.position + i, sub(d2, d1));
    store(v + 12 * t.position + i, sub(d1, d3));
  }
}

void transform_tiles(const Tiles &t, const TileBuffers &b, int images, int first, int rows) {
  const size_t run = half_size(t);
  const int tiles = rows * t.tile_cols;
  float *odd = b.halves + 4 * run;
  for (int m = 0; m < images; m++) {
    for (int c = 0; c < t.channels; c++) {
      const float *row = (const float *)b.planes + ((size_t)m * t.channels + c) * t.map.channel();
      row += (size_t)2 * first * t.map.row_len;
      for (int r = 0; r <= rows; r++, row += 2 * t.map.row_len) {
        transform_row(row, t.tile_cols, b.halves + r * t.tile_cols, run);
        transform_row(row + t.map.row_len, t.tile_cols, odd + r * t.tile_cols, run);
      }
      float *v = b.v + (size_t)c * t.channel + m * tiles;
      for (int p = 0; p < 4; p++) {
        transform_columns(t, b.halves + p * run, odd + p * run, tiles, v + p * t.position);
      }
    }
  }
}

}  // namespace DQ_NS
