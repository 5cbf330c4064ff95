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

// gemm.h: the offset GEMM. One tile holds OB outputs x V vectors of pixels in registers; per k it
// loads V vectors of the plane, broadcasts OB weights and multiplies. An element is 4 bytes per
// pixel whatever the arithmetic: a float or the u8 codes of 4 channels.
//
// Weights are packed as [block of OB outputs][k][output][WORDS].
#pragma once
#include "simd/simd.h"

namespace DQ_NS {

struct DotFloat {
  using Acc = F;
  using X = F;
  using W = F;
  static constexpr int WORDS = 1;
  static constexpr bool CHUNKED = false;
  DQ_INLINE X get_x(const int32_t *p) { return load((const float *)p); }
  DQ_INLINE W get_w(const int32_t *p) {
    float v;
    memcpy(&v, p, 4);
    return set(v);
  }
  DQ_INLINE Acc zero() { return set(0.f); }
  DQ_INLINE Acc step(Acc a, W w, X x) { return fma(w, x, a); }
  DQ_INLINE F result(Acc a) { return a; }
};

#if !DQ_HAS_BYTES
struct DotInt32 : DotWords {  // any integer codes, one per lane
  DQ_INLINE Acc step(Acc a, W w, X x) { return a + w * x; }
};
#endif

template <class D, int O, int V>
DQ_INLINE void accumulate(typename D::Acc (&acc)[O][V], const int32_t *base, const int *offset,
                          int from, int to, const int32_t *w) {
  for (int k = from; k < to; k++) {
    const int32_t *p = base + offset[k];
    typename D::X x[V];
    DQ_UNROLL
    for (int j = 0; j < V; j++) x[j] = D::get_x(p + LANES * j);
    DQ_UNROLL
    for (int o = 0; o < O; o++) {
      const typename D::W wv = D::get_w(w + (k * OB + o) * D::WORDS);
      DQ_UNROLL
      for (int j = 0; j < V; j++) acc[o][j] = D::step(acc[o][j], wv, x[j]);
    }
  }
}

// out[o * out_stride + q] as float, for O outputs and V * LANES pixels. chunk: steps before 16-bit
// sums are widened.
template <class D, int O, int V>
DQ_NOINLINE void tile(const int32_t *base, const int *offset, int depth, int chunk,
                      const int32_t *w, float *out, int out_stride) {
  typename D::Acc acc[O][V];
  if constexpr (D::CHUNKED) {
    for (int k = 0; k < depth; k += chunk) {
      const bool last = k + chunk >= depth;
      DQ_UNROLL
      for (int o = 0; o < O; o++) {
        DQ_UNROLL
        for (int j = 0; j < V; j++) acc[o][j] = D::zero();
      }
      accumulate<D, O, V>(acc, base, offset, k, last ? depth : k + chunk, w);
      DQ_UNROLL
      for (int o = 0; o < O; o++) {
        DQ_UNROLL
        for (int j = 0; j < V; j++) {
          float *dst = out + o * out_stride + LANES * j;
          I s = D::widen(acc[o][j]);
          if (k) s = iadd(s, iload(dst));
          istore(dst, last ? as_int(to_float(s)) : s);
        }
      }
    }
  } else {
    DQ_UNROLL
    for (int o = 0; o < O; o++) {
      DQ_UNROLL
      for (int j = 0; j < V; j++) acc[o][j] = D::zero();
    }
    accumulate<D, O, V>(acc, base, offset, 0, depth, w);
    DQ_UNROLL
    for (int o = 0; o < O; o++) {
      DQ_UNROLL
      for (int j = 0; j < V; j++) store(out + o * out_stride + LANES * j, D::result(acc[o][j]));
    }
  }
}

// One block of O outputs over `pixels` flat pixels (rounded up to whole vectors: out needs the
// room).
template <class D, int V, int O>
static void gemm_block(const int32_t *base, const int *offset, int depth, int chunk,
                       const int32_t *w, float *out, int out_stride, int pixels) {
  const int vectors = (pixels + LANES - 1) / LANES;
  int v = 0;
  for (; v + V <= vectors; v += V) {
    tile<D, O, V>(base + v * LANES, offset, depth, chunk, w, out + v * LANES, out_stride);
  }
  const int32_t *rest = base + v * LANES;
  if (V > 2 && vectors - v == 2)
    tile<D, O, 2>(rest, offset, depth, chunk, w, out + v * LANES, out_stride);
  if (V > 1 && vectors - v == 1)
    tile<D, O, 1>(rest, offset, depth, chunk, w, out + v * LANES, out_stride);
}

}  // namespace DQ_NS
