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

// pack.h: from an image to planes (planes.h), quantising on the way. `Codes` below is what one
// 4-byte element holds.
#pragma once
#include "conv/planes.h"

namespace DQ_NS {

// Asks for memory that the code after the next GEMM will touch: the time of the GEMM hides the
// wait.
DQ_INLINE void prefetch(const float *p, size_t count) {
  for (size_t i = 0; i < count; i += 16) __builtin_prefetch(p + i, 0, 2);
}
DQ_INLINE void prefetch_for_writing(float *p, size_t count) {
  for (size_t i = 0; i < count; i += 16) __builtin_prefetch(p + i, 1, 2);
}

// q = floor(clamp(x * inv, 0, top) + 0.5), code = min(floor(q * ratio + 0.5), max); a ratio of 1
// leaves q as it is, and then top = max.
struct ActQuant {
  float inv, scale, max, top, ratio;
};

DQ_INLINE ActQuant act_quant(const dq::Quantizers &q, int k) {
  const float ratio = dq::nested_ratio(q.a_inv[k], q.a_scale[k]);
  return {q.a_inv[k], q.a_scale[k], q.a_max[k], (q.a_max[k] + 1) / ratio - 1, ratio};
}

DQ_INLINE F code_of(F x, const ActQuant &q) {
  // the caller truncates: no value is negative
  const F v = add(vmin(vmax(mul(x, set(q.inv)), set(0.f)), set(q.top)), set(0.5f));
  if (q.ratio == 1.f) return v;
  const F master = to_float(truncate(v));
  return add(vmin(mul(master, set(q.ratio)), set(q.max)), set(0.5f));
}

struct RawFloat {
  static constexpr int GROUP = 1;
  template <class L>
  DQ_INLINE I get(L ld, const float *p, size_t, int, const ActQuant &) {
    return as_int(ld(p));
  }
};
struct CodeFloat {
  static constexpr int GROUP = 1;
  template <class L>
  DQ_INLINE I get(L ld, const float *p, size_t, int, const ActQuant &q) {
    return as_int(to_float(truncate(code_of(ld(p), q))));
  }
};
struct CodeInt {
  static constexpr int GROUP = 1;
  template <class L>
  DQ_INLINE I get(L ld, const float *p, size_t, int, const ActQuant &q) {
    return truncate(code_of(ld(p), q));
  }
};
struct CodeBytes {  // channels c..c+3 in bytes 0..3; missing channels are 0
  static constexpr int GROUP = 4;
  template <class L>
  DQ_INLINE I get(L ld, const float *p, size_t hw, int channels, const ActQuant &q) {
    I r = truncate(code_of(ld(p), q));
    if (channels > 1) r = ior(r, shift_left<8>(truncate(code_of(ld(p + hw), q))));
    if (channels > 2) r = ior(r, shift_left<16>(truncate(code_of(ld(p + 2 * hw), q))));
    if (channels > 3) r = ior(r, shift_left<24>(truncate(code_of(ld(p + 3 * hw), q))));
    return r;
  }
};

DQ_INLINE void put(int32_t *p, I v) { istore(p, v); }
DQ_INLINE void put_part(int32_t *p, int n, I v) { store_part((float *)p, n, as_float(v)); }
DQ_INLINE void put(int16_t *p, I v) { store_shorts(p, v); }
DQ_INLINE void put_part(int16_t *p, int n, I v) {
  if (n == LANES) return put(p, v);
  int16_t all[LANES];
  store_shorts(all, v);
  memcpy(p, all, n * sizeof(int16_t));
}

// E: int32_t or int16_t, the element that the planes hold.
template <class C, class E>
DQ_INLINE void pack_run(const float *src, size_t hw, int channels, int n, E *dst,
                        const ActQuant &q) {
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    put(dst + i, C::get([](const float *p) { return load(p); }, src + i, hw, channels, q));
  }
  if (i < n) {
    const int rest = n - i;
    const I v =
        C::get([rest](const float *p) { return load_part(p, rest); }, src + i, hw, channels, q);
    put_part(dst + i, rest, v);
  }
}

// src needs one readable element beyond the last one used.
template <class E>
DQ_INLINE void copy_strided(const int32_t *src, int stride, int n, E *dst) {
  int i = 0;
  if (stride == 2) {
    for (; i + LANES <= n; i += LANES)
      put(dst + i, every_second(iload(src + 2 * i), iload(src + 2 * i + LANES)));
  }
  for (; i < n; i++) dst[i] = (E)src[i * stride];
}

// x: `channels` planes of h x w floats. dst: zeroed once, so that what lies outside the image stays
// 0. row: scratch of w + 1 elements, used when stride > 1.
template <class C, class E>
static void pack_planes(const float *x, int channels, const PlaneMap &m, E *dst, int32_t *row,
                        const ActQuant &q) {
  const size_t hw = (size_t)m.h * m.w;
  const bool flat = m.stride == 1 && m.top == 0 && m.left == 0 && m.row_len == m.w;
  for (int c = 0; c < channels; c += C::GROUP, dst += m.channel()) {
    const float *src = x + c * hw;
    if (flat) {
      pack_run<C>(src, hw, channels - c, imin(m.rows, m.h) * m.w, dst, q);
      continue;
    }
    for (int r = 0; r < m.h; r++) {
      const int i = (r + m.top) / m.stride, a = (r + m.top) % m.stride;
      if (a >= m.phase_h || i >= m.rows) continue;
      E *out = dst + a * m.phase_w * m.plane + i * m.row_len;
      if (m.stride == 1) {
        pack_run<C>(src + r * m.w, hw, channels - c, m.end_col(0) - m.left, out + m.left, q);
        continue;
      }
      pack_run<C>(src + r * m.w, hw, channels - c, m.w, row, q);
      for (int b = 0; b < m.phase_w; b++, out += m.plane) {
        const int first = m.first_col(b);
        copy_strided(row + first * m.stride + b - m.left, m.stride, m.end_col(b) - first,
                     out + first);
      }
    }
  }
}

}  // namespace DQ_NS
