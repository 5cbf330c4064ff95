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
// integer_ops.cc: the integer kernels, compiled once per instruction set. Sums of codes are pairs
// of int16 products in int32 lanes, exact at every width; the other loops are left to the compiler.
#include "engine/integer_ops.h"

#include <cstring>

#if defined(DQ_ISA_AVX512) || defined(DQ_ISA_AVX2)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace DQ_NS {

using namespace dq;

namespace {

#if defined(DQ_ISA_AVX512)
constexpr int kLanes = 16, kTile = 8;
using Lanes = __m512i;
inline Lanes zero() { return _mm512_setzero_si512(); }
inline Lanes load(const int16_t *p) { return _mm512_loadu_si512(p); }
inline Lanes pair(const int16_t *p) {
  int32_t both;
  std::memcpy(&both, p, 4);
  return _mm512_set1_epi32(both);
}
inline Lanes dot(Lanes acc, Lanes a, Lanes b) { return _mm512_dpwssd_epi32(acc, a, b); }
inline void store(int32_t *p, Lanes v) { _mm512_storeu_si512(p, v); }
#elif defined(DQ_ISA_AVX2)
constexpr int kLanes = 8, kTile = 4;
using Lanes = __m256i;
inline Lanes zero() { return _mm256_setzero_si256(); }
inline Lanes load(const int16_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
inline Lanes pair(const int16_t *p) {
  int32_t both;
  std::memcpy(&both, p, 4);
  return _mm256_set1_epi32(both);
}
inline Lanes dot(Lanes acc, Lanes a, Lanes b) {
  return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
}
inline void store(int32_t *p, Lanes v) { _mm256_storeu_si256((__m256i *)p, v); }
#elif defined(__aarch64__)
constexpr int kLanes = 4, kTile = 4;
using Lanes = int32x4_t;
inline Lanes zero() { return vdupq_n_s32(0); }
inline int16x8_t load(const int16_t *p) { return vld1q_s16(p); }
inline int16x8_t pair(const int16_t *p) {
  int32_t both;
  std::memcpy(&both, p, 4);
  return vreinterpretq_s16_s32(vdupq_n_s32(both));
}
inline Lanes dot(Lanes acc, int16x8_t a, int16x8_t b) {
  const Lanes low = vmull_s16(vget_low_s16(a), vget_low_s16(b));
  return vaddq_s32(acc, vpaddq_s32(low, vmull_high_s16(a, b)));
}
inline void store(int32_t *p, Lanes v) { vst1q_s32(p, v); }
#else
constexpr int kLanes = 4, kTile = 4;
struct Lanes {
  int32_t v[4];
};
inline Lanes zero() { return Lanes{{0, 0, 0, 0}}; }
struct Pairs {
  int16_t v[8];
};
inline Pairs load(const int16_t *p) {
  Pairs out;
  std::memcpy(out.v, p, sizeof out.v);
  return out;
}
inline Pairs pair(const int16_t *p) {
  Pairs out;
  for (int i = 0; i < 4; i++) std::memcpy(out.v + 2 * i, p, 4);
  return out;
}
inline Lanes dot(Lanes acc, Pairs a, Pairs b) {
  for (int i = 0; i < 4; i++)
    acc.v[i] += int32_t(a.v[2 * i]) * b.v[2 * i] + int32_t(a.v[2 * i + 1]) * b.v[2 * i + 1];
  return acc;
}
inline void store(int32_t *p, Lanes v) { std::memcpy(p, v.v, sizeof v.v); }
#endif

constexpr int kVectors = kChannelBlock / kLanes;
constexpr int kRun = 64;  // values that stay in the first-level cache while they are compared
constexpr int kMostBuckets = 256, kFewBuckets = 16;

// floor(v / 2^shift + 1/2) for |v| < 2^62 and shift >= 1. A logical shift of a value made positive:
// AVX2 has no arithmetic shift of 64 bits.
inline int64_t round_shift(int64_t v, int shift) {
  const uint64_t offset = uint64_t(1) << 62;
  uint64_t moved = uint64_t(v) + (uint64_t(1) << (shift - 1)) + offset;
  return int64_t(moved >> shift) - int64_t(offset >> shift);
}

inline int32_t clip(int64_t v, Bounds to) {
  v = v < to.low ? to.low : v;
  return int32_t(v > to.high ? to.high : v);
}

// Not std::min and std::max: the linker would keep one instruction set's copy of them for all.
inline int32_t least_of(int32_t a, int32_t b) { return a < b ? a : b; }
inline int32_t most_of(int32_t a, int32_t b) { return a > b ? a : b; }

// Sums of `Count` neighbouring output pixels, kChannelBlock channels each.
template <int Count>
__attribute__((noinline)) void tile(const IntegerConv &c, const int16_t *x, const int16_t *weight,
                                    int32_t *sums) {
  Lanes acc[Count][kVectors];
#pragma GCC unroll 16
  for (int p = 0; p < Count; p++)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; v++) acc[p][v] = zero();
  const size_t step = size_t(c.stride) * c.pairs * 2;
  const int run = c.kernel * c.pairs;  // pairs of a kernel row follow each other
  for (int ky = 0; ky < c.kernel; ky++) {
    const int16_t *row = x + size_t(ky) * c.width * c.pairs * 2;
    for (int i = 0; i < run; i++) {
      auto first = load(weight);
      [[maybe_unused]] auto second = load(weight + 2 * kLanes * (kVectors > 1));
      [[maybe_unused]] auto third = load(weight + 4 * kLanes * (kVectors > 2));
      [[maybe_unused]] auto fourth = load(weight + 6 * kLanes * (kVectors > 2));
#pragma GCC unroll 16
      for (int p = 0; p < Count; p++) {
        auto codes = pair(row + p * step + 2 * i);
        acc[p][0] = dot(acc[p][0], codes, first);
        if constexpr (kVectors > 1) acc[p][1] = dot(acc[p][1], codes, second);
        if constexpr (kVectors > 2) {
          acc[p][2] = dot(acc[p][2], codes, third);
          acc[p][3] = dot(acc[p][3], codes, fourth);
        }
      }
      weight += 2 * kChannelBlock;
    }
  }
#pragma GCC unroll 16
  for (int p = 0; p < Count; p++)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; v++) store(sums + p * kChannelBlock + v * kLanes, acc[p][v]);
}

