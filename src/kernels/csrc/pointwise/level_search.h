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

// level_search.h: how many of rising thresholds each value of a vector has reached: a binary search
// that all lanes walk at once. Its step s has 2^s thresholds, most of which registers hold.
#pragma once
#include <cmath>
#include <utility>

#include "simd/simd.h"

namespace DQ_NS {

constexpr int MOST_LEVELS = 256;
constexpr int MOST_STEPS = 9;  // with a threshold at each level

// Levels from which on a search beats comparing with all of them.
constexpr int SEARCHED = LANES == 16 ? 5 : LANES == 8 ? 9 : 41;

// Where the thresholds of a step begin in a tree: at whole lines of the cache.
DQ_INLINE constexpr int step_begin(int s) { return s < 4 ? 1 << MOST_STEPS | 16 * s : 1 << s; }

// A lane's number of thresholds at or below v; of NaN 0. tree: as LevelSearch has it.
template <int STEPS, int S = 0>
DQ_INLINE I search(const float *tree, F v, I node) {
  if constexpr (S == STEPS) {
    return node;
  } else {
    const F threshold = look_up<1 << S>(tree + step_begin(S), node);
    return search<STEPS, S + 1>(tree, v, descend(node, v, threshold));
  }
}

class LevelSearch {
 public:
  // n rising thresholds, MOST_LEVELS at most.
  LevelSearch(const float *thresholds, int n) {
    while (1 << steps_ <= n) steps_++;
    for (int s = 0; s < steps_; s++) {
      const int apart = 1 << (steps_ - s);
      for (int i = 0; i < 1 << s; i++) {
        const int at = i * apart + apart / 2 - 1;
        tree_[step_begin(s) + i] = at < n ? thresholds[at] : INFINITY;
      }
    }
  }

  // body(place, table): place(v) gives each lane's, 0..2^steps - 1, that of an infinity perhaps
  // beyond n; table(values, place) looks values up, 2^steps of them in whole vectors.
  template <class Body>
  void with(Body &&body) const {
    with(body, std::make_integer_sequence<int, MOST_STEPS + 1>());
  }

 private:
  template <class Body, int... STEPS>
  void with(Body &body, std::integer_sequence<int, STEPS...>) const {
    ((STEPS == steps_ ? run<STEPS>(body) : void()), ...);
  }

  template <int STEPS, class Body>
  void run(Body &body) const {
    body([this](F v) { return search<STEPS>(tree_, v, iset(0)); },
         [](const float *values, I place) { return look_up<1 << STEPS>(values, place); });
  }

  int steps_ = 0;
  alignas(64) float tree_[(1 << MOST_STEPS) + 4 * 16] = {};
};

}  // namespace DQ_NS
