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

// winograd.h: forward pass and data gradient by Winograd's F(2x2, 3x3) (winograd_tiles.h). Each of
// the 16 positions is a product of matrices, which the offset GEMM does with tiles in place of
// pixels. The data gradient is a convolution of dy with turned weights.
#pragma once
#include "conv/gemm.h"
#include "conv/winograd_tiles.h"

namespace DQ_NS {

constexpr int CHUNK = 48;  // tiles that go through all positions before A^T is applied

struct Winograd {
  Tiles tiles;
  bool backward;
  int outputs, rows;  // channels and rows of the results
  const int *offset;  // [channels]: elements from the first channel of V
  int blocks() const { return (outputs + OB - 1) / OB; }
  size_t weights() const { return (size_t)blocks() * POSITIONS * tiles.channels * OB; }
};

// images: of a pass at most. backward: from dy to dx. Until the next one.
Winograd winograd(const ConvShape &s, int images, bool backward);

// G w G^T, [block of OB outputs][position][channel][OB]. w: as ConvShape has it.
void winograd_weights(const Winograd &g, const float *w, float *out);

struct WinogradBuffers {
  TileBuffers tiles;
  float *sums;     // over channels, [position][OB][CHUNK]
  float *results;  // [OB][even rows, odd rows][2 * tiles.channel]
};
// One per thread.
WinogradBuffers *winograd_buffers(const Winograd &g);

// The results of a block of outputs for the `tiles` tiles in V.
void winograd_results(const Winograd &g, const WinogradBuffers &b, const float *weights, int block,
                      int tiles);

// One pass: source(m) is image m; soon(m, first output, outputs, first row, rows) comes before the
// same done(..., row_of), where row_of(o, r) is row r of output o, both counted from the first.
template <class Source, class Soon, class Done>
static void winograd_pass(const Winograd &g, const WinogradBuffers &b, const float *weights,
                          int images, Source &&source, Soon &&soon, Done &&done) {
  const Tiles &t = g.tiles;
  for (int m = 0; m < images; m++) {
    int32_t *planes = b.tiles.planes + (size_t)m * t.channels * t.map.channel();
    pack_planes<RawFloat>(source(m), t.channels, t.map, planes, nullptr, ActQuant{});
  }
  for (int i = 0; i < t.tile_rows; i += t.block_rows) {
    const int tile_rows = imin(t.block_rows, t.tile_rows - i),
              rows = imin(2 * tile_rows, g.rows - 2 * i);
    transform_tiles(t, b.tiles, images, i, tile_rows);
    for (int block = 0; block < g.blocks(); block++) {
      const int first = block * OB, outputs = imin(OB, g.outputs - first);
      for (int m = 0; m < images; m++) soon(m, first, outputs, 2 * i, rows);
      winograd_results(g, b, weights, block, images * tile_rows * t.tile_cols);
      for (int m = 0; m < images; m++) {
        done(m, first, outputs, 2 * i, rows, [&](int o, int r) {
          const size_t tile = (size_t)(m * tile_rows + r / 2) * t.tile_cols;
          return b.results + 2 * ((size_t)(2 * o + r % 2) * t.channel + tile);
        });
      }
    }
  }
}

}  // namespace DQ_NS
