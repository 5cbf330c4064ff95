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

// weight_grad.h: dw[o][i][kh][kw] = sum over images and pixels of dy[o][p] * xq[i][p * stride +
// tap]. dy is transposed to [block of outputs][pixel][output], for the tiles of weight_tiles.h.
// Every run of images has its own sums. 3x3 kernels of stride 1 take fewer products
// (winograd_sums.h).
#pragma once
#include "conv/batches.h"
#include "conv/gradient_codes.h"
#include "conv/pack.h"
#include "conv/weight_tiles.h"
#include "conv/winograd_sums.h"

namespace DQ_NS {

using dq::Quantizers;

struct WeightBuffers {
  float *planes, *dyt;  // of the images of a pass
  int32_t *row;
  TileBuffers tiles;  // by Winograd, in place of planes
  float *dy_tiles;
};

class WeightGrad {
 public:
  // shorts: on 16-bit codes of dy
  WeightGrad(const ConvShape &s, const Quantizers &q, const float *x, const float *dy, bool shorts);
  // Rows of an image, and pixels of all its images, that a tile sums in registers.
  static int tile_rows(const ConvShape &s) { return imax(1, imin(s.ho, 256 / s.wo)); }
  static int tile_pixels(const ConvShape &s) { return imax(256, s.wo); }
  int run_length() const { return run_length_; }  // images per run
  int together() const { return together_; }      // images that one pass over the sums takes
  void prepare(const Runs &runs);                 // memory
  void begin(int run);                            // zeroes its sums
  void add_images(int thread, int run, const int *image, int images, const ActQuant &q,
                  const GradientCodes &codes);
  void finish(const Runs &runs, float *dw);  // sums over runs, in order

 private:
  // Float sums of pixels; integer sums of pairs of them; Winograd's products.
  enum class Way { kPixels, kPairs, kWinograd };
  static Way choose_way(const ConvShape &s, bool shorts);
  template <int OV, class Tile>
  void block(const Tile &tile, float *acc) const;
  template <class Tile>
  void blocks(Tile tile, float *sums) const;
  const float *input(int image, int group) const;
  const float *gradient(int image, int group) const;
  void pack(const float *x, const PlaneMap &map, const ActQuant &q, int32_t *row,
            int32_t *planes) const;
  void add_floats(const WeightBuffers &buf, int group, const int *image, int images,
                  const ActQuant &q, float *sums);
  void add_tiles(const WeightBuffers &buf, const int *image, int images, const ActQuant &q,
                 float *sums);
  void add_pairs(const WeightBuffers &buf, int group, const int *image, int images,
                 const ActQuant &q, const GradientCodes &codes, float *sums);
  void finish_tiles(const Runs &runs, float *dw) const;
  void transpose_dy(const float *dy, int words, float *out) const;

  ConvShape s_;
  Way way_;
  Quantizers q_;
  const float *x_, *dy_;
  PlaneMap map_;
  int group_ic_, group_oc_, ov_, block_, blocks_;  // block: outputs per tile
  int run_length_, together_, step_;
  int words_;  // of dy per output and image
  size_t planes_, dyt_, sums_size_;
  float *sums_ = nullptr;
  WinogradSums tiled_ = {};
  WeightBuffers *buffers_ = nullptr;  // one per thread
};

}  // namespace DQ_NS