void finish(const IntegerConv &c, const int32_t *sums, int block, int32_t *y) {
  const int32_t *multiplier = c.multiplier + block * kChannelBlock;
  const int64_t *bias = c.bias + block * kChannelBlock;
  const Bounds bounds = c.bounds;
  int32_t out[kChannelBlock];
  for (int i = 0; i < kChannelBlock; i++) {
    int32_t shifted = int32_t(uint32_t(sums[i]) << c.left);
    out[i] = clip(round_shift(int64_t(shifted) * multiplier[i] + bias[i], c.right), bounds);
  }
  int count = least_of(kChannelBlock, c.channels - block * kChannelBlock);
  if (count == kChannelBlock) {
    std::memcpy(y, out, sizeof out);
  } else {
    std::memcpy(y, out, sizeof(int32_t) * size_t(count));
  }
}

#if defined(DQ_ISA_AVX512)
// Up to 16 thresholds and levels are in a register each: a step of the search is a permutation.
void search_few(const int32_t *v, int n, const Buckets &b, int32_t *y) {
  const __mmask16 there = __mmask16((1u << b.count) - 1);
  const Lanes thresholds =
      _mm512_mask_loadu_epi32(_mm512_set1_epi32(INT32_MAX), there, b.thresholds);
  const Lanes last = _mm512_set1_epi32(b.levels[b.count - 1]);
  const Lanes levels = _mm512_mask_loadu_epi32(last, there, b.levels);
  for (int at = 0; at < n; at += kLanes) {
    const __mmask16 some = n - at < kLanes ? __mmask16((1u << (n - at)) - 1) : __mmask16(-1);
    const Lanes values = _mm512_maskz_loadu_epi32(some, v + at);
    Lanes index = zero();
    for (int step = kFewBuckets / 2; step > 0; step /= 2) {
      const Lanes next = _mm512_add_epi32(index, _mm512_set1_epi32(step));
      const Lanes threshold = _mm512_permutexvar_epi32(next, thresholds);
      index = _mm512_mask_mov_epi32(index, _mm512_cmpge_epi32_mask(values, threshold), next);
    }
    _mm512_mask_storeu_epi32(y + at, some, _mm512_permutexvar_epi32(index, levels));
  }
}
#else
// One comparison for each threshold.
void search_few(const int32_t *v, int n, const Buckets &b, int32_t *y) {
  for (int j = 0; j < n; j++) y[j] = b.levels[0];
  for (int i = 1; i < b.count; i++) {
    const int32_t threshold = b.thresholds[i], level = b.levels[i];
    for (int j = 0; j < n; j++) y[j] = v[j] >= threshold ? level : y[j];
  }
}
#endif

