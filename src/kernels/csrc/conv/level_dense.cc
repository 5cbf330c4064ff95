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
// level_dense.cc: the three forms of a dense layer with levels, compiled once per instruction set.
#include "conv/level_dense.h"

#include <cstddef>
#include <cstring>

#ifdef DQ_ISA_AVX512
#include <immintrin.h>
#endif

namespace DQ_NS {

using namespace dq;

namespace {

#ifdef DQ_ISA_AVX512

int32_t sum_of(__m512i v) { return _mm512_reduce_add_epi32(v); }

// Sums of products of Rows outputs, whose weights lie `bytes` apart.
template <int Rows>
void products(const LevelDense &d, const uint8_t *x, const uint8_t *weight, size_t bytes,
              int32_t *y) {
  __m512i acc[Rows];
#pragma GCC unroll 4
  for (int r = 0; r < Rows; r++) acc[r] = _mm512_setzero_si512();
  for (int i = 0; i < d.inputs; i += kLevelPart) {
    const __m512i codes = _mm512_loadu_si512(x + i);
#pragma GCC unroll 4
    for (int r = 0; r < Rows; r++)
      acc[r] = _mm512_dpbusd_epi32(acc[r], codes, _mm512_loadu_si512(weight + r * bytes + i));
  }
#pragma GCC unroll 4
  for (int r = 0; r < Rows; r++) y[r] = sum_of(acc[r]);
}

// The same of indices, Each of them in a byte.
template <int Rows, int Each>
void look_up(const LevelDense &d, const uint8_t *x, const uint8_t *weight, size_t bytes,
             int32_t *y) {
  constexpr int kWidth = 8 / Each;
  int8_t padded[16] = {};
  std::memcpy(padded, d.levels, size_t(1) << d.bits);
  const __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)padded));
  const __m512i low = _mm512_set1_epi8((1 << kWidth) - 1);
  __m512i acc[Rows];
#pragma GCC unroll 4
  for (int r = 0; r < Rows; r++) acc[r] = _mm512_setzero_si512();
  for (int i = 0; i < d.inputs; i += kLevelPart * Each)
#pragma GCC unroll 4
    for (int r = 0; r < Rows; r++) {
      const __m512i indices = _mm512_loadu_si512(weight + r * bytes + i / Each);
#pragma GCC unroll 4
      for (int e = 0; e < Each; e++) {
        const __m512i index = _mm512_and_si512(_mm512_srli_epi16(indices, e * kWidth), low);
        const __m512i codes = _mm512_loadu_si512(x + i + e * kLevelPart);
        acc[r] = _mm512_dpbusd_epi32(acc[r], codes, _mm512_shuffle_epi8(table, index));
      }
    }
#pragma GCC unroll 4
  for (int r = 0; r < Rows; r++) y[r] = sum_of(acc[r]);
}

// Inputs of each level but the first are summed; the first has what is left of `total`.
template <int Bits>
int32_t sums(const LevelDense &d, const uint8_t *x, const uint8_t *weight, int32_t total) {
  constexpr int kLevels = 1 << Bits;
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i acc[kLevels];
#pragma GCC unroll 16
  for (int k = 1; k < kLevels; k++) acc[k] = _mm512_setzero_si512();
  for (int i = 0; i < d.inputs; i += kLevelPart, weight += Bits * sizeof(uint64_t)) {
    uint64_t planes[Bits];
    std::memcpy(planes, weight, sizeof planes);
    const __m512i codes = _mm512_loadu_si512(x + i);
#pragma GCC unroll 16
    for (int k = 1; k < kLevels; k++) {
      uint64_t here = ~uint64_t(0);
#pragma GCC unroll 4
      for (int b = 0; b < Bits; b++) here &= k >> b & 1 ? planes[b] : ~planes[b];
      acc[k] = _mm512_dpbusd_epi32(acc[k], _mm512_maskz_mov_epi8(here, codes), ones);
    }
  }
  __m512i weighed = _mm512_setzero_si512();
#pragma GCC unroll 16
  for (int k = 1; k < kLevels; k++) {
    const __m512i above = _mm512_set1_epi32(d.levels[k] - d.levels[0]);
    weighed = _mm512_add_epi32(weighed, _mm512_mullo_epi32(acc[k], above));
  }
  return d.levels[0] * total + sum_of(weighed);
}

