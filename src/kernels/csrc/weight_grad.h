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
// tap]. dy is transposed to [block of outputs][pixel][output]; a tile keeps (input channels x taps
// x output vectors) sums in registers, loads the outputs of a pixel and broadcasts the inputs.
// Every run of images has its own sums. Depthwise convolutions have one output per input: there a
// tile keeps vectors of pixels, one per tap.
#pragma once
#include "batches.h"
#include "pack.h"

namespace DQ_NS {

using dq::Quantizers;

// Pixels of `images` images, rows [h0, h1): acc[i][t] += dy[p][outputs] * x[channel i][p * stride +
// t].
struct TileWork {
  int images, h0, h1, wo, stride, row_len;
  size_t x_image, dy_image;  // elements between images
  int channel;               // elements between channels of x
  int acc_channel, acc_tap;  // elements between sums
};
template <int IT, int KT, int OV>
DQ_NOINLINE void grad_tile(const TileWork &t, const float *x, const float *dy, float *acc) {
  F a[IT][KT][OV];
  DQ_UNROLL
  for (int i = 0; i < IT; i++) {
    DQ_UNROLL
    for (int k = 0; k < KT; k++) {
      DQ_UNROLL
      for (int v = 0; v < OV; v++)
        a[i][k][v] = load(acc + i * t.acc_channel + k * t.acc_tap + v * LANES);
    }
  }
  for (int m = 0; m < t.images; m++, x += t.x_image, dy += t.dy_image) {
    for (int h = t.h0; h < t.h1; h++) {
      const float *xp = x + (size_t)h * t.stride * t.row_len;
      const float *dp = dy + (size_t)h * t.wo * OV * LANES;
      for (int w = 0; w < t.wo; w++, dp += OV * LANES, xp += t.stride) {
        F d[OV];
        DQ_UNROLL
        for (int v = 0; v < OV; v++) d[v] = load(dp + v * LANES);
        DQ_UNROLL
        for (int i = 0; i < IT; i++) {
          DQ_UNROLL
          for (int k = 0; k < KT; k++) {
            const F b = set(xp[(size_t)i * t.channel + k]);
            DQ_UNROLL
            for (int v = 0; v < OV; v++) a[i][k][v] = fma(d[v], b, a[i][k][v]);
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
      for (int v = 0; v < OV; v++)
        store(acc + i * t.acc_channel + k * t.acc_tap + v * LANES, a[i][k][v]);
    }
  }
}

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

class WeightGrad {
 public:
  WeightGrad(const ConvShape &s, const Quantizers &q, const float *x, const float *dy);
  int run_length() const { return run_length_; }  // images per run
  int together() const { return together_; }      // images that one pass over the sums takes
  void prepare(const Runs &runs);                 // memory
  void begin(int run);                            // zeroes its sums
  void add_images(int thread, int run, const int *image, int images, const ActQuant &q);
  void finish(const Runs &runs, float *dw);  // sums over runs, in order

 private:
  template <int OV>
  void block(TileWork t, const float *planes, const float *dyt, float *acc);
  void transpose_dy(const float *dy, float *out) const;
  void depthwise(const float *planes, const float *dy, float *rows, float *sums) const;

  ConvShape s_;
  bool depthwise_;
  Quantizers q_;
  const float *x_, *dy_;
  PlaneMap map_;
  int group_ic_, group_oc_, ov_, block_, blocks_;  // block: outputs per tile
  int run_length_, together_, block_rows_, step_;
  size_t planes_, dyt_, sums_size_;
  float *sums_ = nullptr;
  float **planes_of_ = nullptr, **dyt_of_ = nullptr;
  int32_t **rows_of_ = nullptr;
};

}  // namespace DQ_NS