// One comparison for each bit of an index; thresholds and levels [2 first], the last level behind
// the others.
void search(const int32_t *v, int n, int first, const int32_t *thresholds, const int32_t *levels,
            int32_t *y) {
  int32_t index[kRun] = {};
  for (int step = first; step > 0; step /= 2)
    for (int j = 0; j < n; j++) index[j] += v[j] >= thresholds[index[j] + step] ? step : 0;
  for (int j = 0; j < n; j++) y[j] = levels[index[j]];
}

}  // namespace

void code_rows(const CodePlane &p, int first, int last) {
  const int width = p.w + 2 * p.padding, pairs = (p.channels + 1) / 2;
  const int half = (1 << p.shift) >> 1;
  for (int row = first; row < last; row++) {
    int16_t *out = p.out + size_t(row) * width * pairs * 2;
    const int y = row - p.padding;
    if (y < 0 || y >= p.h || p.padding > 0 || p.channels % 2)
      std::memset(out, 0, sizeof(int16_t) * size_t(width) * pairs * 2);
    if (y < 0 || y >= p.h) continue;
    const int32_t *x = p.x + size_t(y) * p.w * p.c + p.first;
    out += size_t(p.padding) * pairs * 2;
    if (p.channels == p.c && p.c % 2 == 0) {  // one run
      const size_t n = size_t(p.w) * p.c;
      for (size_t i = 0; i < n; i++) {
        int32_t q = (x[i] + half) >> p.shift;
        out[i] = int16_t(least_of(most_of(q, p.bounds.low), p.bounds.high));
      }
      continue;
    }
    for (int i = 0; i < p.w; i++)
      for (int c = 0; c < p.channels; c++) {
        int32_t q = (x[size_t(i) * p.c + c] + half) >> p.shift;
        out[size_t(i) * pairs * 2 + c] = int16_t(least_of(most_of(q, p.bounds.low), p.bounds.high));
      }
  }
}

void conv_rows(const IntegerConv &c, int first, int last) {
  const int blocks = (c.channels + kChannelBlock - 1) / kChannelBlock;
  const size_t block_size = size_t(c.kernel) * c.kernel * c.pairs * 2 * kChannelBlock;
  alignas(64) int32_t sums[kTile * kChannelBlock];
  for (int y = first; y < last; y++)
    for (int block = 0; block < blocks; block++) {
      const int16_t *weight = c.weight + block * block_size;
      const int16_t *row = c.x + size_t(y) * c.stride * c.width * c.pairs * 2;
      for (int i = 0; i < c.wo;) {
        const int16_t *x = row + size_t(i) * c.stride * c.pairs * 2;
        const int count = c.wo - i >= kTile ? kTile : 1;
        if (count == kTile) {
          tile<kTile>(c, x, weight, sums);
        } else {
          tile<1>(c, x, weight, sums);
        }
        for (int p = 0; p < count; p++, i++) {
          int32_t *out = c.y + (size_t(y) * c.wo + i) * c.stride_c + block * kChannelBlock;
          finish(c, sums + p * kChannelBlock, block, out);
        }
      }
    }
}

void quantise_codes(const int32_t *v, size_t n, int32_t multiplier, int shift, Bounds bounds,
                    int32_t *y) {
  for (size_t i = 0; i < n; i++)
    y[i] = clip(round_shift(int64_t(v[i]) * multiplier, shift), bounds);
}

