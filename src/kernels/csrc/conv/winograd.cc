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

// winograd.cc: the weights' transform, the products and the results' transform of winograd.h.
#include "conv/winograd.h"

namespace DQ_NS {

Winograd winograd(const ConvShape &s, int images, bool backward) {
  Winograd g = {};
  g.backward = backward;
  if (backward) {
    g.tiles = winograd_tiles(s.oc, s.ho, s.wo, 2 - s.pad, s.h, s.w, images);
    g.outputs = s.ic, g.rows = s.h;
  } else {
    g.tiles = winograd_tiles(s.ic, s.h, s.w, s.pad, s.ho, s.wo, images);
    g.outputs = s.oc, g.rows = s.ho;
  }
  int *offset = scratch<int>(-1, kWinogradOffsets, g.tiles.channels);
  for (int c = 0; c < g.tiles.channels; c++) offset[c] = c * g.tiles.channel;
  g.offset = offset;
  return g;
}

DQ_INLINE void transform_three(const float *a, const float *b, const float *c, float (*out)[OB],
                               int step) {
  for (int o = 0; o < OB; o++) {
    out[0][o] = a[o];
    out[step][o] = 0.5f * (a[o] + b[o] + c[o]);
    out[2 * step][o] = 0.5f * (a[o] - b[o] + c[o]);
    out[3 * step][o] = c[o];
  }
}

// G w G^T of OB filters, w[tap][filter].
static void transform_filters(const float (*w)[OB], float (*out)[OB]) {
  float half[4 * 3][OB];  // G w
  for (int i = 0; i < 3; i++) transform_three(w[i], w[3 + i], w[6 + i], half + i, 3);
  for (int r = 0; r < 4; r++)
    transform_three(half[3 * r], half[3 * r + 1], half[3 * r + 2], out + 4 * r, 1);
}

void winograd_weights(const Winograd &g, const float *w, float *out) {
  const int channels = g.tiles.channels;
  parallel(
      g.blocks(),
      [&](int, int block) {
        float *dst = out + (size_t)block * POSITIONS * channels * OB;
        const int outputs = imin(OB, g.outputs - block * OB);
        for (int c = 0; c < channels; c++, dst += OB) {
          float filters[9][OB] = {}, transformed[POSITIONS][OB];
          for (int o = 0; o < outputs; o++) {
            const size_t output = (size_t)block * OB + o;
            const float *f =
                w + 9 * (g.backward ? c * (size_t)g.outputs + output : output * channels + c);
            for (int t = 0; t < 9; t++) filters[t][o] = f[g.backward ? 8 - t : t];
          }
          transform_filters(filters, transformed);
          for (int p = 0; p < POSITIONS; p++) {
            memcpy(dst + (size_t)p * channels * OB, transformed[p], sizeof transformed[p]);
          }
        }
      },
      g.weights() < (1 << 15));
}

WinogradBuffers *winograd_buffers(const Winograd &g) {
  WinogradBuffers *table = scratch<WinogradBuffers>(-1, kWinogradTable, dq::pool_threads());
  for (int t = 0; t < dq::pool_threads(); t++) {
    table[t] = {tile_buffers(g.tiles, t, kTiles),
                scratch<float>(t, kWinogradSums, POSITIONS * OB * CHUNK),
                scratch<float>(t, kWinogradResults, (size_t)OB * 4 * g.tiles.channel)};
  }
  return table;
}

// A^T m A of LANES tiles: two rows of 2 * LANES results. m: position after position.
DQ_INLINE void transform_sums(const float *m, size_t position, float *even, float *odd) {
  F top[4], bottom[4];
  DQ_UNROLL
  for (int i = 0; i < 4; i++) {
    const F a = load(m + i * position), b = load(m + (4 + i) * position);
    const F c = load(m + (8 + i) * position), d = load(m + (12 + i) * position);
    top[i] = add(add(a, b), c), bottom[i] = sub(sub(b, c), d);
  }
  interleave(add(add(top[0], top[1]), top[2]), sub(sub(top[1], top[2]), top[3]), even);
  interleave(add(add(bottom[0], bottom[1]), bottom[2]), sub(sub(bottom[1], bottom[2]), bottom[3]),
             odd);
}

void winograd_results(const Winograd &g, const WinogradBuffers &b, const float *weights, int block,
                      int tiles) {
  constexpr size_t POSITION = (size_t)OB * CHUNK;
  const size_t half = 2 * g.tiles.channel;
  const int channels = g.tiles.channels;
  for (int t = 0; t < tiles; t += CHUNK) {
    const int count = imin(CHUNK, tiles - t);
    for (int p = 0; p < POSITIONS; p++) {
      const float *v = b.tiles.v + p * g.tiles.position + t;
      const float *w = weights + ((size_t)block * POSITIONS + p) * channels * OB;
      gemm_block<DotFloat, GEMM_V, OB>((const int32_t *)v, g.offset, channels, 1,
                                       (const int32_t *)w, b.sums + p * POSITION, CHUNK, count);
    }
    for (int o = 0; o < OB; o++) {
      float *even = b.results + 2 * o * half + 2 * t;
      for (int i = 0; i < count; i += LANES) {
        transform_sums(b.sums + o * CHUNK + i, POSITION, even + 2 * i, even + half + 2 * i);
      }
    }
  }
}

}  // namespace DQ_NS
