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

// winograd_tiles.h: Winograd's F(2x2, 3x3) for convolutions of stride 1 in float: 16 products for
// four results of a pair of channels, where direct sums take 36.
//
//   2x2 results = A^T [ sum over channels of (G w G^T) * (B^T d B) ] A,   d: the 4x4 inputs around
//   them
//
// Sources: Winograd, "Arithmetic Complexity of Computations", 1980; Lavin & Gray, arXiv 1509.09308.
// Here: the tiles d of a source and V = B^T d B, which forward pass, data gradient (winograd.h) and
// weight gradient (winograd_sums.h) share. Transforms take vectors of neighbouring tiles.
#pragma once
#include "conv/pack.h"
#include "threads/parallel.h"

namespace DQ_NS {

constexpr int POSITIONS = 16;  // of a tile

// Whether a convolution gains from it.
DQ_INLINE bool winograd_fits(const ConvShape &s) {
  return s.kh == 3 && s.kw == 3 && s.stride == 1 && s.groups == 1 && s.ic >= 8 && s.oc >= 8 &&
         s.ho > 1 && s.wo > 1;
}

// Tiles of a pass are numbered [image][tile row of the block][tile column]; V is
// [position][channel][tile].
struct Tiles {
  int channels;                          // of the source
  int images;                            // of a pass at most
  int tile_rows, tile_cols, block_rows;  // of an image; tile rows per block
  int count;                             // tiles of a block at most
  int channel;                           // elements between channels of V
  size_t position;                       // elements between positions of V
  PlaneMap map;                          // the source, padded
};

// source: [channels][h][w], `pad` zeros before it; results: [rows][cols].
Tiles winograd_tiles(int channels, int h, int w, int pad, int rows, int cols, int images);

// Elements between positions that are written together: they must not share the sets of a cache.
DQ_INLINE size_t position_stride(size_t elements) { return (elements + 1023) / 1024 * 1024 + 16; }

struct TileBuffers {
  int32_t *planes;  // of all images of a pass, zeroed
  float *halves;    // B^T d of a channel
  float *v;
};
// Memory of a thread in slots [slot, slot + 3).
TileBuffers tile_buffers(const Tiles &t, int thread, int slot);

// V of the tile rows [first, first + rows) of `images` images.
void transform_tiles(const Tiles &t, const TileBuffers &b, int images, int first, int rows);

}  // namespace DQ_NS