void bucketise(const int32_t *v, size_t n, const Buckets &b, int32_t *y) {
  int32_t thresholds[kMostBuckets], levels[kMostBuckets];
  const bool few = b.count <= kFewBuckets;
  int first = kFewBuckets;
  while (2 * first < b.count) first *= 2;
  for (int i = 0; i < 2 * first && !few; i++) {
    thresholds[i] = i < b.count ? b.thresholds[i] : INT32_MAX;
    levels[i] = b.levels[i < b.count ? i : b.count - 1];
  }
  for (size_t at = 0; at < n; at += kRun) {
    const int count = n - at < kRun ? int(n - at) : kRun;
    if (few) {
      search_few(v + at, count, b, y + at);
    } else {
      search(v + at, count, first, thresholds, levels, y + at);
    }
  }
}

void scale_channels(const int32_t *v, size_t pixels, const Scaling &s, int32_t *y) {
  const Bounds bounds = s.bounds;
  for (size_t p = 0; p < pixels; p++, v += s.c, y += s.c)
    for (int c = 0; c < s.c; c++)
      y[c] = clip(round_shift(int64_t(v[c]) * s.multiplier[c] + s.bias[c], s.shift), bounds);
}

void add_wide(const int32_t *a, const int32_t *b, size_t n, Bounds bounds, int32_t *y) {
  for (size_t i = 0; i < n; i++) y[i] = clip(int64_t(a[i]) + b[i], bounds);
}

// The largest of V at p, of `columns` pixels in `rows` rows.
template <class V>
inline V largest_of(const int32_t *p, int rows, int columns, ptrdiff_t row, ptrdiff_t pixel) {
  V most, value;
  std::memcpy(&most, p, sizeof most);
  for (int i = 0; i < rows; i++, p += row)
    for (int j = 0; j < columns; j++) {
      std::memcpy(&value, p + j * pixel, sizeof value);
      most = value > most ? value : most;
    }
  return most;
}

void max_rows(const MaxWindow &m, int first, int last) {
  typedef int32_t V __attribute__((vector_size(4 * kLanes)));
  const ptrdiff_t row = ptrdiff_t(m.w) * m.c;
  int32_t *y = m.y + size_t(first) * m.wo * m.c;
  for (int i = first; i < last; i++) {
    const int top = i * m.stride - m.padding, above = top < 0 ? 0 : top;
    const int rows = least_of(m.h, top + m.kernel) - above;
    for (int j = 0; j < m.wo; j++, y += m.c) {
      const int left = j * m.stride - m.padding, from = left < 0 ? 0 : left;
      const int columns = least_of(m.w, left + m.kernel) - from;
      const int32_t *x = m.x + above * row + ptrdiff_t(from) * m.c;
      int n = 0;
      for (; n + kLanes <= m.c; n += kLanes) {
        const V most = largest_of<V>(x + n, rows, columns, row, m.c);
        std::memcpy(y + n, &most, sizeof most);
      }
      for (; n < m.c; n++) y[n] = largest_of<int32_t>(x + n, rows, columns, row, m.c);
    }
  }
}

void wide_dot(const int32_t *x, const int32_t *weight, size_t n, int64_t *sum) {
  int64_t total = 0;
  for (size_t i = 0; i < n; i++) total += int64_t(x[i]) * weight[i];
  *sum += total;
}

void write_codes(const int32_t *, const CodeOutput &, int, int);
void write_pixels(const uint8_t *, const uint8_t[3][256], const CodeTensor &, int, int);
extern const ConvKernel *const kConvKernels[];
extern const ImageKernel kImageKernel;
extern const PooledKernel kPooledKernel;
extern const IntegerKernels kIntegerTable;
const IntegerKernels kIntegerTable = {
    code_rows, conv_rows,   quantise_codes, bucketise,    scale_channels, add_wide,      max_rows,
    wide_dot,  write_codes, write_pixels,   kConvKernels, &kImageKernel,  &kPooledKernel};

}  // namespace DQ_NS