template <int Rows>
void rows(const LevelDense &d, const uint8_t *x, const uint8_t *weight, size_t bytes, int32_t *y) {
  if (d.form == kProducts) return products<Rows>(d, x, weight, bytes, y);
  return d.bits == 2 ? look_up<Rows, 4>(d, x, weight, bytes, y)
                     : look_up<Rows, 2>(d, x, weight, bytes, y);
}

void pixel(const LevelDense &d, const uint8_t *x, int32_t *y) {
  const size_t bytes = size_t(d.inputs / kLevelBlock) * level_bytes(d.form, d.bits);
  if (d.form == kSums) {
    int32_t total = 0;
    for (int i = 0; i < d.inputs; i++) total += x[i];
    for (int o = 0; o < d.outputs; o++) {
      const uint8_t *weight = d.stored + o * bytes;
      y[o] = d.bits == 2   ? sums<2>(d, x, weight, total)
             : d.bits == 3 ? sums<3>(d, x, weight, total)
                           : sums<4>(d, x, weight, total);
    }
    return;
  }
  int o = 0;
  for (; o + 4 <= d.outputs; o += 4) rows<4>(d, x, d.stored + o * bytes, bytes, y + o);
  for (; o < d.outputs; o++) rows<1>(d, x, d.stored + o * bytes, bytes, y + o);
}

#else

int32_t products(const LevelDense &d, const uint8_t *x, const uint8_t *weight) {
  const int8_t *w = (const int8_t *)weight;
  int32_t sum = 0;
  for (int i = 0; i < d.inputs; i++) sum += int32_t(x[i]) * w[i];
  return sum;
}

int32_t look_up(const LevelDense &d, const uint8_t *x, const uint8_t *weight) {
  const int each = d.bits == 2 ? 4 : 2, width = 8 / each;
  int32_t sum = 0;
  for (int i = 0; i < d.inputs; i++) {
    const int part = i / kLevelPart;
    const uint8_t byte = weight[part / each * kLevelPart + i % kLevelPart];
    sum += int32_t(x[i]) * d.levels[byte >> part % each * width & ((1 << width) - 1)];
  }
  return sum;
}

int32_t sums(const LevelDense &d, const uint8_t *x, const uint8_t *weight) {
  int32_t sum[16] = {}, y = 0;
  for (int i = 0; i < d.inputs; i += kLevelPart, weight += d.bits * sizeof(uint64_t)) {
    uint64_t planes[4] = {};
    std::memcpy(planes, weight, d.bits * sizeof(uint64_t));
    for (int j = 0; j < kLevelPart; j++) {
      int index = 0;
      for (int b = 0; b < d.bits; b++) index |= int(planes[b] >> j & 1) << b;
      sum[index] += x[i + j];
    }
  }
  for (int k = 0; k < 1 << d.bits; k++) y += d.levels[k] * sum[k];
  return y;
}

void pixel(const LevelDense &d, const uint8_t *x, int32_t *y) {
  const size_t bytes = size_t(d.inputs / kLevelBlock) * level_bytes(d.form, d.bits);
  for (int o = 0; o < d.outputs; o++) {
    const uint8_t *weight = d.stored + o * bytes;
    y[o] = d.form == kProducts ? products(d, x, weight)
           : d.form == kLookUp ? look_up(d, x, weight)
                               : sums(d, x, weight);
  }
}

#endif

}  // namespace

void level_dense(const LevelDense &d) {
  for (int p = 0; p < d.pixels; p++)
    pixel(d, d.x + size_t(p) * d.inputs, d.y + size_t(p) * d.outputs);
}

}  // namespace DQ_NS
