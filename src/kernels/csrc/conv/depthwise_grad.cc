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

// depthwise_grad.cc: see depthwise.h. All gradients, strip by strip: dw from the rows of x and dy
// that are there, then the rows of dx that need no later row of dy.
#include "abi/codes.h"
#include "conv/batches.h"
#include "conv/data_grad.h"
#include "conv/depthwise.h"
#include "conv/step_sums.h"

namespace DQ_NS {

// acc[t][LANES] += sum over pixels of dy * x[t]
template <int N>
DQ_NOINLINE void add_products(const float *dy, const float *const *x, int pixels, float *acc) {
  F a[N];
  DQ_UNROLL
  for (int t = 0; t < N; t++) a[t] = load(acc + t * LANES);
  for (int p = 0; p < pixels; p++) {
    const F d = load(dy + p * LANES);
    DQ_UNROLL
    for (int t = 0; t < N; t++) a[t] = fma(d, load(x[t] + p * LANES), a[t]);
  }
  DQ_UNROLL
  for (int t = 0; t < N; t++) store(acc + t * LANES, a[t]);
}

// Three rows of three neighbours, x[0], x[3] and x[6] on: `P` pixels share what they read.
template <int P>
DQ_INLINE void add_square(F (&a)[9], const float *dy, const float *const *x, int from) {
  F d[P];
  DQ_UNROLL
  for (int p = 0; p < P; p++) d[p] = in_register(load(dy + (from + p) * LANES));
  DQ_UNROLL
  for (int r = 0; r < 3; r++) {
    DQ_UNROLL
    for (int at = 0; at < P + 2; at++) {
      const F v = in_register(load(x[3 * r] + (from + at) * LANES));
      DQ_UNROLL
      for (int t = 0; t < 3; t++) {
        if (at >= t && at - t < P) a[3 * r + t] = fma(d[at - t], v, a[3 * r + t]);
      }
    }
  }
}
DQ_NOINLINE void add_squares(const float *dy, const float *const *x, int pixels, float *acc) {
  F a[9];
  DQ_UNROLL
  for (int t = 0; t < 9; t++) a[t] = load(acc + t * LANES);
  int p = 0;
  for (; p + 4 <= pixels; p += 4) add_square<4>(a, dy, x, p);
  for (; p < pixels; p++) add_square<1>(a, dy, x, p);
  DQ_UNROLL
  for (int t = 0; t < 9; t++) store(acc + t * LANES, a[t]);
}

static void add_row(const ConvShape &s, const float *dy, const float *const *x, float *acc) {
  if (s.kh == 3 && s.kw == 3 && s.stride == 1) return add_squares(dy, x, s.wo, acc);
  const int taps = s.kh * s.kw;
  int t = 0;
  for (; taps - t >= 9; t += 9) add_products<9>(dy, x + t, s.wo, acc + t * LANES);
  for (; taps - t >= 3; t += 3) add_products<3>(dy, x + t, s.wo, acc + t * LANES);
  for (; t < taps; t++) add_products<1>(dy, x + t, s.wo, acc + t * LANES);
}

struct GradRows {
  LaneRows x, dy;
  float *dx;    // rows of a strip, [pixel][LANES]
  float *sums;  // of a strip, [tap][LANES]
};

// A block of channels of an image.
struct GradBlock {
  Planes<const float> x, dy;
  Planes<float> dx;   // first: null where it is not asked for
  const float *w;     // [tap][LANES], real values
  float *dw;          // [tap][LANES], added to
  const ActQuant *q;  // null: none
  StepSums *steps;    // added to
};

class DepthwiseGrad {
 public:
  explicit DepthwiseGrad(const ConvShape &s);
  const Depthwise &shape() const { return d_; }
  size_t filter() const { return (size_t)d_.taps * LANES; }  // elements per block
  void block(int thread, const GradBlock &b) const;

 private:
  template <class Soon>
  void weights(const GradRows &rows, const GradBlock &b, int first, int end, Soon &&soon) const;
  void data_row(const GradRows &rows, const float *w, int i, float *out) const;
  void finish(const GradBlock &b, const float *lanes, int first, int end) const;

