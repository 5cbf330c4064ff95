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

// planes.h: where the pixels of a padded image lie, so that a convolution becomes one "offset
// GEMM":
//   out[o][q] = sum_k weight[k][o] * plane[offset[k] + q],   k over (channel group, tap), q over
//   flat output pixels.
//
// A plane is row-major with rows of `row_len` elements; outputs share that row length, so q runs
// straight over rows. The zeros right of a row are the zeros left of the next one wherever both
// exist. Stride s splits a plane into s * s phases, (row % s, col % s), so that neighbouring
// outputs read neighbouring elements.
#pragma once
#include "simd/kernels.h"
#include "simd/simd.h"

namespace DQ_NS {

using dq::ConvShape;

DQ_INLINE int ceil_div(int a, int b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }
DQ_INLINE int floor_div(int a, int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
DQ_INLINE int round_up(int a, int b) { return (a + b - 1) / b * b; }
DQ_INLINE int imin(int a, int b) { return a < b ? a : b; }
DQ_INLINE int imax(int a, int b) { return a > b ? a : b; }

struct PlaneMap {
  int h, w;    // the source image
  int stride;  // phases per axis; a phase that no tap reads is left out
  int phase_h, phase_w;
  int top, left;       // zeros before the first row / column
  int rows, cols;      // of a phase, as far as taps read
  int row_len, plane;  // elements per row, per phase
  int channel() const { return plane * phase_h * phase_w; }
  int first_col(int b) const { return imax(0, ceil_div(left - b, stride)); }
  int end_col(int b) const { return imin(cols, floor_div(w - 1 + left - b, stride) + 1); }
  int tap(int kh, int kw) const {
    return (kh % stride * phase_w + kw % stride) * plane + kh / stride * row_len + kw / stride;
  }
};

DQ_INLINE void finish_map(PlaneMap &m, int min_row_len) {
  m.row_len = min_row_len;
  for (int b = 0; b < m.phase_w; b++) {
    m.row_len = imax(m.row_len, imax(m.cols - m.first_col(b), m.end_col(b)));
  }
  m.plane = round_up(m.rows * m.row_len + imax(0, m.cols - m.row_len), 8);
}

// The input of a convolution with kernel kh x kw and ho x wo outputs.
DQ_INLINE PlaneMap input_map(int h, int w, int kh, int kw, int stride, int pad, int ho, int wo) {
  PlaneMap m = {};
  m.h = h, m.w = w, m.stride = stride, m.top = m.left = pad;
  m.phase_h = imin(stride, kh), m.phase_w = imin(stride, kw);
  m.rows = ho + (kh - 1) / stride, m.cols = wo + (kw - 1) / stride;
  finish_map(m, wo);
  return m;
}

// One axis of the data gradient: dx[i] = sum over taps k = phase + s * t of dy[u - t] * w[k], i +
// pad = s * u + phase.
struct GradAxis {
  int first[8], count[8], taps[8];  // per phase: first u, number of u, number of taps
};
constexpr int MAX_STRIDE = 8;
DQ_INLINE GradAxis grad_axis(int size, int kernel, int stride, int pad) {
  GradAxis g = {};
  for (int a = 0; a < stride; a++) {
    g.first[a] = ceil_div(pad - a, stride);
    g.count[a] = imax(0, floor_div(size - 1 + pad - a, stride) - g.first[a] + 1);
    g.taps[a] = kernel > a ? (kernel - 1 - a) / stride + 1 : 0;
  }
  return g;
}
// Zeros before dy and positions read, over all phases that have taps.
DQ_INLINE void grad_extent(const GradAxis &g, int stride, int out, int *before, int *extent,
                           int *widest) {
  int lead = 0, end = out, wide = 1;
  for (int a = 0; a < stride; a++) {
    if (!g.taps[a] || !g.count[a]) continue;
    lead = imax(lead, g.taps[a] - 1 - g.first[a]);
    end = imax(end, g.first[a] + g.count[a]);
    wide = imax(wide, g.count[a]);
  }
  *before = lead, *extent = lead + end, *widest = wide;
}

struct GradMap {
  PlaneMap planes;  // of dy
  GradAxis rows, cols;
  int max_rows, max_cols;  // outputs per phase at most
};
DQ_INLINE GradMap grad_map(const ConvShape &s) {
  GradMap g = {};
  g.rows = grad_axis(s.h, s.kh, s.stride, s.pad);
  g.cols = grad_axis(s.w, s.kw, s.stride, s.pad);
  PlaneMap &m = g.planes;
  m.h = s.ho, m.w = s.wo, m.stride = 1, m.phase_h = m.phase_w = 1;
  grad_extent(g.rows, s.stride, s.ho, &m.top, &m.rows, &g.max_rows);
  grad_extent(g.cols, s.stride, s.wo, &m.left, &m.cols, &g.max_cols);
  finish_map(m, g.max_cols);
  return g;
}

}  // namespace DQ_NS
