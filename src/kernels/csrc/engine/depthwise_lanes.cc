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
// depthwise_lanes.cc: depthwise 3x3 convolutions of codes for AVX-512, 64 bytes at a time: that
// many channels of a pixel, or the 32 channels of two neighbours. Bytes of three rows are zipped
// into words of a channel, once for each column of pixels; it adds to the results of up to three
// pixels, whose sums stay in registers. Zipping leaves 4 channels of every 16 in each of 4 vectors,
// which is what packing bytes takes together again.
//
// Where channels are no multiple of 64, the last vector begins earlier, and writes what is left.
//
// Packed: of each vector the sums to begin with [4][16] (what `zero` adds is taken off), and
// weights [columns of the window][4][16][rows, and a zero].
#include "engine/depthwise_lanes.h"

#include "engine/finish_pixels.h"
#include "engine/tile.h"

#if defined(DQ_ISA_AVX512)

namespace DQ_NS {

using namespace dq;

namespace {

constexpr int kLanes = 64, kZips = 4, kWindow = 3;
constexpr size_t kStartBytes = kLanes * 4, kColumnBytes = kZips * 64;
constexpr size_t kVectorBytes = kStartBytes + kWindow * kColumnBytes;

bool can(const CodeConv &c) {
  if (!c.depthwise() || c.kernel != kWindow || c.c_out % kChannelBlock) return false;
  if (c.c_out == kLanes / 2) return c.stride == 1 && c.wo % 2 == 0;
  return c.c_out >= kLanes && c.stride <= 2;
}

// Pixels of a vector.
int pixels_of(const CodeConv &c) { return c.c_out < kLanes ? 2 : 1; }
int vectors_of(const CodeConv &c) { return (c.c_out + kLanes - 1) / kLanes; }
int first_channel(const CodeConv &c, int vector) {
  const int first = vector * kLanes, last = c.c_out - kLanes;
  return last < 0 || first < last ? first : last;
}

// The lane among 16 that zip `zip` has for the byte at `at` of 64, and the zip.
int zip_of(int at) { return at % 16 / 4; }
int lane_of(int at) { return at / 16 * 4 + at % 4; }

size_t packed_bytes(const CodeConv &c) { return size_t(vectors_of(c)) * kVectorBytes; }

void pack(const CodeConv &c, void *packed) {
  std::memset(packed, 0, packed_bytes(c));
  for (int vector = 0; vector < vectors_of(c); vector++) {
    int32_t *start = (int32_t *)((uint8_t *)packed + vector * kVectorBytes);
    int8_t *weights = (int8_t *)start + kStartBytes;
    for (int at = 0; at < kLanes; at++) {
      const int channel = (first_channel(c, vector) + at) % c.c_out;
      const int place = 16 * zip_of(at) + lane_of(at);
      const int8_t *w = c.weight + channel * kWindow * kWindow;
      for (int tap = 0; tap < kWindow * kWindow; tap++) {
        weights[size_t(tap % kWindow) * kColumnBytes + 4 * place + tap / kWindow] = w[tap];
        start[place] -= c.zero() * w[tap];
      }
    }
  }
}

using Zips = Sums[kZips];

// Words of the bytes at p in three rows. The fourth byte of a word is of no meaning.
DQ_INLINE void zip(const uint8_t *p, ptrdiff_t row, __m512i (&words)[kZips]) {
  const __m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + row);
  const __m512i c = _mm512_loadu_si512(p + 2 * row);
  const __m512i low = _mm512_unpacklo_epi8(a, b), high = _mm512_unpackhi_epi8(a, b);
  const __m512i low_c = _mm512_unpacklo_epi8(c, c), high_c = _mm512_unpackhi_epi8(c, c);
  words[0] = _mm512_unpacklo_epi16(low, low_c);
  words[1] = _mm512_unpackhi_epi16(low, low_c);
  words[2] = _mm512_unpacklo_epi16(high, high_c);
  words[3] = _mm512_unpackhi_epi16(high, high_c);
}

DQ_INLINE void begin(Zips &sums, const int32_t *start) {
  DQ_UNROLL
  for (int i = 0; i < kZips; i++) sums[i] = load_sums(start + 16 * i);
}

DQ_INLINE void add_column(Zips &sums, const __m512i (&words)[kZips], const __m512i (&w)[kZips]) {
  DQ_UNROLL
  for (int i = 0; i < kZips; i++) Dot::step(&sums[i], words[i], w[i]);
}

// What the results of a vector of channels have in common.
struct Vector {
  const ConvJob *job;
  const int32_t *start;
  const uint8_t *weights;
  int first, done;  // channel, and how many of them another vector writes
  int pixels;
};
template <Way way>
using ZippedLines = FourLines<way == Way::kNear, Order::kZipped>;

// 4-byte values of `channels` channels, a power of 2, over and over, as a zip has them.
template <class T>
DQ_INLINE __m512i zipped(const T *values, int zip, int channels) {
  const auto four = [&](int i) {
    const T *from = values + ((16 * i + 4 * zip) & (channels - 1));
    return _mm_loadu_si128((const __m128i *)from);
  };
  __m512i lanes = _mm512_castsi128_si512(four(0));
  lanes = _mm512_inserti32x4(lanes, four(1), 1);
  lanes = _mm512_inserti32x4(lanes, four(2), 2);
  return _mm512_inserti32x4(lanes, four(3), 3);
}

// A vector's sums, by the long way.
DQ_NOINLINE void finish_slowly(const Vector &v, const int32_t *sums, int y, int x) {
  const Finish &f = v.job->finish;
  const int wo = v.job->conv.wo, channels = kLanes / v.pixels;
  alignas(64) int32_t by_channel[kLanes];
  for (int at = 0; at < kLanes; at += 4)
    std::memcpy(by_channel + at, sums + 16 * zip_of(at) + lane_of(at), 4 * sizeof(int32_t));
  for (int at = v.done; at < kLanes; at += kChannelBlock) {
    const int channel = v.first + at % channels, block = channel / kChannelBlock;
    const int pixel = x + at / channels;
    if (f.sums_alone) {
      keep_sums(f, by_channel + at, 0, {block, channel, kChannelBlock, y, pixel, wo, 1});
    } else {
      finish(f, load_sums(by_channel + at),
             {block, channel, kChannelBlock, y, pixel, y * wo + pixel});
    }
  }
}

template <Way way>
DQ_INLINE void finish_vector(const Vector &v, const ZippedLines<way> &lines, const Zips &sums,
                             int y, int x, uint8_t *to) {
  alignas(64) int32_t held[kLanes];
  if (way != Way::kExact) {
    DQ_UNROLL
    for (int i = 0; i < kZips; i++) store_sums(held + 16 * i, sums[i]);
  }
  if (way == Way::kLong) return finish_slowly(v, held, y, x);
  __m512i t[kZips];
  DQ_UNROLL
  for (int i = 0; i < kZips; i++) t[i] = on_lines(lines.slope[i], lines.start[i], sums[i]);
  bool all_sure;
  const __m512i bytes = lines.bytes(t, &all_sure);
  if (v.done) {
    _mm512_mask_storeu_epi32(to, __mmask16(0xffff << v.done / 4), bytes);
  } else {
    _mm512_storeu_si512(to, bytes);
  }
  if (way == Way::kNear && __builtin_expect(!all_sure, 0)) finish_slowly(v, held, y, x);
}

// A row of results of a vector. Stride: in vectors of `step` bytes.
template <int Stride, Way way>
DQ_NOINLINE void row_of(const Vector &v, const ZippedLines<way> &shared, int y, const uint8_t *x,
                        ptrdiff_t step, uint8_t *to, ptrdiff_t to_step) {
  const ZippedLines<way> lines = shared;  // bytes that are written may be any object's but this
  const ptrdiff_t row = v.job->x.row();
  const int count = v.job->conv.wo / v.pixels;
  const int32_t *const start = v.start;
  __m512i w[kWindow][kZips], words[kZips];
  DQ_UNROLL
  for (int i = 0; i < kWindow * kZips; i++) {
    w[i / kZips][i % kZips] = in_register(Dot::w(v.weights + 64 * i));
  }
  const auto next = [&] {
    zip(x, row, words);
    x += step;
  };
  if constexpr (Stride == 1) {
    Zips sums[kWindow];
    next();
    begin(sums[0], start);
    add_column(sums[0], words, w[0]);
    next();
    begin(sums[1], start);
    add_column(sums[1], words, w[0]);
    add_column(sums[0], words, w[1]);
    for (int at = 0; at < count; at += kWindow) {
      DQ_UNROLL
      for (int i = 0; i < kWindow; i++) {
        if (at + i == count) return;
        next();
        begin(sums[(i + 2) % kWindow], start);
        add_column(sums[(i + 2) % kWindow], words, w[0]);
        add_column(sums[(i + 1) % kWindow], words, w[1]);
        add_column(sums[i], words, w[2]);
        finish_vector<way>(v, lines, sums[i], y, (at + i) * v.pixels, to);
        to += to_step;
      }
    }
  } else {
    Zips sums, after;
    next();
    begin(sums, start);
    add_column(sums, words, w[0]);
    for (int at = 0; at < count; at++, to += to_step) {
      next();
      add_column(sums, words, w[1]);
      next();
      add_column(sums, words, w[2]);
      begin(after, start);
      add_column(after, words, w[0]);
      finish_vector<way>(v, lines, sums, y, at * v.pixels, to);
      DQ_UNROLL
      for (int i = 0; i < kZips; i++) sums[i] = after[i];
    }
  }
}

// Rows [first, last) of a vector.
template <Way way>
void rows_of(const ConvJob &job, int vector, int first, int last) {
  const CodeConv &c = job.conv;
  const Finish &f = job.finish;
  const uint8_t *packed = (const uint8_t *)job.packed + vector * kVectorBytes;
  const int channel = first_channel(c, vector);
  const Vector v = {&job,    (const int32_t *)packed,   packed + kStartBytes,
                    channel, vector * kLanes - channel, pixels_of(c)};
  ZippedLines<way> lines;
  if (way != Way::kLong) {
    const Lines &l = *f.lines;
    const int channels = kLanes / v.pixels;
    Straight each[kZips];
    for (int i = 0; i < kZips; i++)
      each[i] = {_mm512_castsi512_ps(zipped(l.slope + channel, i, channels)),
                 _mm512_castsi512_ps(zipped(l.start + channel, i, channels)),
                 zipped(l.sure + channel, i, channels)};
    lines.set(l, each);
  }
  const bool apart = c.stride == 2 || v.pixels == 2;  // no two windows share two columns
  for (int y = first; y < last; y++) {
    const uint8_t *x = job.x.begin() + ptrdiff_t(y) * c.stride * job.x.row() + channel;
    uint8_t *to = f.output[0].to.data;
    if (way != Way::kLong) to += y * f.output[0].to.row() + channel;
    (apart ? row_of<2, way> : row_of<1, way>)(v, lines, y, x, job.x.c, to, f.c * v.pixels);
  }
}

void run(const ConvJob &job, int part, int parts, void *) {
  const CodeConv &c = job.conv;
  const Way way = way_of(job.finish);
  auto *rows = rows_of<Way::kLong>;
  if (way == Way::kExact) rows = rows_of<Way::kExact>;
  if (way == Way::kNear) rows = rows_of<Way::kNear>;
  const Share share(c.ho * vectors_of(c), 1, part, parts);
  for (int at = share.first; at < share.last;) {
    const int vector = at / c.ho, first = at % c.ho;
    const int rest = share.last - at, last = first + rest < c.ho ? first + rest : c.ho;
    rows(job, vector, first, last);
    at += last - first;
  }
}

size_t no_scratch(const CodeConv &) { return 0; }

}  // namespace

extern const ConvKernel kDepthwiseLanes;
const ConvKernel kDepthwiseLanes = {"depthwise lanes", can, packed_bytes, pack, no_scratch, run};

}  // namespace DQ_NS

#endif