  Depthwise d_;
  GradAxis cols_;
  int lead_;  // zeros before a row of dy
  LaneRows *x_rows_, *dy_rows_;
  GradRows *rows_;
};

DepthwiseGrad::DepthwiseGrad(const ConvShape &s)
    : d_(depthwise(s, s.stride + 1.f / s.stride)), cols_(grad_axis(s.w, s.kw, s.stride, s.pad)) {
  LaneRows dy = {};
  int widest;
  grad_extent(cols_, s.stride, s.wo, &lead_, &dy.row_len, &widest);
  int *place = scratch<int>(-1, kGradOffsets, s.wo);
  for (int i = 0; i < s.wo; i++) place[i] = lead_ + i;
  dy.h = s.ho, dy.w = s.wo, dy.capacity = d_.block_rows + (s.kh - 1) / s.stride, dy.place = place;
  x_rows_ = thread_rows(d_.x, kTable, kPlanes);
  dy_rows_ = thread_rows(dy, kFresh, kGradPlanes);
  rows_ = scratch<GradRows>(-1, kPartials, dq::pool_threads());
  const int rows = s.stride * d_.block_rows + s.kh;  // of dx: the last strip has some more
  const size_t pixels = (size_t)rows * s.w + LaneRows::OVERRUN * s.stride + LANES;
  for (int t = 0; t < dq::pool_threads(); t++) {
    rows_[t] = {x_rows_[t], dy_rows_[t], scratch<float>(t, kGradTile, pixels * LANES),
                scratch<float>(t, kGradRow, filter())};
  }
}

// dw of the outputs of rows [first, end). Float sums of a strip go to those of the run. soon(part,
// parts) comes before each row.
template <class Soon>
void DepthwiseGrad::weights(const GradRows &rows, const GradBlock &b, int first, int end,
                            Soon &&soon) const {
  const ConvShape &s = d_.s;
  const float *x[MOST_TAPS];
  memset(rows.sums, 0, filter() * sizeof(float));
  for (int r = first; r < end; r++) {
    soon(r - first, end - first);
    for (int t = 0; t < d_.taps; t++) {
      x[t] = rows.x.row(r * s.stride + t / s.kw - s.pad) + (size_t)d_.tap(t % s.kw) * LANES;
    }
    add_row(s, rows.dy.row(r) + (size_t)lead_ * LANES, x, rows.sums);
  }
  for (size_t i = 0; i < filter(); i += LANES)
    store(b.dw + i, add(load(b.dw + i), load(rows.sums + i)));
}

// Row i of dx before any quantiser: each phase of its columns has its own taps.
void DepthwiseGrad::data_row(const GradRows &rows, const float *w, int i, float *out) const {
  const ConvShape &s = d_.s;
  const int a = (i + s.pad) % s.stride, u = (i + s.pad) / s.stride;
  Taps taps[MOST_TAPS];
  for (int b = 0; b < s.stride; b++) {
    int runs = 0;
    const int across = s.kw > b ? ceil_div(s.kw - b, s.stride) : 0;  // taps of a row
    for (int kh = a; kh < s.kh; kh += s.stride) {
      const float *row = rows.dy.row(u - kh / s.stride);
      for (int t = across; t > 0;) {  // from the last tap on, which reads the first column
        const int count = imin(MOST_SIDE, t), kw = b + (t - 1) * s.stride;
        taps[runs++] = {row + (lead_ + cols_.first[b] - (t - 1)) * LANES,
                        w + (kh * s.kw + kw) * LANES, -s.stride, count};
        t -= count;
      }
    }
    const int first = s.stride * cols_.first[b] + b - s.pad;
    sum_taps(taps, runs, cols_.count[b], set(1.f), out + first * LANES, s.stride);
  }
}

// Rows [first, end) of dx from their lanes, with the quantiser's mask and sums.
void DepthwiseGrad::finish(const GradBlock &b, const float *lanes, int first, int end) const {
  const int from = first * d_.s.w, to = end * d_.s.w;
  F in = set(0.f), hi = set(0.f);
  for (int at = from; at < to; at += LANES, lanes += LANES * LANES) {
    const int pixels = imin(LANES, to - at);
    if (!b.q) {
      out_of_lanes(lanes, pixels, b.dx, at);
      continue;
    }
    float all[LANES * LANES];
    transpose(lanes, LANES, all, LANES);
    for (int c = 0; c < b.x.channels; c++) {
      finish_row(all + c * LANES, 1.f, b.x.first + c * b.x.plane + at, pixels, b.q,
                 b.dx.first + c * b.x.plane + at, in, hi);
    }
  }
  b.steps->in += sum(in), b.steps->hi += sum(hi);
}

void DepthwiseGrad::block(int thread, const GradBlock &b) const {
  const ConvShape &s = d_.s;
  const GradRows &rows = rows_[thread];
  int read = 0, done = 0;  // rows of x, of dx
  for (int h = 0; h < s.ho; h += d_.block_rows) {
    const int end = imin(s.ho, h + d_.block_rows);
    if (b.q)
      read_for<CodeFloat>(d_, b.x, h, end, *b.q, rows.x, &read);
    else
      read_for<RawFloat>(d_, b.x, h, end, ActQuant{}, rows.x, &read);
    read_rows<RawFloat>(b.dy, h, end, ActQuant{}, rows.dy);
    const int to = end == s.ho ? s.h : imax(done, imin(s.h, end * s.stride - s.pad));
    weights(rows, b, h, end, [&](int part, int parts) {
      ask_ahead(b.x, rows.x, read, d_.block_rows * s.stride, part, parts);
      ask_ahead(b.dy, rows.dy, end, d_.block_rows, part, parts);
      if (b.dx.first) ask(b.dx, (size_t)done * s.w, (size_t)(to - done) * s.w, part, parts);
    });
    if (!b.dx.first) continue;
    for (int i = done; i < to; i++)
      data_row(rows, b.w, i, rows.dx + (size_t)(i - done) * s.w * LANES);
    finish(b, rows.dx, done, to);
    done = to;
  }
}

// dw from the sums of runs, in order.
static void finish_weights(const Depthwise &d, const Quantizers &q, const Runs &runs,
                           const float *sums, float *dw) {
  const size_t run = (size_t)d.blocks * LANES * d.taps;
  float all[LANES];
  for (int k = 0; k < imax(q.count, 1); k++, dw += (size_t)d.s.oc * d.taps) {
    const F a_scale = set(q.count ? q.a_scale[k] : 1.f);
    for (int i = 0; i < d.blocks * d.taps; i++) {
      F total = set(0.f);
      for (int r = 0; r < runs.count; r++) {
        if (runs.run[r].k == k) total = add(total, load(sums + r * run + (size_t)i * LANES));
      }
      store(all, mul(total, a_scale));
      const int block = i / d.taps, t = i % d.taps;
      for (int c = 0; c < d.channels(block); c++) dw[(block * LANES + c) * d.taps + t] = all[c];
    }
  }
}

static void finish_steps(const Depthwise &d, const Quantizers &q, const int *choice,
                         const StepSums *steps, const ConvGrads &out) {
  for (int k = 0; k < q.count; k++) out.s_in[k] = out.s_hi[k] = 0;
  for (int i = 0; i < d.s.n * d.blocks; i++) {
    const int k = choice ? choice[i / d.blocks] : 0;
    out.s_in[k] += steps[i].in, out.s_hi[k] += steps[i].hi;
  }
}

int depthwise_backward(const ConvShape &s, const Quantizers &q, const float *x, const int *choice,
                       const float *dy, const ConvGrads &out) {
  const DepthwiseGrad grad(s);
  const Depthwise &d = grad.shape();
  const int count = imax(q.count, 1);
  const size_t size = d.blocks * grad.filter(), x_plane = (size_t)s.h * s.w,
               dy_plane = (size_t)s.ho * s.wo;
  float *w = scratch<float>(-1, kGradWeights, count * size);
  for (int k = 0; k < count; k++) {
    const float *real = q.w + (size_t)k * s.oc * d.taps;
    weights_in_lanes(d, [&](int o, int t) { return real[(size_t)o * d.taps + t]; }, w + k * size);
  }
  const Runs runs = make_runs(s.n, choice, q.count, ceil_div(s.n, runs_of_sums()));
  float *sums = scratch<float>(-1, kSums, runs.count * size);
  StepSums *steps = scratch<StepSums>(-1, kStepSums, (size_t)s.n * d.blocks);
  memset(sums, 0, runs.count * size * sizeof(float));
  memset((void *)steps, 0, (size_t)s.n * d.blocks * sizeof(StepSums));
  const int parts = parts_of(runs.count, d.blocks);
  parallel(runs.count * parts, [&](int thread, int item) {
    const Run &run = runs.run[item / parts];
    const int part = item % parts;
    const ActQuant quant = q.count ? act_quant(q, run.k) : ActQuant{};
    for (int i = run.first; i < run.first + run.count; i++) {
      const size_t n = runs.order[i];
      for (int b = d.blocks * part / parts; b < d.blocks * (part + 1) / parts; b++) {
        const size_t plane = n * s.oc + b * LANES;
        const int channels = d.channels(b);
        grad.block(thread, {{x + plane * x_plane, x_plane, channels},
                            {dy + plane * dy_plane, dy_plane, channels},
                            {out.dx ? out.dx + plane * x_plane : nullptr, x_plane, channels},
                            w + run.k * size + b * grad.filter(),
                            sums + (item / parts) * size + b * grad.filter(),
                            q.count ? &quant : nullptr,
                            steps + n * d.blocks + b});
      }
    }
  });
  finish_weights(d, q, runs, sums, out.dw);
  if (q.count) finish_steps(d, q, choice, steps, out);
  return dq::kOk;
}

}  // namespace DQ_NS
