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
// row_tile.h: tiles of neighbouring pixels of a row. In a 3x3 convolution with stride 1 and one
// block of channels, codes of a pixel are read once for the three columns of the window that need
// them: reading them for each takes longer than the products (with two blocks it does not). In a
// convolution of an image there are few words in a row of the window, so that finding where each
// pixel's begin would take long; in a tile they are a known number of bytes apart. Both need 20
// registers. Included only by files compiled per instruction set.
#pragma once
#include "engine/tile.h"

namespace DQ_NS {

constexpr int kColumns = 3;  // of the window, and rows
constexpr int kRowPixels = 16;

constexpr int kColours = 3;

// Whether words of 4 codes belong to one pixel each, and rows of the result are whole tiles.
inline bool is_in_row_tiles(const dq::CodeConv &c) {
  return c.kernel == kColumns && c.stride == 1 && c.groups == 1 && c.c_in % 4 == 0 &&
         c.wo % kRowPixels == 0;
}

// Whether it is of an image, and rows of the result are whole tiles.
inline bool is_of_image(const dq::CodeConv &c, int kernel, int stride, int pixels) {
  return c.c_in == kColours && c.groups == 1 && c.kernel == kernel && c.stride == stride &&
         c.wo % pixels == 0;
}

// Sums of a tile and a block of channels, x: where the window of the first pixel begins; weights as
// for sum_up().
template <class A>
DQ_INLINE void sum_up_row(const uint8_t *x, int c_in, ptrdiff_t row, const int32_t *start,
                          const uint8_t *w, Sums (&sums)[kRowPixels][1]) {
  const int words = c_in / 4;
  DQ_UNROLL
  for (int p = 0; p < kRowPixels; p++) sums[p][0] = load_sums(start);
  for (int y = 0; y < kColumns; y++, x += row, w += kColumns * words * A::WORD_BYTES) {
    for (int word = 0; word < words; word++) {
      typename A::W weights[kColumns];
      DQ_UNROLL
      for (int column = 0; column < kColumns; column++)
        weights[column] = A::w(w + (column * words + word) * A::WORD_BYTES);
      const uint8_t *at = x + 4 * word;
#pragma GCC unroll 18
      for (int read = 0; read < kRowPixels + kColumns - 1; read++, at += c_in) {
        const typename A::X codes = A::x(at);
        DQ_UNROLL
        for (int column = 0; column < kColumns; column++) {
          const int p = read - column;
          if (p >= 0 && p < kRowPixels) A::step(&sums[p][0], codes, weights[column]);
        }
      }
    }
  }
}

// Sums of a tile of an image, whose windows begin kColours * Stride bytes apart.
template <class A, int Kernel, int Stride, int Pixels, int Blocks>
DQ_INLINE void sum_up_image(const uint8_t *x, ptrdiff_t row, const int32_t *start, const uint8_t *w,
                            Sums (&sums)[Pixels][Blocks]) {
  DQ_UNROLL
  for (int p = 0; p < Pixels; p++) {
    DQ_UNROLL
    for (int b = 0; b < Blocks; b++) sums[p][b] = load_sums(start + 16 * b);
  }
  for (int y = 0; y < Kernel; y++, x += row) {
    DQ_UNROLL
    for (int word = 0; word < (Kernel * kColours + 3) / 4; word++, w += Blocks * A::WORD_BYTES) {
      typename A::W weights[Blocks];
      DQ_UNROLL
      for (int b = 0; b < Blocks; b++) weights[b] = A::w(w + b * A::WORD_BYTES);
      DQ_UNROLL
      for (int p = 0; p < Pixels; p++) {
        const typename A::X codes = A::x(x + p * kColours * Stride + 4 * word);
        DQ_UNROLL
        for (int b = 0; b < Blocks; b++) A::step(&sums[p][b], codes, weights[b]);
      }
    }
  }
}

}  // namespace DQ_NS
