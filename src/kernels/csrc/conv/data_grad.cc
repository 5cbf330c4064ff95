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

#include "conv/data_grad.h"

#include "conv/weights.h"

namespace DQ_NS {

static GradPlan geometry(const ConvShape &s, bool shorts) {
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

// The rest of the plan is of no use by Winograd.
static GradPlan winograd_plan(const ConvShape &s, const Quantizers &q, int images) {
  GradPlan g = {};
  g.s = s, g.map = grad_map(s), g.by_winograd = true;
  g.winograd = winograd(s, images, true);
  g.weights = g.winograd.weights();
  const int count = imax(q.count, 1);
  float *out = scratch<float>(-1, kGradWeights, count * g.weights);
  for (int k = 0; k < count; k++) {
    winograd_weights(g.winograd, q.w + (size_t)k * 9 * s.oc * s.ic, out + k * g.weights);
  }
  g.w = (const int32_t *)out;
  return g;
}

GradPlan grad_plan(const ConvShape &s, const Quantizers &q, const int16_t *codes, int images) {
  if (!codes && winograd_fits(s)) return winograd_plan(s, q, images);
  GradPlan g = geometry(s, codes != nullptr);
  pack_grad_weights(g, q, codes);
  return g;
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

DQ_INLINE size_t planes_per_image(const GradPlan &g) {
  return (size_t)g.elements * g.map.planes.plane;
}

// Turns the tiles of `rows` rows from l on, outputs [first, first + outputs), into dx.
template <class Row>
static void finish_block(const GradPlan &g, const GradWork &t, size_t n, float unit, int first,
                         int outputs, int l, int rows, Row &&row) {
  const ConvShape &s = g.s;
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
        finish_row(row(o, r, a), unit, t.x + at, s.w, t.q, t.dx + at, in, hi);
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

static void winograd_grad(const GradPlan &g, const GradWork &t, const GradBuffers &buf) {
  const ConvShape &s = g.s;
  winograd_pass(
      g.winograd, buf.winograd, (const float *)g.w + t.k * g.weights, t.images,
      [&](int m) { return t.dy + (size_t)t.image[m] * s.oc * s.ho * s.wo; },
      [&](int m, int first, int outputs, int h, int rows) {
        prefetch_block(g, t, t.image[m], first, outputs, h, rows);
      },
      [&](int m, int first, int outputs, int h, int rows, auto &&row) {
        finish_block(g, t, t.image[m], 1.f, first, outputs, h, rows,
                     [&](int o, int r, int) { return row(o, r); });
      });
}

void data_grad(const GradPlan &g, const GradWork &t, const GradBuffers &buf) {
  if (g.by_winograd) return winograd_grad(g, t, buf);
  const ConvShape &s = g.s;
  const auto row = [&](int o, int r, int a) {
    const float *src = buf.tile + (size_t)a * s.stride * OB * g.tile_stride + o * g.tile_stride +
                       r * g.map.planes.row_len;
    if (s.stride > 1) gather_row(g, a, src, buf.row), src = buf.row;
    return src;
  };
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
          finish_block(g, t, t.image[m], unit, first, outputs, l, rows, row);
        }
      }
    }
  }
}

GradBuffers *grad_buffers(const GradPlan &g, int images) {
  GradBuffers *table = scratch<GradBuffers>(-1, kTable, dq::pool_threads());
  if (g.by_winograd) {
    const WinogradBuffers *winograd = winograd_buffers(g.winograd);
    for (int t = 0; t < dq::pool_threads(); t++) {
      table[t] = {};
      table[t].winograd = winograd[t];
    }
    return table;
  }
  const size_t planes = images * planes_per_image(g) + 8 * LANES + g.map.planes.row_len * 2;
  const size_t codes = images * g.s.groups * code_map(g.group_oc, g.s.ho, g.s.wo).size();
  for (int t = 0; t < dq::pool_threads(); t++) {
    table[t] = {scratch<int32_t>(t, kGradPlanes, planes),
                scratch<float>(t, kGradTile, (size_t)g.phases * OB * g.tile_stride + 2 * LANES),
                scratch<float>(t, kGradRow, g.s.w + 4 * LANES),
                scratch<int16_t>(t, kGradCodes, g.shorts ? codes + LANES : 0),
                scratch<float>(t, kGradSteps, g.s.groups),
                {}};
    memset(table[t].planes, 0, planes * sizeof(int32_t));
  }
  return table;
}

}  // namespace DQ_NS
