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

// conv_backward.cc: gradients of y = conv(Q(x), w).
//   dx = dxq * [0 < v < top],  dxq = conv_transpose(dy, w),  v = x * a_inv
//   s_in = sum over inside of dxq * (code / ratio - v),  s_hi = sum over v >= top of dxq
//   dw = dL/dw with the quantised input, summed per quantiser
// The data gradient is the offset GEMM on dy, one pass per stride phase; the weight gradient is in
// weight_grad.h. Both may run on 16-bit codes of dy (gradient_codes.h) where the weights have
// codes.
#include "batches.h"
#include "codes.h"
#include "gradient_codes.h"
#include "weight_grad.h"
#include "weights.h"

namespace DQ_NS {

using dq::ConvGrads;

struct GradPlan {
  ConvShape s;
  GradMap map;
  bool shorts;
  int elements;  // of dy per pixel: a channel each, or two of 16 bits
  int group_ic, group_oc, blocks, phases, block_rows, tile_stride;
  size_t weights;                         // packed words per quantiser
  int depth[MAX_STRIDE * MAX_STRIDE];     // per phase
  size_t start[MAX_STRIDE * MAX_STRIDE];  // per phase: where its weights begin within a block
  const int *offset[MAX_STRIDE * MAX_STRIDE];
  const int32_t *w;  // [k][group][block][phase][depth][OB]
};

static GradPlan grad_plan(const ConvShape &s, bool shorts) {
  GradPlan g = {};
  g.s = s, g.map = grad_map(s);
  g.group_ic = s.ic / s.groups, g.group_oc = s.oc / s.groups, g.blocks = (g.group_ic + OB - 1) / OB;
  g.shorts = shorts, g.elements = shorts ? (g.group_oc + 1) / 2 : g.group_oc;
  g.phases = s.stride * s.stride;
  const int row_len = g.map.planes.row_len;
  g.block_rows = imax(1, imin(g.map.max_rows, 1120 / row_len));
  g.tile_stride = round_up(g.block_rows * row_len, LANES);
  const int taps = s.kh * s.kw;
  int *offset = scratch<int>(-1, kGradOffsets, (size_t)g.elements * taps);
  size_t start = 0;
  for (int ph = 0; ph < g.phases; ph++) {
    const int a = ph / s.stride, b = ph % s.stride, nt = g.map.rows.taps[a] * g.map.cols.taps[b];
    g.depth[ph] = g.elements * nt, g.start[ph] = start, g.offset[ph] = offset;
    start += (size_t)g.depth[ph] * OB;
    for (int o = 0; o < g.elements; o++) {
      for (int t = 0; t < nt; t++) {
        const int th = t / g.map.cols.taps[b], tw = t % g.map.cols.taps[b];
        const int row = g.map.planes.top + g.map.rows.first[a] - th;
        const int col = g.map.planes.left + g.map.cols.first[b] - tw;
        *offset++ = o * g.map.planes.plane + row * row_len + col;
      }
    }
  }
  g.weights = start * g.blocks * s.groups;
  return g;
}

// codes: like q.w, or null where dy is not short.
static void pack_grad_weights(GradPlan &g, const Quantizers &q, const int16_t *codes) {
  const ConvShape &s = g.s;
  const int count = imax(q.count, 1), taps = s.kh * s.kw, items = s.groups * g.blocks;
  int32_t *out = scratch<int32_t>(-1, kGradWeights, count * g.weights);
  g.w = out;
  parallel(
      count * items,
      [&](int, int item) {
        const int k = item / items, group = item % items / g.blocks, i0 = item % g.blocks * OB;
        const size_t begin = ((size_t)k * s.oc + group * g.group_oc) * g.group_ic * taps;
        const size_t per_output = (size_t)g.group_ic * taps;
        const auto word = [&](int o, size_t at) {  // element o of dy, channel and tap `at`
          if (!codes) return float_bits(q.w[begin + o * per_output + at]);
          const int16_t *c = codes + begin + 2 * o * per_output + at;
          return pair(c[0], 2 * o + 1 < g.group_oc ? c[per_output] : (int16_t)0);
        };
        int32_t *dst = out + (size_t)item * (g.weights / items);
        for (int ph = 0; ph < g.phases; ph++) {
          const int a = ph / s.stride, b = ph % s.stride, nw = g.map.cols.taps[b],
                    nt = g.map.rows.taps[a] * nw;
          for (int o = 0; o < g.elements; o++) {
            for (int t = 0; t < nt; t++) {
              const int tap = (a + s.stride * (t / nw)) * s.kw + b + s.stride * (t % nw);
              for (int i = i0; i < i0 + OB; i++) {
                *dst++ = i < g.group_ic ? word(o, (size_t)i * taps + tap) : 0;
              }
            }
          }
        }
      },
      count * g.weights < (1 << 17));
}

struct StepSums {
  double in, hi;
};

// dx of one row from dL/dxq = g * unit, with the quantiser's mask, and the sums for its step and
// clip.
DQ_INLINE void finish_part(F g, F x, const ActQuant &q, F &dx, F &in, F &hi) {
  const F v = mul(x, set(q.inv)), top = set(q.top);
  const F code = mul(to_float(truncate(code_of(x, q))), set(1.f / q.ratio));
  dx = keep_inside(g, v, set(0.f), top);
  in = fma(dx, sub(code, v), in);
  hi = add(hi, keep_at_least(g, v, top));
}
static void finish_row(const float *g, float unit, const float *x, int n, const ActQuant *q,
                       float *dx, F &in, F &hi) {
  const F u = set(unit);
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    F d = mul(load(g + i), u);
    if (q) finish_part(d, load(x + i), *q, d, in, hi);
    store(dx + i, d);
  }
  if (i < n) {
    F d = mul(load_part(g + i, n - i), u);
    if (q) finish_part(d, load_part(x + i, n - i), *q, d, in, hi);
    store_part(dx + i, n - i, d);
  }
}

