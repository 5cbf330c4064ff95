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

// winograd_sums.h: the weight gradient by Winograd's F(2x2, 3x3) (winograd_tiles.h):
//
//   dw = G^T [ sum over tiles of (A dy A^T) * V ] G,   dy: the 2x2 results of a tile
//
// For each position the sums are those of a 1x1 convolution, and the tile of weight_tiles.h makes
// them.
#pragma once
#include "conv/weight_tiles.h"
#include "conv/winograd_tiles.h"

namespace DQ_NS {

// The sums are [position][block of outputs][input channel][output in block].
struct WinogradSums {
  Tiles tiles;            // of x
  int rows, cols;         // of dy
  int ov, blocks, block;  // vectors of outputs per tile, blocks of outputs, outputs per block
  size_t position;        // elements between positions of A dy A^T
};

// ov, blocks: as weight_grad.h cuts the outputs. images: of a pass at most.
WinogradSums winograd_sums(const ConvShape &s, int ov, int blocks, int images);

// Elements of scratch memory for A dy A^T.
DQ_INLINE size_t dy_tiles_size(const WinogradSums &g) { return POSITIONS * g.position; }

// Adds the products of a pass. b: planes of its images are packed; dyt: dy, transposed, image after
// image `dyt_image` apart; dy_tiles: memory of dy_tiles_size().
void add_winograd(const WinogradSums &g, const TileBuffers &b, int images, const float *dyt,
                  size_t dyt_image, float *dy_tiles, float *sums);

// G^T sums G of an input channel and a block of `ov` vectors of outputs: [position][block] ->
// [tap][block].
void winograd_taps(int ov, const float *sums, float *taps);

}  // namespace DQ_NS
