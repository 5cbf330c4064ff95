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

// levels.cc: the nearest of rising levels for each value, and the sums of its gradient over what
// each level holds, in one pass. Sums are made per piece and added in order, whatever the threads
// did.
//
// Few levels: a vector is compared with every middle; the sum over a level is the difference of two
// sums over all values from a middle on, so that nothing is scattered. Many levels: a search for
// each value, and a sum per level.
#include <cmath>

#include "simd/kernels.h"
#include "threads/parallel.h"

namespace DQ_NS {

constexpr size_t PIECE = 1 << 15;  // values per item
constexpr int CHUNK = 1024;        // values that stay in the first-level cache
constexpr int MOST = 256;          // levels
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

// above[k] += d of the values x that are at least middles[k], for four of them.
static void add_above(const float *x, const float *d, int n, const float *middles, F *above) {
  const F m0 = set(middles[0]), m1 = set(middles[1]), m2 = set(middles[2]), m3 = set(middles[3]);
  F s0 = above[0], s1 = above[1], s2 = above[2], s3 = above[3];
  each_vector(n, [&](int i, auto get, auto) {
    const F v = get(x + i), t = get(d + i);
    s0 = add(s0, keep_at_least(t, v, m0)), s1 = add(s1, keep_at_least(t, v, m1));
    s2 = add(s2, keep_at_least(t, v, m2)), s3 = add(s3, keep_at_least(t, v, m3));
  });
  above[0] = s0, above[1] = s1, above[2] = s2, above[3] = s3;
}

// Sums over what each level holds, by comparisons: those of d from a middle on, below all others
// the sum of everything.
struct Above {
  F all, from[MOST + 4];

  explicit Above(int count) : all(set(0.f)) {
    for (int k = 0; k < count + 4; k++) from[k] = set(0.f);
  }

  void take(const dq::Levels &g, const float *middles, const float *x, const float *d, int n) {
    each_vector(n, [&](int i, auto get, auto) { all = add(all, get(d + i)); });
    for (int k = 0; k < g.count - 1; k += 4) add_above(x, d, n, middles + k, from + k);
  }

  void write(int count, double *sums) const {
    double here = sum(all);
    for (int k = 0; k < count; k++) {
      const double next = k + 1 < count ? sum(from[k]) : 0;
      sums[k] = here - next, here = next;
    }
  }
};

// Middles in groups of four, then of what no value reaches; as many as a power of two for the
// search.
struct Middles {
  float at[MOST + 4];
  int half;  // of the smallest power of two that is not below the number of levels

  explicit Middles(const dq::Levels &g) : half(1) {
    while (2 * half < g.count) half *= 2;
    for (int k = 0; k < MOST + 4; k++) at[k] = k < g.count - 1 ? g.middles[k] : INFINITY;
  }

  int place(float v, int count) const {
    int found = 0;
    for (int step = half; step > 0; step /= 2) found += v >= at[found + step - 1] ? step : 0;
    return found < count ? found : count - 1;
  }
};

void levels_forward(const dq::Levels &g, const float *x, float *y) {
  const Middles middles(g);
  parallel(piece_count(g), [&](int, int item) {
    each_chunk(g, item, [&](Span s) {
      if (g.count <= FEW) return compare(g, x + s.begin, y + s.begin, s.size);
      for (int i = 0; i < s.size; i++) {
        y[s.begin + i] = g.values[middles.place(x[s.begin + i], g.count)];
      }
    });
  });
}

// dy where x lies between the outermost levels.
static void pass_inside(const dq::Levels &g, const float *x, const float *dy, float *dx, int n) {
  const F low = set(g.values[0]), high = set(-g.values[g.count - 1]), zero = set(0.f);
  each_vector(n, [&](int i, auto get, auto put) {
    const F v = get(x + i);
    put(dx + i, keep_at_least(keep_at_least(get(dy + i), v, low), sub(zero, v), high));
  });
}

void levels_backward(const dq::Levels &g, const float *x, const float *dy, float *dx, double *held,
                     double *apart) {
  const Middles middles(g);
  const int items = piece_count(g), width = g.count * (apart ? 2 : 1);
  double *sums = scratch<double>(-1, kStepSums, (size_t)items * width);
  parallel(items, [&](int, int item) {
    double *own = sums + (size_t)item * width, *own_apart = own + g.count;
    float error[CHUNK];
    if (g.count <= FEW) {
      Above task(g.count), pull(g.count);
      each_chunk(g, item, [&](Span s) {
        const float *u = x + s.begin, *d = dy + s.begin;
        pass_inside(g, u, d, dx + s.begin, s.size);
        task.take(g, middles.at, u, d, s.size);
        if (!apart) return;
        compare(g, u, error, s.size);
        each_vector(s.size, [&](int i, auto get, auto put) {
          put(error + i, sub(get(error + i), get(u + i)));
        });
        pull.take(g, middles.at, u, error, s.size);
      });
      task.write(g.count, own);
      if (apart) pull.write(g.count, own_apart);
      return;
    }
    for (int k = 0; k < width; k++) own[k] = 0;
    each_chunk(g, item, [&](Span s) {
      pass_inside(g, x + s.begin, dy + s.begin, dx + s.begin, s.size);
      for (size_t i = s.begin; i < s.begin + s.size; i++) {
        const int k = middles.place(x[i], g.count);
        own[k] += dy[i];
        if (apart) own_apart[k] += g.values[k] - x[i];
      }
    });
  });
  for (int k = 0; k < width; k++) {
    double total = 0;
    for (int i = 0; i < items; i++) total += sums[(size_t)i * width + k];
    (k < g.count ? held[k] : apart[k - g.count]) = total;
  }
}

}  // namespace DQ_NS