// One row of dxq out of the phases of its columns. Phases without taps are 0. row: room for w + 4 *
// LANES.
static void gather_row(const GradPlan &g, int a, const float *phase_rows, float *row) {
  const ConvShape &s = g.s;
  const size_t step = (size_t)OB * g.tile_stride;
  const GradAxis &c = g.map.cols;
  if (s.stride == 2) {
    const int even = (s.pad & 1) ? 1 : 0;  // the phase of column 0
    const bool has_even = c.taps[even] > 0, has_odd = c.taps[1 - even] > 0;
    const float *e = phase_rows + even * step, *o = phase_rows + (1 - even) * step;
    const F zero = set(0.f);
    for (int v = 0; v < c.count[even]; v += LANES) {
      interleave(has_even ? load(e + v) : zero, has_odd ? load(o + v) : zero, row + 2 * v);
    }
    return;
  }
  for (int b = 0; b < s.stride; b++) {
    const bool taps = g.depth[a * s.stride + b] > 0;
    for (int v = 0, j = s.stride * c.first[b] + b - s.pad; v < c.count[b]; v++, j += s.stride) {
      row[j] = taps ? phase_rows[b * step + v] : 0.f;
    }
  }
}

struct GradBuffers {
  int32_t *planes;
  float *tile, *row;
  int16_t *codes;  // of dy: GradientCodes
  float *step;
};

// What data_grad works on: images that share a quantiser (q null: none) and one pass over the
// weights.
struct GradWork {
  const float *x, *dy;
  float *dx;
  int k;
  const ActQuant *q;
  const int *image;
  int images;
  StepSums *sums;       // [n], added to
  GradientCodes codes;  // where dy is short
};

DQ_INLINE size_t planes_per_image(const GradPlan &g) {
  return (size_t)g.elements * g.map.planes.plane;
}

// Turns the tiles of `rows` rows from l on, outputs [first, first + outputs), into dx.
static void finish_block(const GradPlan &g, const GradWork &t, size_t n, float unit, int first,
                         int outputs, int l, int rows, const GradBuffers &buf) {
  const ConvShape &s = g.s;
  const size_t step = (size_t)OB * g.tile_stride;
  F in = set(0.f), hi = set(0.f);
  for (int o = 0; o < outputs; o++) {
    const size_t plane = (n * s.ic + first + o) * s.h * s.w;
    for (int r = 0; r < rows; r++) {
      for (int a = 0; a < s.stride; a++) {
        const int i = s.stride * (g.map.rows.first[a] + l + r) + a - s.pad;
        if (i >= s.h) continue;
        const size_t at = plane + (size_t)i * s.w;
        if (!g.map.rows.taps[a]) {
          memset(t.dx + at, 0, s.w * sizeof(float));
          continue;
        }
        const float *src =
            buf.tile + a * s.stride * step + o * g.tile_stride + r * g.map.planes.row_len;
        if (s.stride > 1) gather_row(g, a, src, buf.row), src = buf.row;
        finish_row(src, unit, t.x + at, s.w, t.q, t.dx + at, in, hi);
      }
    }
  }
  t.sums[n].in += sum(in), t.sums[n].hi += sum(hi);
}

