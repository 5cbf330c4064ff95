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
// tap]. dy is transposed to [block of outputs][pixel][output], for tiles as in weight_tile.h. Every
// run of images has its own sums. 3x3 kernels of stride 1 take fewer products (winograd_sums.h).
// Depthwise convolutions have one output per input: there a tile keeps vectors of pixels, one per
// tap.
#pragma once
#include "batches.h"
#include "gradient_codes.h"
#include "pack.h"
#include "weight_tile.h"
#include "winograd_sums.h"

namespace DQ_NS {

using dq::Quantizers;

struct FloatTile {
  TileWork t;
  const float *x, *dy;
  template <int IT, int KT, int OV>
  void add(int kh, int kw, int i, float *acc) const {
    grad_tile<IT, KT, OV>(t, x + (size_t)i * t.channel + kh * t.row_len + kw, dy, acc);
  }
};

// The same on 16-bit codes: a word holds two neighbouring pixels of an output.
struct PairWork {
  int images, h0, h1, pairs;  // rows, pairs per row
  size_t x_image, dy_image;   // elements between images
  int row_pairs;              // words between rows of dy
  int row_len;                // codes between rows of x
  int channel;                // codes between channels of x
  int acc_channel, acc_tap;
};
template <int IT, int KT, int OV>
DQ_NOINLINE void pair_tile(const PairWork &t, const int16_t *x, const int *tap, const int32_t *dy,
                           float step, float *acc) {
  I a[IT][KT][OV];
  DQ_UNROLL
  for (int i = 0; i < IT; i++) {
    DQ_UNROLL
    for (int k = 0; k < KT; k++) {
      DQ_UNROLL
      for (int v = 0; v < OV; v++) a[i][k][v] = iset(0);
    }
  }
  for (int m = 0; m < t.images; m++, x += t.x_image, dy += t.dy_image) {
    for (int h = t.h0; h < t.h1; h++) {
      const int16_t *xp = x + (size_t)h * t.row_len;
      const int32_t *dp = dy + (size_t)h * t.row_pairs * OV * LANES;
      for (int w = 0; w < t.pairs; w++, dp += OV * LANES, xp += 2) {
        I d[OV];
        DQ_UNROLL
        for (int v = 0; v < OV; v++) d[v] = iload(dp + v * LANES);
        DQ_UNROLL
        for (int i = 0; i < IT; i++) {
          DQ_UNROLL
          for (int k = 0; k < KT; k++) {
            int32_t two;
            memcpy(&two, xp + (size_t)i * t.channel + tap[k], sizeof two);
            const I b = iset(two);
            DQ_UNROLL
            for (int v = 0; v < OV; v++) a[i][k][v] = DotShorts::step(a[i][k][v], b, d[v]);
          }
        }
      }
    }
  }
  DQ_UNROLL
  for (int i = 0; i < IT; i++) {
    DQ_UNROLL
    for (int k = 0; k < KT; k++) {
      DQ_UNROLL
      for (int v = 0; v < OV; v++) {
        float *dst = acc + i * t.acc_channel + k * t.acc_tap + v * LANES;
        store(dst, fma(to_float(a[i][k][v]), set(step), load(dst)));
      }
    }
  }
}

struct PairTile {
  PairWork t;
  const PlaneMap *map;
  const int16_t *x;
  const int32_t *dy;
  float step;
  template <int IT, int KT, int OV>
  void add(int kh, int kw, int i, float *acc) const {
    int tap[KT];
    for (int k = 0; k < KT; k++) tap[k] = map->tap(kh, kw + k);
    pair_tile<IT, KT, OV>(t, x + (size_t)i * t.channel, tap, dy, step, acc);
  }
};

// sums[t] += sum over q of dy[q] * x[tap[t] + q]; dy is 0 at the gaps between rows.
template <int KT>
DQ_NOINLINE void depthwise_tile(const float *x, const float *dy, int pixels, const int *tap,
                                float *sums) {
  F a[KT];
  DQ_UNROLL
  for (int t = 0; t < KT; t++) a[t] = set(0.f);
  for (int q = 0; q < pixels; q += LANES) {
    const F d = load(dy + q);
    DQ_UNROLL
    for (int t = 0; t < KT; t++) a[t] = fma(d, load(x + tap[t] + q), a[t]);
  }
  DQ_UNROLL
  for (int t = 0; t < KT; t++) sums[t] += (float)sum(a[t]);
}

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
  static bool is_depthwise(const ConvShape &s) { return s.ic == s.groups && s.oc == s.groups; }
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
  void depthwise(const float *planes, const float *dy, float *rows, float *sums) const;

  ConvShape s_;
  bool depthwise_, shorts_, winograd_;
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
