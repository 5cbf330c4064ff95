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

// levels.cc: the nearest of rising levels for each value, and the sums of its gradient that levels
// get, in one pass. Sums are made per piece and added in order, whatever the threads did.
//
// Few levels: a vector is compared with every middle; a sum between two thresholds is the
// difference of two sums over all values from a threshold on, so that nothing is scattered. Many
// levels: a search for each value, and a sum per level.
#include <cmath>

#include "simd/kernels.h"
#include "threads/parallel.h"

namespace DQ_NS {

constexpr size_t PIECE = 1 << 15;  // values per item
constexpr int CHUNK = 1024;        // values that stay in the first-level cache
constexpr int MOST = 256;          // levels
constexpr int GROUP = 8;           // thresholds that registers hold
constexpr int FEW = 40;            // up to here comparing beats searching

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

// body(offset, load, store) for the vectors of n values, the last of which may be a part.
template <class Body>
static void each_vector(int n, Body &&body) {
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    body(i, [](const float *p) { return load(p); }, [](float *p, F v) { store(p, v); });
  }
  const int rest = n - i;
  if (rest) {
    body(
        i, [rest](const float *p) { return load_part(p, rest); },
        [rest](float *p, F v) { store_part(p, rest, v); });
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

// above[k] += d of the values x that are at least at[k], for a group of them.
static void add_above(const float *x, const float *d, int n, const float *at, F *above) {
  F t[GROUP], s[GROUP];
  DQ_UNROLL
  for (int k = 0; k < GROUP; k++) t[k] = set(at[k]), s[k] = above[k];
  each_vector(n, [&](int i, auto get, auto) {
    const F v = get(x + i), u = get(d + i);
    DQ_UNROLL
    for (int k = 0; k < GROUP; k++) s[k] = add_at_least(s[k], u, v, t[k]);
  });
  DQ_UNROLL
  for (int k = 0; k < GROUP; k++) above[k] = s[k];
}

// Rising thresholds in groups, then what no value reaches; as many as a power of two for the
// search.
struct Thresholds {
  int count, half;  // half of the smallest power of two above the count
  float at[MOST + GROUP];

  Thresholds(const float *values, int n) : count(n), half(1) {
    while (2 * half <= count) half *= 2;
    for (int k = 0; k < MOST + GROUP; k++) at[k] = k < count ? values[k] : INFINITY;
  }

  // How many are at or below a value.
  int place(float v) const {
    int found = 0;
    for (int step = half; step > 0; step /= 2) found += v >= at[found + step - 1] ? step : 0;
    return found < count ? found : count;
  }
};

// Sums of d over the values x between neighbouring thresholds: count + 1 of them, from below the
// first, where d counts only if `below`, to above the last.
class Between {
 public:
  Between(const Thresholds &t, bool below, double *sums)
      : t_(t), below_(below), sums_(sums), all_(set(0.f)) {
    for (int k = 0; k < t.count + GROUP; k++) from_[k] = set(0.f);
    for (int k = 0; k <= t.count; k++) sums_[k] = 0;
  }

  void take(const float *x, const float *d, int n) {
    if (t_.count > FEW) {
      for (int i = 0; i < n; i++) sums_[t_.place(x[i])] += d[i];
      return;
    }
    if (below_) each_vector(n, [&](int i, auto get, auto) { all_ = add(all_, get(d + i)); });
    for (int k = 0; k < t_.count; k += GROUP) add_above(x, d, n, t_.at + k, from_ + k);
  }

  void write() const {
    if (t_.count > FEW) return;
    double here = sum(all_);
    for (int k = 0; k <= t_.count; k++) {
      const double next = k < t_.count ? sum(from_[k]) : 0;
      sums_[k] = here - next, here = next;
    }
  }

 private:
  const Thresholds &t_;
  const bool below_;
  double *sums_;
  F all_, from_[MOST + GROUP];
};

void levels_forward(const dq::Levels &g, const float *x, float *y) {
  const Thresholds middles(g.middles, g.count - 1);
  parallel(piece_count(g), [&](int, int item) {
    each_chunk(g, item, [&](Span s) {
      if (g.count <= FEW) return compare(g, x + s.begin, y + s.begin, s.size);
      for (int i = 0; i < s.size; i++) y[s.begin + i] = g.values[middles.place(x[s.begin + i])];
    });
  });
}

// dy where x lies between the outermost levels, and the sums of dy over all others.
class Ends {
 public:
  explicit Ends(const dq::Levels &g)
      : low_(set(g.values[0])),
        top_(set(g.values[g.count - 1])),
        minus_top_(set(-g.values[g.count - 1])),
        all_(set(0.f)),
        from_low_(set(0.f)),
        from_top_(set(0.f)) {}

  void pass_inside(const float *x, const float *dy, float *dx, int n) {
    const F zero = set(0.f);
    each_vector(n, [&](int i, auto get, auto put) {
      const F v = get(x + i), d = get(dy + i);
      const F from_low = keep_at_least(d, v, low_);
      put(dx + i, keep_at_least(from_low, sub(zero, v), minus_top_));
      all_ = add(all_, d), from_low_ = add(from_low_, from_low);
      from_top_ = add_at_least(from_top_, d, v, top_);
    });
  }

  void write(double *below_and_above) const {
    below_and_above[0] = (double)sum(all_) - sum(from_low_);
    below_and_above[1] = sum(from_top_);
  }

 private:
  const F low_, top_, minus_top_;
  F all_, from_low_, from_top_;
};

// level - x, times dy where that is given.
static void errors(const float *x, const float *y, const float *dy, float *out, int n) {
  each_vector(n, [&](int i, auto get, auto put) {
    const F error = sub(get(y + i), get(x + i));
    put(out + i, dy ? mul(error, get(dy + i)) : error);
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
    float error[CHUNK];
    each_chunk(g, item, [&](Span s) {
      const float *u = x + s.begin, *v = y + s.begin, *d = dy + s.begin;
      ends.pass_inside(u, d, dx + s.begin, s.size);
      if (out.interpolated) errors(u, v, d, error, s.size);
      task.take(u, out.interpolated ? error : d, s.size);
      if (!out.apart) return;
      errors(u, v, nullptr, error, s.size);
      pull.take(u, error, s.size);
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