static void prefetch_block(const GradPlan &g, const GradWork &t, size_t n, int first, int outputs,
                           int l, int rows) {
  const ConvShape &s = g.s;
  const size_t size = (size_t)imin(s.stride * rows, s.h) * s.w;
  for (int o = 0; o < outputs; o++) {
    const size_t at =
        (n * s.ic + first + o) * s.h * s.w + (size_t)imin(s.stride * l, s.h - 1) * s.w;
    if (t.q) prefetch(t.x + at, size);
    prefetch_for_writing(t.dx + at, size);
  }
}

// The tiles of all phases, from row l on.
template <class D, int V>
static void grad_tiles(const GradPlan &g, const int32_t *base, const int32_t *w, int outputs,
                       int pixels, float *tile) {
  for (int ph = 0; ph < g.phases; ph++) {
    if (!g.depth[ph]) continue;
    float *out = tile + (size_t)ph * OB * g.tile_stride;
    const int32_t *wp = w + g.start[ph];
    if (outputs == 1) {
      gemm_block<D, V, 1>(base, g.offset[ph], g.depth[ph], 1, wp, out, g.tile_stride, pixels);
    } else {
      gemm_block<D, V, OB>(base, g.offset[ph], g.depth[ph], 1, wp, out, g.tile_stride, pixels);
    }
  }
}

static void pack_dy(const GradPlan &g, const GradWork &t, int group, const GradBuffers &buf) {
  const ConvShape &s = g.s;
  for (int m = 0; m < t.images; m++) {
    int32_t *planes = buf.planes + m * planes_per_image(g);
    if (g.shorts) {
      const CodeMap map = code_map(g.group_oc, s.ho, s.wo);
      const int16_t *codes = t.codes.codes + ((size_t)m * s.groups + group) * map.size();
      pack_pairs(codes, map, g.map.planes, planes);
      continue;
    }
    const float *dy = t.dy + ((size_t)t.image[m] * s.oc + group * g.group_oc) * s.ho * s.wo;
    pack_planes<RawFloat>(dy, g.group_oc, g.map.planes, planes, nullptr, ActQuant{});
  }
}

static void data_grad(const GradPlan &g, const GradWork &t, const GradBuffers &buf) {
  const ConvShape &s = g.s;
  const PlaneMap &map = g.map.planes;
  const size_t per_block = g.weights / (s.groups * g.blocks);
  for (int group = 0; group < s.groups; group++) {
    pack_dy(g, t, group, buf);
    for (int l = 0; l < g.map.max_rows; l += g.block_rows) {
      const int rows = imin(g.block_rows, g.map.max_rows - l),
                pixels = (rows - 1) * map.row_len + g.map.max_cols;
      for (int b = 0; b < g.blocks; b++) {
        const int outputs = imin(OB, g.group_ic - b * OB), first = group * g.group_ic + b * OB;
        const int32_t *w = g.w + t.k * g.weights + (group * g.blocks + b) * per_block;
        for (int m = 0; m < t.images; m++) {
          const int32_t *base = buf.planes + m * planes_per_image(g) + l * map.row_len;
          prefetch_block(g, t, t.image[m], first, outputs, l, rows);
          float unit = 1.f;
          if (g.shorts) {
            grad_tiles<DotShorts, BYTE_V>(g, base, w, outputs, pixels, buf.tile);
            unit = t.codes.step[group];
          } else {
            grad_tiles<DotFloat, GEMM_V>(g, base, w, outputs, pixels, buf.tile);
          }
          finish_block(g, t, t.image[m], unit, first, outputs, l, rows, buf);
        }
      }
    }
  }
}

static GradBuffers *grad_buffers(const GradPlan &g, int images) {
  GradBuffers *table = scratch<GradBuffers>(-1, kTable, dq::pool_threads());
  const size_t planes = images * planes_per_image(g) + 8 * LANES + g.map.planes.row_len * 2;
  const size_t codes = images * g.s.groups * code_map(g.group_oc, g.s.ho, g.s.wo).size();
  for (int t = 0; t < dq::pool_threads(); t++) {
    table[t] = {scratch<int32_t>(t, kGradPlanes, planes),
                scratch<float>(t, kGradTile, (size_t)g.phases * OB * g.tile_stride + 2 * LANES),
                scratch<float>(t, kGradRow, g.s.w + 4 * LANES),
                scratch<int16_t>(t, kGradCodes, g.shorts ? codes + LANES : 0),
                scratch<float>(t, kGradSteps, g.s.groups)};
    memset(table[t].planes, 0, planes * sizeof(int32_t));
  }
  return table;
}

