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

// depthwise.cc: see depthwise.h. The forward pass, and inner products with what it gives.
#include "conv/depthwise.h"

#include "abi/codes.h"
#include "conv/batches.h"
#include "conv/weights.h"

namespace DQ_NS {

// A pixel that is read serves N outputs.
template <int P, int N>
DQ_INLINE void add_taps(F (&acc)[P], const Taps &t, int from) {
  F w[N];
  DQ_UNROLL
  for (int i = 0; i < N; i++) w[i] = load(t.w + i * t.w_step * LANES);
  const float *src = t.src + from * LANES;
  DQ_UNROLL
  for (int at = 0; at < P + N - 1; at++) {
    const F x = in_register(load(src + at * LANES));
    DQ_UNROLL
    for (int i = 0; i < N; i++) {
      if (at >= i && at - i < P) acc[at - i] = fma(w[i], x, acc[at - i]);
    }
  }
}

template <int P>
DQ_INLINE void sum_some(const Taps *taps, int runs, int from, F scale, float *out, size_t step) {
  F acc[P];
  DQ_UNROLL
  for (int p = 0; p < P; p++) acc[p] = set(0.f);
  for (int r = 0; r < runs; r++) {
    if (taps[r].count == 3) add_taps<P, 3>(acc, taps[r], from);
    if (taps[r].count == 2) add_taps<P, 2>(acc, taps[r], from);
    if (taps[r].count == 1) add_taps<P, 1>(acc, taps[r], from);
  }
  DQ_UNROLL
  for (int p = 0; p < P; p++) store(out + (from + p) * step * LANES, mul(acc[p], scale));
}

void sum_taps(const Taps *taps, int runs, int pixels, F scale, float *out, size_t step) {
  int p = 0;
  for (; pixels - p > 4; p += 8) sum_some<8>(taps, runs, p, scale, out, step);
  if (p < pixels) sum_some<4>(taps, runs, p, scale, out, step);
}

// Columns lie by their phase in the stride, so that neighbouring outputs read neighbours.
Depthwise depthwise(const ConvShape &s, float rows_beside) {
  Depthwise d = {};
  d.s = s, d.taps = s.kh * s.kw, d.blocks = (s.oc + LANES - 1) / LANES;
  const int phase = ceil_div(imax(s.w + s.pad, (s.wo - 1) * s.stride + s.kw), s.stride);
  int *place = scratch<int>(-1, kOffsets, s.w);
  for (int i = 0; i < s.w; i++) place[i] = (i + s.pad) % s.stride * phase + (i + s.pad) / s.stride;
  constexpr int STRIP = 64 << 10;  // bytes of rows: 32 K to 192 K are much alike
  const float row = (float)phase * s.stride * LANES * sizeof(float);
  const int rows = (int)((STRIP / row - s.kh) / (s.stride + rows_beside));
  d.block_rows = imax(1, imin(s.ho, rows));
  d.x = {s.h, s.w, (d.block_rows - 1) * s.stride + s.kh, phase * s.stride, place, nullptr};
  return d;
}

LaneRows *thread_rows(const LaneRows &prototype, int table_slot, int data_slot) {
  LaneRows *table = scratch<LaneRows>(-1, table_slot, dq::pool_threads());
  for (int t = 0; t < dq::pool_threads(); t++) {
    table[t] = prototype;
    table[t].data = scratch<float>(t, data_slot, prototype.size());
    memset(table[t].data, 0, prototype.size() * sizeof(float));
  }
  return table;
}

// Weights as the forward pass takes them: codes where sums of products of codes are exact.
struct Filters {
  const float *w;      // [block][tap][LANES]
  const float *scale;  // [block][LANES]: of the sums
};

// One per quantiser. Returns a code of codes.h.
static int filters(const Depthwise &d, const Quantizers &q, Filters *out) {
  const WeightCodes found = weight_codes(d.s, q);
  const int count = imax(q.count, 1);
  const size_t size = (size_t)d.blocks * LANES;
  float *w = scratch<float>(-1, kPackedWeights, count * size * d.taps);
  float *scale = scratch<float>(-1, kScales, count * size);
  for (int k = 0; k < count; k++, w += size * d.taps, scale += size) {
    const size_t first = (size_t)k * d.s.oc * d.taps;
    bool exact = false;
    if (q.count) {
      const Range &range = found.range[k];
      if (range.finite && range.off > OFF_GRID) return dq::kOffGrid;
      exact = sums_are_exact(range, q.a_max[k], d.taps);
    }
    for (int o = 0; o < (int)size; o++) {
      const float w_scale =
          exact ? q.w_scale[k * q.scales + (q.scales == 1 ? 0 : imin(o, d.s.oc - 1))] : 1.f;
      scale[o] = q.count ? q.a_scale[k] * w_scale : 1.f;
    }
    weights_in_lanes(
        d,
        [&](int o, int t) {
          const size_t at = first + (size_t)o * d.taps + t;
          return exact ? (float)found.codes[at] : q.w[at];
        },
        w);
    out[k] = {w, scale};
  }
  return dq::kOk;
}

struct ForwardRows {
  LaneRows x;
  float *out;  // of a strip, [pixel][LANES]
};

// done(first pixel, pixels, results in lanes) for strip after strip of a block of channels;
// soon(first pixel, pixels, part, parts) comes before, for parts of the work.
template <class C, class Soon, class Done>
static void block_forward(const Depthwise &d, const Planes<const float> &x, const float *w, F scale,
                          const ActQuant &q, const ForwardRows &rows, Soon &&soon, Done &&done) {
  const ConvShape &s = d.s;
  Taps taps[MOST_TAPS];
  int read = 0;
  for (int h = 0; h < s.ho; h += d.block_rows) {
    const int end = imin(s.ho, h + d.block_rows);
    read_for<C>(d, x, h, end, q, rows.x, &read);
    for (int r = h; r < end; r++) {
      ask_ahead(x, rows.x, read, d.block_rows * s.stride, r - h, end - h);
      soon(h * s.wo, (end - h) * s.wo, r - h, end - h);
      int runs = 0;
      for (int kh = 0; kh < s.kh; kh++) {
        const float *row = rows.x.row(r * s.stride + kh - s.pad);
        for (int phase = 0; phase < imin(s.stride, s.kw); phase++) {
          for (int kw = phase; kw < s.kw; kw += MOST_SIDE * s.stride) {
            taps[runs++] = {row + (size_t)d.tap(kw) * LANES, w + (kh * s.kw + kw) * LANES, s.stride,
                            imin(MOST_SIDE, ceil_div(s.kw - kw, s.stride))};
          }
        }
      }
      sum_taps(taps, runs, s.wo, scale, rows.out + (size_t)(r - h) * s.wo * LANES, 1);
    }
    done(h * s.wo, (end - h) * s.wo, rows.out);
  }
}

class DepthwiseForward {
 public:
  explicit DepthwiseForward(const ConvShape &s) : d_(depthwise(s, 1.f / s.stride)) {
    x_rows_ = thread_rows(d_.x, kTable, kPlanes);
    const size_t pixels = (size_t)d_.block_rows * s.wo + LaneRows::OVERRUN + LANES;
    out_ = scratch<float *>(-1, kTransposed, dq::pool_threads());
    for (int t = 0; t < dq::pool_threads(); t++) out_[t] = scratch<float>(t, kTile, pixels * LANES);
  }

