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

// levels.cc: the nearest of rising levels for each value, and its gradient with the sums that
// levels get (level_sums.h). Sums are made per piece and added in order, whatever the threads did.
//
// A value's level has the index of its place among the middles: very few of them are all compared,
// more are searched (level_search.h).
#include "pointwise/level_search.h"
#include "pointwise/level_sums.h"
#include "simd/kernels.h"
#include "threads/parallel.h"

namespace DQ_NS {

constexpr size_t PIECE = 1 << 15;  // values per item

struct Span {
  size_t begin;
  int size;
};

static int piece_count(const dq::Levels &g) { return (int)((g.size + PIECE - 1) / PIECE); }

template <class Body>
static void each_chunk(const dq::Levels &g, int item, Body &&body) {
  const size_t first = (size_t)item * PIECE;
  const size_t last = first + PIECE < g.size ? first + PIECE : g.size;
  for (size_t i = first; i < last; i += CHUNK) {
    body(Span{i, (int)(last - i < (size_t)CHUNK ? last - i : CHUNK)});
  }
}

// The nearest levels of n values, by comparisons.
static void compare(const dq::Levels &g, const float *x, float *y, int n) {
  constexpr int UNROLL = 4;
  int i = 0;
  for (; i + UNROLL * LANES <= n; i += UNROLL * LANES) {
    F v[UNROLL], best[UNROLL];
    DQ_UNROLL
    for (int u = 0; u < UNROLL; u++) {
      v[u] = load(x + i + u * LANES), best[u] = set(g.values[0]);
    }
    for (int k = 1; k < g.count; k++) {
      const F middle = set(g.middles[k - 1]), value = set(g.values[k]);
      DQ_UNROLL
      for (int u = 0; u < UNROLL; u++) {
        best[u] = pick_at_least(best[u], value, v[u], middle);
      }
    }
    DQ_UNROLL
    for (int u = 0; u < UNROLL; u++) store(y + i + u * LANES, best[u]);
  }
  each_vector(n - i, [&](int at, auto get, auto put) {
    const F v = get(x + i + at);
    F best = set(g.values[0]);
    for (int k = 1; k < g.count; k++) {
      best = pick_at_least(best, set(g.values[k]), v, set(g.middles[k - 1]));
    }
    put(y + i + at, best);
  });
}

void levels_forward(const dq::Levels &g, const float *x, float *y) {
  const LevelSearch middles(g.middles, g.count - 1);
  alignas(64) float values[1 << MOST_STEPS];  // the last one again for infinities
  for (int k = 0; k < 1 << MOST_STEPS; k++) values[k] = g.values[k < g.count ? k : g.count - 1];
  parallel(piece_count(g), [&](int, int item) {
    each_chunk(g, item, [&](Span s) {
      const float *u = x + s.begin;
      float *out = y + s.begin;
      if (g.count < SEARCHED) return compare(g, u, out, s.size);
      middles.with([&](auto place, auto table) {
        each_vector(s.size, [&](int i, auto get, auto put) {
          put(out + i, table(values, place(get(u + i))));
        });
      });
    });
  });
}

// From sums of (level - x) dy between neighbouring levels, and of dy below and above them.
static void interpolate(const dq::Levels &g, const double *between, const double *outside,
                        double *held) {
  for (int k = 0; k < g.count; k++) held[k] = 0;
  for (int k = 1; k < g.count; k++) {
    const double gap = (double)g.values[k] - g.values[k - 1];
    const double slope = gap > 0 ? between[k] / gap : 0;
    held[k - 1] -= slope, held[k] += slope;
  }
  held[0] += outside[0], held[g.count - 1] += outside[1];
}

void levels_backward(const dq::Levels &g, const float *x, const float *y, const float *dy,
                     float *dx, const dq::LevelSums &out) {
  const Thresholds middles(g.middles, g.count - 1), levels(g.values, g.count);
  const Thresholds &first = out.interpolated ? levels : middles;
  const int items = piece_count(g), outside = first.count + 1, apart = outside + 2;
  const int width = apart + g.count;
  double *sums = scratch<double>(-1, kStepSums, (size_t)items * width);
  parallel(items, [&](int, int item) {
    double *own = sums + (size_t)item * width;
    Between task(first, !out.interpolated, own), pull(middles, true, own + apart);
    Ends ends(g);
    each_chunk(g, item, [&](Span s) {
      const float *u = x + s.begin, *v = y + s.begin, *d = dy + s.begin;
      float *to = dx + s.begin;
      const auto pass = [&](int i, F value, auto get, auto put) {
        const F gradient = get(d + i);
        put(to + i, ends.take(value, gradient));
        return gradient;
      };
      if (out.interpolated) {
        task.take(u, s.size, [&](int i, F value, auto get, auto put) {
          return mul(sub(get(v + i), value), pass(i, value, get, put));
        });
      } else {
        task.take(u, s.size, pass);
      }
      if (!out.apart) return;
      pull.take(u, s.size, [&](int i, F value, auto get, auto) { return sub(get(v + i), value); });
    });
    task.write(), ends.write(own + outside), pull.write();
  });
  for (int i = 1; i < items; i++) {
    for (int k = 0; k < width; k++) sums[k] += sums[(size_t)i * width + k];
  }
  for (int k = 0; k < g.count; k++) {
    if (!out.interpolated) out.held[k] = sums[k];
    if (out.apart) out.apart[k] = sums[apart + k];
  }
  if (out.interpolated) interpolate(g, sums, sums + outside, out.held);
}

}  // namespace DQ_NS
