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

// weight_tile.h: the inner loop of weight gradients in float. A tile keeps (input channels x taps x
// output vectors) sums in registers, loads the outputs of a pixel and broadcasts the inputs.
#pragma once
#include <cstddef>

#include "simd.h"

namespace DQ_NS {

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

}  // namespace DQ_NS
