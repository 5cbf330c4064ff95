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

// weight_tiles.h: the inner loops of weight gradients. A tile keeps (input channels x taps x
// output vectors) sums in registers, loads the outputs of a pixel and broadcasts the inputs.
#pragma once
#include <cstddef>

#include "conv/planes.h"

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

}  // namespace DQ_NS
