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

// level_sums.h: what the levels of a tensor get from its gradients: sums over the values between
// neighbouring thresholds, and over those outside all levels.
//
// Few thresholds: a sum between two is the difference of two sums over all values from a threshold
// on, so that nothing is scattered. Many: a search for each value, and a sum per level.
#pragma once
#include <cmath>

#include "pointwise/level_search.h"
#include "simd/kernels.h"

namespace DQ_NS {

constexpr int CHUNK = 1024;  // values that stay in the first-level cache; whole vectors
constexpr int FEW = 40;      // thresholds up to which comparing beats searching
constexpr int GROUP = LANES == 16 ? 16 : 8;  // thresholds whose sums registers hold

// body(offset, load, store) for the vectors of n values, the last of which may be a part.
template <class Body>
DQ_INLINE void each_vector(int n, Body &&body) {
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

// Rising thresholds, behind them what no value reaches.
struct Thresholds {
  int count;
  float at[MOST_LEVELS + GROUP];
  LevelSearch search;

  Thresholds(const float *values, int n) : count(n), search(values, n) {
    for (int k = 0; k < MOST_LEVELS + GROUP; k++) at[k] = k < n ? values[k] : INFINITY;
  }
};

// Sums of d over the values x between neighbouring thresholds: count + 1 of them, from below the
// first, where d counts only if `below`, to above the last.
class Between {
 public:
  Between(const Thresholds &t, bool below, double *sums)
      : t_(t), below_(below), few_(t.count <= FEW), sums_(sums), all_(set(0.f)) {
    for (int k = 0; few_ && k < t.count + GROUP; k++) from_[k] = set(0.f);
    for (int k = 0; !few_ && k < TABLES; k++) {
      for (int i = 0; i <= t.count; i++) tables_[k][i] = 0;
    }
  }

  // n values, CHUNK at most. get_d(i, value, load, store): d of the vector of values at i.
  template <class D>
  void take(const float *x, int n, D &&get_d) {
    float d[CHUNK];
    const auto keep_d = [&](int i, F v, auto get, auto put) {
      const F found = get_d(i, v, get, put);
      put(d + i, found);
      return found;
    };
    if (few_) {
      add_from(x, n, 0, keep_d);
      for (int k = GROUP; k < t_.count; k += GROUP) {
        add_from(x, n, k, [&](int i, F, auto get, auto) { return get(d + i); });
      }
    } else {
      each_vector(n, [&](int i, auto get, auto put) { keep_d(i, get(x + i), get, put); });
      scatter(x, d, n);
    }
  }

  void write() const {
    if (!few_) {
      for (int k = 0; k <= t_.count; k++) {
        sums_[k] = 0;
        for (const auto &table : tables_) sums_[k] += table[k];
      }
      return;
    }
    double here = sum(all_);
    for (int k = 0; k <= t_.count; k++) {
      const double next = k < t_.count ? sum(from_[k]) : 0;
      sums_[k] = here - next, here = next;
    }
  }

 private:
  static constexpr int TABLES = 4;  // so that an addition need not wait for the one before

  // from_[k] += d of the values that are at least threshold k, for the group from `first` on.
  template <class D>
  inline void add_from(const float *x, int n, int first, D &&get_d) {
    F s[GROUP], all = all_;
    DQ_UNROLL
    for (int k = 0; k < GROUP; k++) s[k] = from_[first + k];
    const float *at = t_.at + first;
    each_vector(n, [&](int i, auto get, auto put) {
      const F v = get(x + i), d = get_d(i, v, get, put);
      if (below_) all = add(all, d);
      DQ_UNROLL
      for (int k = 0; k < GROUP; k++) s[k] = add_at_least(s[k], d, v, set(at[k]));
    });
    DQ_UNROLL
    for (int k = 0; k < GROUP; k++) from_[first + k] = s[k];
    if (!first) all_ = all;
  }

  void scatter(const float *x, const float *d, int n) {
    int32_t places[CHUNK];  // whole vectors, the last one too
    t_.search.with([&](auto place, auto) {
      each_vector(n, [&](int i, auto get, auto) { istore(places + i, place(get(x + i))); });
    });
    for (int i = 0; i < n; i++) {
      const int k = places[i] < t_.count ? places[i] : t_.count;
      tables_[i % TABLES][k] += d[i];
    }
  }

  const Thresholds &t_;
  const bool below_, few_;
  double *sums_;
  F all_, from_[FEW + GROUP];
  double tables_[TABLES][MOST_LEVELS + 1];
};

// What of dy reaches x, and the sums of dy over what lies outside the outermost levels.
class Ends {
 public:
  explicit Ends(const dq::Levels &g)
      : low_(set(g.values[0])),
        top_(set(g.values[g.count - 1])),
        minus_top_(set(-g.values[g.count - 1])),
        all_(set(0.f)),
        from_low_(set(0.f)),
        from_top_(set(0.f)) {}

  // dL/dx of the values v.
  inline F take(F v, F dy) {
    const F from_low = keep_at_least(dy, v, low_);
    all_ = add(all_, dy), from_low_ = add(from_low_, from_low);
    from_top_ = add_at_least(from_top_, dy, v, top_);
    return keep_at_least(from_low, sub(set(0.f), v), minus_top_);
  }

  void write(double *below_and_above) const {
    below_and_above[0] = (double)sum(all_) - sum(from_low_);
    below_and_above[1] = sum(from_top_);
  }

 private:
  F low_, top_, minus_top_, all_, from_low_, from_top_;
};

}  // namespace DQ_NS
