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

// fake_quant.cc: a uniform quantiser on its own, for weights and dense layers: value = code *
// scale, and its gradients.
#include "simd/kernels.h"
#include "threads/parallel.h"

namespace DQ_NS {

constexpr size_t PIECE = 1 << 15;  // values per item; also fixes the order of the sums

// A piece of a row: the constants of the row's grid, and which values. q = floor(clamp(x * inv,
// bottom, top) + 0.5) is the master's code, where there is one.
struct Piece {
  F inv, scale, low, high, bottom, top, ratio, unit;
  bool nested;
  size_t begin, end;

  inline F code(F v) const {
    const F half = set(0.5f), q = vfloor(add(vmin(vmax(v, bottom), top), half));
    if (!nested) return q;
    return vmin(vmax(vfloor(add(mul(q, ratio), half)), low), high);
  }
};

static int pieces_per_row(const dq::Grid &g) { return (int)((g.row + PIECE - 1) / PIECE); }

static Piece piece_of(const dq::Grid &g, int item) {
  const size_t r = item / pieces_per_row(g), first = item % pieces_per_row(g) * PIECE;
  const size_t last = first + PIECE < g.row ? first + PIECE : g.row;
  const float ratio = dq::nested_ratio(g.inv[r], g.scale[r]);
  Piece p = {};
  p.inv = set(g.inv[r]), p.scale = set(g.scale[r]), p.ratio = set(ratio), p.unit = set(1 / ratio);
  p.low = set(g.low), p.high = set(g.high);
  p.bottom = set(g.low / ratio), p.top = set((g.high + 1) / ratio - 1);
  p.nested = ratio != 1.f;
  p.begin = r * g.row + first, p.end = r * g.row + last;
  return p;
}

void quant_forward(const dq::Grid &g, const float *x, float *y) {
  parallel((int)g.rows * pieces_per_row(g), [&](int, int item) {
    const Piece p = piece_of(g, item);
    const auto one = [&](F u) { return mul(p.code(mul(u, p.inv)), p.scale); };
    size_t i = p.begin;
    for (; i + LANES <= p.end; i += LANES) store(y + i, one(load(x + i)));
    const int rest = (int)(p.end - i);
    if (rest) store_part(y + i, rest, one(load_part(x + i, rest)));
  });
}

void quant_backward(const dq::Grid &g, const float *x, const float *dy, bool more, float *dx,
                    double *step, double *clip) {
  const int pieces = pieces_per_row(g), items = (int)g.rows * pieces;
  double *sums = scratch<double>(-1, kStepSums, 2 * (size_t)items);
  parallel(items, [&](int, int item) {
    const Piece p = piece_of(g, item);
    F in = set(0.f), above = set(0.f);
    const auto one = [&](F u, F d) {
      const F v = mul(u, p.inv), inside = keep_inside(d, v, p.bottom, p.top);
      const F v_inside = keep_inside(v, v, p.bottom, p.top);
      in = fma(d, sub(mul(p.code(v), p.unit), v_inside), in);
      above = add(above, keep_at_least(d, v, p.top));
      return inside;
    };
    size_t i = p.begin;
    for (; i + LANES <= p.end; i += LANES) {
      const F d = one(load(x + i), load(dy + i));
      store(dx + i, more ? add(load(dx + i), d) : d);
    }
    const int rest = (int)(p.end - i);
    if (rest) {
      const F d = one(load_part(x + i, rest), load_part(dy + i, rest));
      store_part(dx + i, rest, more ? add(load_part(dx + i, rest), d) : d);
    }
    sums[2 * item] = sum(in), sums[2 * item + 1] = sum(above);
  });
  for (size_t r = 0; r < g.rows; r++) {
    step[r] = clip[r] = 0;
    for (int i = 0; i < pieces; i++) {
      step[r] += sums[2 * (r * pieces + i)];
      clip[r] += sums[2 * (r * pieces + i) + 1];
    }
  }
}

}  // namespace DQ_NS
