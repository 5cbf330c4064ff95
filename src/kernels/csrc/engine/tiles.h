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
// tiles.h: what kernels for codes share: the products of a tile, whose sums stay in registers,
// blocks of channels in pairs, and parts of their work. Included only by files compiled per
// instruction set.
#pragma once
#include "engine/dot_bytes.h"

namespace DQ_NS {

// How a tile passes its codes: `rows` stretches of `words` words, the codes of each in a row.
struct Window {
  int rows, words;
  size_t steps() const { return size_t(rows) * words; }
};

// Blocks come in pairs; the last one of a group may be alone.
inline bool is_paired(const dq::CodeConv &c, int block) { return (block | 1) < c.group_blocks(); }

// One tile: sums of `Pixels` pixels at x[], `Blocks` blocks of channels.
template <class A, int Pixels, int Blocks>
DQ_INLINE void sum_up(const uint8_t *(&x)[Pixels], const Window &window, ptrdiff_t step, int in_row,
                      ptrdiff_t next_row, const int32_t *start, const uint8_t *w,
                      Sums (&sums)[Pixels][Blocks]) {
  DQ_UNROLL
  for (int p = 0; p < Pixels; p++) {
    DQ_UNROLL
    for (int b = 0; b < Blocks; b++) sums[p][b] = load_sums(start + 16 * b);
  }
  for (int row = 0, tap = 0; row < window.rows; row++) {
    for (int i = 0; i < window.words; i++, w += Blocks * A::WORD_BYTES) {
      typename A::W weights[Blocks];
      DQ_UNROLL
      for (int b = 0; b < Blocks; b++) weights[b] = A::w(w + b * A::WORD_BYTES);
      DQ_UNROLL
      for (int p = 0; p < Pixels; p++) {
        const typename A::X codes = A::x(x[p] + 4 * i);
        DQ_UNROLL
        for (int b = 0; b < Blocks; b++) A::step(&sums[p][b], codes, weights[b]);
      }
    }
    const bool ends = ++tap == in_row;
    const ptrdiff_t move = ends ? next_row : step;
    if (ends) tap = 0;
    DQ_UNROLL
    for (int p = 0; p < Pixels; p++) x[p] += move;
  }
}

// Which of `items` belong to part `part` of `parts`, in whole multiples of `grain`.
struct Share {
  int first, last;
  Share(int items, int grain, int part, int parts) {
    const int64_t grains = (items + grain - 1) / grain;
    first = int(grains * part / parts) * grain;
    last = int(grains * (part + 1) / parts) * grain;
    last = last < items ? last : items;
  }
};

}  // namespace DQ_NS
