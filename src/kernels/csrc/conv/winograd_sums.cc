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

// winograd_sums.cc: the transforms of dy and of the sums for winograd_sums.h.
#include "conv/winograd_sums.h"

namespace DQ_NS {

WinogradSums winograd_sums(const ConvShape &s, int ov, int blocks, int images) {
  WinogradSums g = {};
  g.tiles = winograd_tiles(s.ic, s.h, s.w, s.pad, s.ho, s.wo, images);
  g.rows = s.ho, g.cols = s.wo;
  g.ov = ov, g.blocks = blocks, g.block = ov * LANES;
  g.position = position_stride((size_t)g.tiles.count * g.block);
  return g;
}

// The four values of A (a, b)^T.
DQ_INLINE void spread(F a, F b, F *out) {
  out[0] = a, out[1] = add(a, b), out[2] = sub(a, b), out[3] = sub(set(0.f), b);
}

// A dy A^T of a tile row: dy is [row][column][output in block], and 0 beyond the last row and
// column.
static void transform_dy(const WinogradSums &g, const float *dy, int tile_row, float *out) {
  const int row = 2 * tile_row;
  const auto at = [&](int r, int c, int v) {
    if (r >= g.rows || c >= g.cols) return set(0.f);
    return load(dy + ((size_t)r * g.cols + c) * g.block + v * LANES);
  };
  for (int c = 0; c < g.cols; c += 2, out += g.block) {
    for (int v = 0; v < g.ov; v++) {
      F top[4], bottom[4], column[4];
      spread(at(row, c, v), at(row, c + 1, v), top);
      spread(at(row + 1, c, v), at(row + 1, c + 1, v), bottom);
      for (int i = 0; i < 4; i++) {
        spread(top[i], bottom[i], column);
        for (int j = 0; j < 4; j++) store(out + (4 * j + i) * g.position + v * LANES, column[j]);
      }
    }
  }
}

template <int OV>
static void add_products(const WinogradSums &g, const TileBuffers &b, int tiles, int block,
                         const float *dy_tiles, float *sums) {
  constexpr int STEP = OV == 1 ? 2 * DW_I1 : DW_I1;
  const TileWork t = {1, 0, 1, tiles, 1, 0, 0, 0, g.tiles.channel, g.block, 0};
  for (int p = 0; p < POSITIONS; p++) {
    const float *v = b.v + p * g.tiles.position, *dy = dy_tiles + p * g.position;
    float *acc = sums + ((size_t)p * g.blocks + block) * g.tiles.channels * g.block;
    int c = 0;
    for (; c + STEP <= g.tiles.channels; c += STEP) {
      grad_tile<STEP, 1, OV>(t, v + (size_t)c * g.tiles.channel, dy, acc + (size_t)c * g.block);
    }
    for (; c < g.tiles.channels; c++) {
      grad_tile<1, 1, OV>(t, v + (size_t)c * g.tiles.channel, dy, acc + (size_t)c * g.block);
    }
  }
}

void add_winograd(const WinogradSums &g, const TileBuffers &b, int images, const float *dyt,
                  size_t dyt_image, float *dy_tiles, float *sums) {
  const Tiles &t = g.tiles;
  for (int i = 0; i < t.tile_rows; i += t.block_rows) {
    const int rows = imin(t.block_rows, t.tile_rows - i);
    transform_tiles(t, b, images, i, rows);
    for (int block = 0; block < g.blocks; block++) {
      float *out = dy_tiles;
      for (int m = 0; m < images; m++) {
        const float *image = dyt + m * dyt_image + (size_t)block * g.rows * g.cols * g.block;
        for (int r = 0; r < rows; r++, out += t.tile_cols * g.block)
          transform_dy(g, image, i + r, out);
      }
      const int tiles = images * rows * t.tile_cols;
      if (g.ov == 1)
        add_products<1>(g, b, tiles, block, dy_tiles, sums);
      else
        add_products<DW_OV>(g, b, tiles, block, dy_tiles, sums);
    }
  }
}

// G^T: four values into three.
DQ_INLINE void gather_three(F a, F b, F c, F d, F *out) {
  const F half = set(0.5f), even = mul(add(b, c), half);
  out[0] = add(a, even), out[1] = mul(sub(b, c), half), out[2] = add(even, d);
}

void winograd_taps(int ov, const float *sums, float *taps) {
  const int block = ov * LANES;
  for (int o = 0; o < block; o += LANES) {
    const auto at = [&](int p) { return load(sums + p * block + o); };
    F half[4][3], tap[3];  // G^T along the columns
    for (int i = 0; i < 4; i++) gather_three(at(i), at(4 + i), at(8 + i), at(12 + i), half[i]);
    for (int r = 0; r < 3; r++) {
      gather_three(half[0][r], half[1][r], half[2][r], half[3][r], tap);
      for (int c = 0; c < 3; c++) store(taps + (3 * r + c) * block + o, tap[c]);
    }
  }
}

}  // namespace DQ_NS
