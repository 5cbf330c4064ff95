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

// lanes.h: pixels as vectors of LANES channels, the form in which depthwise convolutions are
// computed. Neighbouring planes are transposed on the way in and out, so that a tap is one product
// of two vectors, whatever the size of the image, the stride and the padding.
#pragma once
#include "conv/pack.h"
#include "conv/planes.h"

namespace DQ_NS {

// Neighbouring planes of an image: `channels` <= LANES of them, `plane` elements apart.
template <class T>
struct Planes {
  T *first;
  size_t plane;
  int channels;
};

// Asks for pixels that the code after some sums will touch, a share of the planes with each of
// `parts` calls: memory answers a burst of questions late, and the sums hide a few at a time.
DQ_INLINE void ask(const Planes<const float> &p, size_t at, size_t pixels, int part, int parts) {
  for (int c = p.channels * part / parts; c < p.channels * (part + 1) / parts; c++)
    prefetch(p.first + c * p.plane + at, pixels);
}
DQ_INLINE void ask(const Planes<float> &p, size_t at, size_t pixels, int part, int parts) {
  for (int c = p.channels * part / parts; c < p.channels * (part + 1) / parts; c++)
    prefetch_for_writing(p.first + c * p.plane + at, pixels);
}

// [channel][pixel] -> [pixel][LANES], for `pixels` <= LANES pixels from `at` on. What is missing
// reads as 0.
DQ_INLINE void into_lanes(const Planes<const float> &p, size_t at, int pixels, float *lanes) {
  if (p.channels == LANES && pixels == LANES) return transpose(p.first + at, p.plane, lanes, LANES);
  float all[LANES * LANES];
  for (int c = 0; c < LANES; c++) {
    const bool there = c < p.channels;
    store(all + c * LANES, there ? load_part(p.first + c * p.plane + at, pixels) : set(0.f));
  }
  transpose(all, LANES, lanes, LANES);
}

// The way back. lanes: room for LANES pixels.
DQ_INLINE void out_of_lanes(const float *lanes, int pixels, const Planes<float> &p, size_t at) {
  if (p.channels == LANES && pixels == LANES) return transpose(lanes, LANES, p.first + at, p.plane);
  float all[LANES * LANES];
  transpose(lanes, LANES, all, LANES);
  for (int c = 0; c < p.channels; c++) {
    float *dst = p.first + c * p.plane + at;
    const F v = load(all + c * LANES);
    pixels == LANES ? store(dst, v) : store_part(dst, pixels, v);
  }
}

// The last rows of an image that were read, in lanes, with zeros around. Rows are reused in a ring;
// those above and below the image are one row of zeros.
struct LaneRows {
  int h, w;          // of the image
  int capacity;      // rows
  int row_len;       // pixels
  const int *place;  // [w]: where a column lies in its row
  float *data;       // [capacity + 1][row_len][LANES], and room for OVERRUN pixels
  size_t size() const { return ((size_t)(capacity + 1) * row_len + OVERRUN) * LANES; }
  float *at(int slot) const { return data + (size_t)slot * row_len * LANES; }
  const float *row(int r) const { return at(r < 0 || r >= h ? capacity : r % capacity); }
  static constexpr int OVERRUN = 8;  // pixels that sums may read beyond the last one
};

// Reads rows [from, to), quantised as C says (pack.h).
template <class C>
static void read_rows(const Planes<const float> &p, int from, int to, const ActQuant &q,
                      const LaneRows &rows) {
  float lanes[LANES * LANES];
  int r = from, col = 0;
  float *dst = rows.at(r % rows.capacity);
  for (int at = from * rows.w, end = to * rows.w; at < end; at += LANES) {
    const int pixels = imin(LANES, end - at);
    into_lanes(p, at, pixels, lanes);
    for (int i = 0; i < pixels; i++) {
      const I v = C::get([](const float *src) { return load(src); }, lanes + i * LANES, 0, 1, q);
      istore(dst + (size_t)rows.place[col] * LANES, v);
      if (++col < rows.w) continue;
      col = 0, r++;
      dst = rows.at(r % rows.capacity);
    }
  }
}

}  // namespace DQ_NS