static void sum_steps(const Quantizers &q, const ConvShape &s, const int *choice,
                      const StepSums *sums, const ConvGrads &out) {
  for (int k = 0; k < q.count; k++) out.s_in[k] = out.s_hi[k] = 0;
  for (int n = 0; n < s.n; n++) {
    const int k = choice ? choice[n] : 0;
    out.s_in[k] += sums[n].in, out.s_hi[k] += sums[n].hi;
  }
}

// How dy is coded for each quantiser: `top`, its largest code, keeps every sum of products in 32
// bits.
struct ShortPlan {
  bool used;
  const int16_t *weights;  // codes, like Quantizers::w
  const float *top;        // [count]
};

constexpr float SMALLEST_TOP = 2047.f;  // coarser codes than 12 bits are not worth it

static ShortPlan short_plan(const ConvShape &s, const Quantizers &q) {
  const ShortPlan none = {false, nullptr, nullptr};
  if (!s.short_gradients || !q.count || WeightGrad::is_depthwise(s)) return none;
  const WeightCodes found = weight_codes(s, q);
  float *top = scratch<float>(-1, kGradTops, q.count);
  for (int k = 0; k < q.count; k++) {
    const Range &r = found.range[k];
    const double largest = -r.lo > r.hi ? -r.lo : r.hi,
                 depth = (double)s.oc / s.groups * s.kh * s.kw;
    if (!r.finite || largest > 32767.0) return none;
    const double data = largest * depth, weight = (double)q.a_max[k] * WeightGrad::tile_pixels(s);
    const double most = 2147483647.0 / (data > weight ? data : weight) - 1;
    top[k] = most < 32767.0 ? (float)(int)most : 32767.f;
    if (top[k] < SMALLEST_TOP) return none;
  }
  return {true, found.codes, top};
}

// Codes dy of the images of one pass.
static GradientCodes encode_images(const ConvShape &s, const Quantizers &q, const float *dy, int k,
                                   float top, const int *image, int images,
                                   const GradBuffers &buf) {
  const CodeMap map = code_map(s.oc / s.groups, s.ho, s.wo);
  for (int g = 0; g < s.groups; g++) {
    const size_t first = (size_t)g * map.channels;
    const OutputScales scales = {q.w_scale + k * q.scales + (q.scales == 1 ? 0 : first), q.scales};
    const auto of_image = [&](int m) {
      return dy + ((size_t)image[m] * s.oc + first) * s.ho * s.wo;
    };
    float largest = 0.f;
    for (int m = 0; m < images; m++) {
      const float one = largest_gradient(of_image(m), map, scales);
      largest = one <= largest ? largest : one;  // NaN stays
      if (one != one) break;
    }
    const float inv = largest > SMALLEST_GRADIENT ? top / largest : 0.f;  // 0 where it is NaN
    for (int m = 0; m < images; m++) {
      encode(of_image(m), map, scales, inv, buf.codes + ((size_t)m * s.groups + g) * map.size());
    }
    buf.step[g] = largest / top;
  }
  return {buf.codes, buf.step};
}

int conv_backward(const ConvShape &s, const Quantizers &q, const float *x, const int *choice,
                  const float *dy, const ConvGrads &out) {
  GradPlan g = {};
  GradBuffers *buffers = nullptr;
  StepSums *sums = scratch<StepSums>(-1, kStepSums, s.n);
  memset(sums, 0, s.n * sizeof(StepSums));
  const ShortPlan shorts = short_plan(s, q);
  WeightGrad wg(s, q, x, dy, shorts.used);
  if (out.dx) {
    g = grad_plan(s, shorts.used);
    pack_grad_weights(g, q, shorts.weights);
    buffers = grad_buffers(g, wg.together());
  }
  const Runs runs = make_runs(s.n, choice, q.count, wg.run_length());
  wg.prepare(runs);
  parallel(runs.count, [&](int thread, int item) {
    const Run &run = runs.run[item];
    const ActQuant quant = q.count ? act_quant(q, run.k) : ActQuant{};
    wg.begin(item);
    for (int i = 0; i < run.count; i += wg.together()) {
      const int *image = runs.order + run.first + i, images = imin(wg.together(), run.count - i);
      GradientCodes codes = {};
      if (shorts.used) {
        codes = encode_images(s, q, dy, run.k, shorts.top[run.k], image, images, buffers[thread]);
      }
      if (out.dx) {
        const GradWork work = {x,     dy,     out.dx, run.k, q.count ? &quant : nullptr,
                               image, images, sums,   codes};
        data_grad(g, work, buffers[thread]);
      }
      wg.add_images(thread, item, image, images, quant, codes);
    }
  });
  wg.finish(runs, out.dw);
  if (q.count) sum_steps(q, s, choice, sums, out);
  return dq::kOk;
}

}  // namespace DQ_NS
