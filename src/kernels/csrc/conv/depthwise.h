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

// depthwise.h: depthwise convolutions, one channel of input per channel of output. There is next to
// no arithmetic per element, hence everything is done in one pass over memory: LANES planes of an
// image go strip by strip through buffers of rows that stay in the caches (lanes.h), quantised on
// the way in, and with a quantiser's mask on the way out.
#pragma once
#include "conv/lanes.h"
#include "simd/kernels.h"
#include "threads/parallel.h"

namespace DQ_NS {

using dq::ConvGrads;
using dq::Quantizers;

// Larger kernels have sums that floats do not hold exactly; they are left to the offset GEMM.
constexpr int MOST_TAPS = 256;

DQ_INLINE bool is_depthwise(const ConvShape &s) {
  return s.ic == s.groups && s.oc == s.groups && s.kh * s.kw <= MOST_TAPS;
}

// As conv_forward, conv_backward and conv_inner (kernels.h). Gradients are float.
int depthwise_forward(const ConvShape &s, const Quantizers &q, const float *x, const int *choice,
                      float *y);
int depthwise_backward(const ConvShape &s, const Quantizers &q, const float *x, const int *choice,
                       const float *dy, const ConvGrads &out);
int depthwise_inner(const ConvShape &s, const Quantizers &q, const float *x, const int *choice,
                    const float *y, const float *dy, float *ip);

// `count` <= MOST_SIDE products of a pixel's sum that read neighbours: src[p + i] * w[i * w_step],
// in pixels.
struct Taps {
  const float *src, *w;
  int w_step, count;
};
constexpr int MOST_SIDE = 3;

// out[p * step] = scale * the sum of all products, for `pixels` pixels and up to 7 more.
void sum_taps(const Taps *taps, int runs, int pixels, F scale, float *out, size_t step);

// What forward and backward pass share.
struct Depthwise {
  ConvShape s;
  int taps, blocks, block_rows;  // blocks of LANES channels; rows of outputs that share a strip
  LaneRows x;                    // a prototype: threads have data of their own
  // where tap kw begins in a row of x
  int tap(int kw) const { return kw % s.stride * (x.row_len / s.stride) + kw / s.stride; }
  int channels(int block) const { return imin(LANES, s.oc - block * LANES); }
};

// rows_beside: rows that the caller keeps beside those of x, per row of outputs.
Depthwise depthwise(const ConvShape &s, float rows_beside);

// Rows of x that outputs [first, end) read, and which have not been read before.
template <class C>
static void read_for(const Depthwise &d, const Planes<const float> &x, int first, int end,
                     const ActQuant &q, const LaneRows &rows, int *read) {
  const int from = imax(*read, first * d.s.stride - d.s.pad);
  const int to = imin(d.s.h, (end - 1) * d.s.stride + d.s.kh - d.s.pad);
  if (from < to) read_rows<C>(x, from, to, q, rows);
  *read = imax(*read, to);
}

// Asks for a share of what is read next: later rows, or the first ones of the next block, which
// follows in memory.
DQ_INLINE void ask_ahead(const Planes<const float> &p, const LaneRows &rows, int read, int count,
                         int part, int parts) {
  const bool more = read < rows.h;
  const Planes<const float> next = {more ? p.first : p.first + LANES * p.plane, p.plane,
                                    p.channels};
  ask(next, more ? (size_t)read * rows.w : 0, (size_t)imin(count, rows.h) * rows.w, part, parts);
}

// [block][tap][LANES] from get(channel, tap); missing channels are 0.
template <class Get>
static void weights_in_lanes(const Depthwise &d, Get &&get, float *out) {
  for (int block = 0; block < d.blocks; block++) {
    for (int t = 0; t < d.taps; t++, out += LANES) {
      for (int i = 0; i < LANES; i++)
        out[i] = i < d.channels(block) ? get(block * LANES + i, t) : 0.f;
    }
  }
}

// One per thread, from two slots. Zeros are written once: rows are read over them.
LaneRows *thread_rows(const LaneRows &prototype, int table_slot, int data_slot);

}  // namespace DQ_NS
