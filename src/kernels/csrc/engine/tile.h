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
// tile.h: what kernels share: how a window passes over codes, a tile of sums in registers, and
// parts of their work. Included only by files compiled per instruction set.
#pragma once
#include "engine/dot_bytes.h"

namespace DQ_NS {

// How the window is passed: `rows` stretches of `words` words, the codes of each in a row.
struct Window {
  int rows, words;
  int chunk = 0;  // steps after which 16-bit sums are widened, where the arithmetic has such
  Window(int of_rows, int of_words) : rows(of_rows), words(of_words) {}
  explicit Window(const dq::CodeConv &c)
      : rows(c.groups == 1 ? c.kernel : c.kernel * c.kernel),
        words(((c.groups == 1 ? c.kernel * c.c_in : c.c_in) + 3) / 4) {}
  size_t steps() const { return size_t(rows) * words; }
};

// The least and the largest weight; 0 is between them.
struct WeightRange {
  int least = 0, most = 0;
  explicit WeightRange(const dq::CodeConv &c) {
    const size_t count = size_t(c.c_out) * c.c_in * c.kernel * c.kernel;
    for (size_t i = 0; i < count; i++) {
      least = c.weight[i] < least ? c.weight[i] : least;
      most = c.weight[i] > most ? c.weight[i] : most;
    }
  }
};

// Blocks come in pairs; the last one of a group may be alone.
inline bool is_paired(const dq::CodeConv &c, int block) { return (block | 1) < c.group_blocks(); }

// The codes of a tile's pixels where they are evenly apart, in place of an array of their
// addresses.
struct Apart {
  const uint8_t *first;
  ptrdiff_t step;
  DQ_ALWAYS_INLINE const uint8_t *operator[](int p) const { return first + p * step; }
};

// One step of a tile: 4 codes of every pixel, 4 weights of every channel.
template <class A, class X, class Acc, int Pixels, int Blocks>
DQ_INLINE void step_tile(const X &x, int word, const uint8_t *w, Acc (&acc)[Pixels][Blocks]) {
  typename A::W weights[Blocks];
  DQ_UNROLL
  for (int b = 0; b < Blocks; b++) weights[b] = A::w(w + b * A::WORD_BYTES);
  DQ_UNROLL
  for (int p = 0; p < Pixels; p++) {
    const typename A::X codes = A::x(x[p] + 4 * word);
    DQ_UNROLL
    for (int b = 0; b < Blocks; b++) A::step(&acc[p][b], codes, weights[b]);
  }
}

template <class A, int Pixels, int Blocks>
DQ_INLINE void widen_tile(Sums (&sums)[Pixels][Blocks], typename A::Acc (&acc)[Pixels][Blocks]) {
  DQ_UNROLL
  for (int p = 0; p < Pixels; p++) {
    DQ_UNROLL
    for (int b = 0; b < Blocks; b++) A::widen(&sums[p][b], &acc[p][b]);
  }
}

// Weights come in the order of memory, each once or a few times. What does not stay in the
// second-level cache is asked for ahead: of these weights, faster than the hardware foresees from
// page to page, and of those for the next channels evenly, as much at each step as brings all of
// them nearer by then.
struct Stream {
  static constexpr size_t kFar = 512 << 10, kAhead = 8192, kLine = 64;  // bytes
  bool far;
  const uint8_t *next;
  int pace = 0;

  // of_layer, of_step: bytes of all weights, and of those of a step; passes: over these before the
  // next ones come.
  DQ_ALWAYS_INLINE Stream(size_t of_layer, const uint8_t *after, int of_step, int passes)
      : far(of_layer > kFar), next(after), pace(passes > 1 ? of_step / passes : 0) {}

  template <size_t Bytes>
  DQ_ALWAYS_INLINE void fetch(const uint8_t *w, int step) const {
    for (size_t at = 0; at < Bytes; at += kLine) __builtin_prefetch(w + kAhead + at);
    __builtin_prefetch(next + step * pace, 0, 2);
  }
  DQ_ALWAYS_INLINE void pass(size_t steps) { next += ptrdiff_t(steps) * pace; }
};

// Steps in a row, of arithmetic that adds to 32-bit sums.
template <class A, class X, int Pixels, int Blocks>
DQ_INLINE void pass_words(const X &x, int words, const uint8_t *w, const Stream &stream,
                          Sums (&sums)[Pixels][Blocks]) {
  constexpr size_t WORD = Blocks * A::WORD_BYTES;
  if (stream.far) {
    for (int i = 0; i < words; i++, w += WORD) {
      stream.template fetch<WORD>(w, i);
      step_tile<A>(x, i, w, sums);
    }
  } else {
    for (int i = 0; i < words; i++, w += WORD) step_tile<A>(x, i, w, sums);
  }
}

// One tile: sums of `Pixels` pixels at x[], `Blocks` blocks of channels.
template <class A, int Pixels, int Blocks>
DQ_INLINE void sum_up(const uint8_t *(&x)[Pixels], const Window &window, ptrdiff_t step, int in_row,
                      ptrdiff_t next_row, const int32_t *start, const uint8_t *w, Stream stream,
                      Sums (&sums)[Pixels][Blocks]) {
  constexpr size_t WORD = Blocks * A::WORD_BYTES;
  DQ_UNROLL
  for (int p = 0; p < Pixels; p++) {
    DQ_UNROLL
    for (int b = 0; b < Blocks; b++) sums[p][b] = load_sums(start + 16 * b);
  }
  [[maybe_unused]] typename A::Acc acc[Pixels][Blocks] = {};
  [[maybe_unused]] int left = window.chunk;
  for (int row = 0, tap = 0; row < window.rows; row++) {
    if constexpr (A::CHUNKED) {
      for (int i = 0; i < window.words;) {
        const int end = left < window.words - i ? i + left : window.words;
        left -= end - i;
        for (; i < end; i++, w += WORD) step_tile<A>(x, i, w, acc);
        if (left) continue;
        left = window.chunk;
        widen_tile<A>(sums, acc);
      }
    } else {
      pass_words<A>(x, window.words, w, stream, sums);
      w += window.words * WORD;
      stream.pass(window.words);
    }
    const bool ends = ++tap == in_row;
    const ptrdiff_t move = ends ? next_row : step;
    if (ends) tap = 0;
    DQ_UNROLL
    for (int p = 0; p < Pixels; p++) x[p] += move;
  }
  if constexpr (A::CHUNKED) widen_tile<A>(sums, acc);
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