  int prepare(const Quantizers &q) {
    filters_ = scratch<Filters>(-1, kPacks, imax(q.count, 1));
    return filters(d_, q, filters_);
  }

  // soon(first channel, channels, first pixel, pixels, part, parts) and done(first channel,
  // channels, first pixel, pixels, results in lanes) over an image.
  template <class Soon, class Done>
  void image(int thread, const float *x, int first_block, int end_block, int k, const ActQuant *q,
             Soon &&soon, Done &&done) const {
    const ConvShape &s = d_.s;
    const size_t plane = (size_t)s.h * s.w;
    const ForwardRows rows = {x_rows_[thread], out_[thread]};
    for (int block = first_block; block < end_block; block++) {
      const int first = block * LANES, channels = d_.channels(block);
      const Planes<const float> planes = {x + first * plane, plane, channels};
      const float *w = filters_[k].w + (size_t)first * d_.taps;
      const F scale = load(filters_[k].scale + first);
      const auto before = [&](int pixel, int pixels, int part, int parts) {
        soon(first, channels, pixel, pixels, part, parts);
      };
      const auto strip = [&](int pixel, int pixels, const float *lanes) {
        done(first, channels, pixel, pixels, lanes);
      };
      if (q)
        block_forward<CodeFloat>(d_, planes, w, scale, *q, rows, before, strip);
      else
        block_forward<RawFloat>(d_, planes, w, scale, ActQuant{}, rows, before, strip);
    }
  }

  int blocks() const { return d_.blocks; }

 private:
  Depthwise d_;
  LaneRows *x_rows_;
  float **out_;
  Filters *filters_ = nullptr;
};

int depthwise_forward(const ConvShape &s, const Quantizers &q, const float *x, const int *choice,
                      float *y) {
  DepthwiseForward forward(s);
  if (const int code = forward.prepare(q)) return code;
  const size_t plane = (size_t)s.ho * s.wo;
  const int parts = parts_of(s.n, forward.blocks());
  parallel(s.n * parts, [&](int thread, int item) {
    const int n = item / parts, part = item % parts, k = choice ? choice[n] : 0;
    const ActQuant quant = q.count ? act_quant(q, k) : ActQuant{};
    const int from = forward.blocks() * part / parts, to = forward.blocks() * (part + 1) / parts;
    const auto planes = [&](int first, int channels) {
      return Planes<float>{y + ((size_t)n * s.oc + first) * plane, plane, channels};
    };
    forward.image(
        thread, x + (size_t)n * s.ic * s.h * s.w, from, to, k, q.count ? &quant : nullptr,
        [&](int first, int channels, int pixel, int pixels, int part, int parts) {
          ask(planes(first, channels), pixel, pixels, part, parts);
        },
        [&](int first, int channels, int pixel, int pixels, const float *lanes) {
          for (int i = 0; i < pixels; i += LANES)
            out_of_lanes(lanes + (size_t)i * LANES, imin(LANES, pixels - i),
                         planes(first, channels), pixel + i);
        });
  });
  return dq::kOk;
}

// <results, other>, both LANES channels of `pixels` pixels from `from` on.
static double dot_lanes(const float *results, int pixels, const Planes<const float> &other,
                        int from) {
  float lanes[LANES * LANES];
  F sums = set(0.f);
  for (int at = 0; at < pixels; at += LANES) {
    const int some = imin(LANES, pixels - at);
    into_lanes(other, from + at, some, lanes);
    for (int p = 0; p < some; p++)
      sums = fma(load(results + (size_t)(at + p) * LANES), load(lanes + p * LANES), sums);
  }
  return sum(sums);
}

static double dot_planes(const float *a, const float *b, size_t count) {
  F sums = set(0.f);
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) sums = fma(load(a + i), load(b + i), sums);
  if (i < count)
    sums = fma(load_part(a + i, (int)(count - i)), load_part(b + i, (int)(count - i)), sums);
  return sum(sums);
}

int depthwise_inner(const ConvShape &s, const Quantizers &q, const float *x, const int *choice,
                    const float *y, const float *dy, float *ip) {
  DepthwiseForward forward(s);
  if (const int code = forward.prepare(q)) return code;
  const size_t plane = (size_t)s.ho * s.wo;
  parallel(s.n, [&](int thread, int n) {
    const float *grad = dy + n * s.oc * plane, *chosen = y + n * s.oc * plane;
    for (int k = 0; k < q.count; k++) {
      double total = 0;
      if (k == choice[n]) {
        for (int o = 0; o < s.oc; o++)
          total += dot_planes(chosen + o * plane, grad + o * plane, plane);
      } else {
        const ActQuant quant = act_quant(q, k);
        forward.image(
            thread, x + (size_t)n * s.ic * s.h * s.w, 0, forward.blocks(), k, &quant,
            [](int, int, int, int, int, int) {},
            [&](int first, int channels, int pixel, int pixels, const float *lanes) {
              const Planes<const float> other = {grad + first * plane, plane, channels};
              total += dot_lanes(lanes, pixels, other, pixel);
            });
      }
      ip[n * q.count + k] = (float)total;
    }
  });
  return dq::kOk;
}

}  // namespace DQ_NS
