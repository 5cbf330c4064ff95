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

// weights.cc: see weights.h.
#include "conv/weights.h"

#include "abi/codes.h"

namespace DQ_NS {

// Codes of one output's weights, and their range.
static Range output_codes(const float *w, float scale, int n, int16_t *codes) {
  const F s = set(scale), half = set(0.5f);
  F lo = set(0.f), hi = lo, off = lo, odd = lo;
  float v[LANES];
  const auto step = [&](F x, int lanes, int16_t *out) {
    const F r = div(x, s), c = vfloor(add(r, half)), d = sub(r, c);
    lo = vmin(c, lo), hi = vmax(c, hi), off = vmax(vmax(d, sub(set(0.f), d)), off);
    odd = add(odd, sub(r, r));  // NaN where r is not finite
    put_part(out, lanes, truncate(c));
  };
  int i = 0;
  for (; i + LANES <= n; i += LANES) step(load(w + i), LANES, codes + i);
  if (i < n) step(load_part(w + i, n - i), n - i, codes + i);
  Range r = {0.f, 0.f, 0.f, sum(odd) == 0.0};
  store(v, lo);
  for (float x : v) r.lo = x < r.lo ? x : r.lo;
  store(v, hi);
  for (float x : v) r.hi = x > r.hi ? x : r.hi;
  store(v, off);
  for (float x : v) r.off = x > r.off ? x : r.off;
  return r;
}

static Range join(const Range *parts, int count) {
  Range r = parts[0];
  for (int i = 1; i < count; i++) {
    r.lo = parts[i].lo < r.lo ? parts[i].lo : r.lo;
    r.hi = parts[i].hi > r.hi ? parts[i].hi : r.hi;
    r.off = parts[i].off > r.off ? parts[i].off : r.off;
    r.finite = r.finite && parts[i].finite;
  }
  return r;
}

WeightCodes weight_codes(const ConvShape &s, const Quantizers &q) {
  const int per = s.ic / s.groups * s.kh * s.kw, rows = q.count * s.oc;
  int16_t *codes = scratch<int16_t>(-1, kCodes, (size_t)rows * per + LANES);
  Range *ranges = scratch<Range>(-1, kPartials, (size_t)rows);
  parallel(
      rows,
      [&](int, int item) {
        const int k = item / s.oc, o = item % s.oc;
        const float scale = q.w_scale[k * q.scales + (q.scales == 1 ? 0 : o)];
        ranges[item] =
            output_codes(q.w + (size_t)item * per, scale, per, codes + (size_t)item * per);
      },
      (size_t)rows * per < (1 << 17));
  for (int k = 0; k < q.count; k++) ranges[k] = join(ranges + (size_t)k * s.oc, s.oc);
  return {codes, ranges};
}

static double largest_code(const Range &w) { return -w.lo > w.hi ? -w.lo : w.hi; }

bool sums_are_exact(const Range &w, float a_max, int inputs) {
  return w.finite && a_max * largest_code(w) * inputs < 16777216.0;  // 2^24
}

static Mode choose_mode(const Range &w, float a_max, int inputs, int group_channels, int *chunk) {
  const float w_max = (float)largest_code(w);
  const double largest = (double)a_max * w_max * inputs;  // of a sum
  const bool exact = sums_are_exact(w, a_max, inputs);
  *chunk = 1;
  if (!w.finite || w_max > 32767.f || largest >= 2147483648.0) return kReal;
  if (exact && (group_channels < 4 || !DQ_HAS_BYTES)) return kExact;
#if DQ_HAS_BYTES
  if (w.lo < -128.f || w.hi > 127.f) return exact ? kExact : kReal;
  if (a_max > DotBytes::TOP) return kWide;
  if (!DotBytes::CHUNKED) return kBytes;
  *chunk = (int)(32767.0 / (2.0 * a_max * (w_max < 1.f ? 1.f : w_max)));
  return *chunk >= 4 ? kBytes : kWide;
#else
  return kInt32;
#endif
}

DQ_INLINE uint32_t low_byte(int16_t code, int i) { return (uint32_t)(uint8_t)code << (8 * i); }

// The words of one output at one k: its channels from c on, `stride` elements apart.
DQ_INLINE void integer_words(Mode mode, const int16_t *c, int channels, int stride, int32_t *out) {
  int16_t v[4] = {0, 0, 0, 0};
  for (int i = 0; i < imin(channels, channel_group(mode)); i++) v[i] = c[(size_t)i * stride];
  if (mode == kBytes) {
    out[0] =
        (int32_t)(low_byte(v[0], 0) | low_byte(v[1], 1) | low_byte(v[2], 2) | low_byte(v[3], 3));
  } else if (mode == kWide) {
    out[0] = pair(v[0], v[2]), out[1] = pair(v[1], v[3]);
  } else {
    out[0] = mode == kInt32 ? v[0] : float_bits((float)v[0]);
  }
}

// One block of outputs of one quantiser.
static void pack_block(const ConvShape &s, const Pack &p, const float *w, const int16_t *codes,
                       int group, int o0, int32_t *dst) {
  const int taps = s.kh * s.kw, group_ic = s.ic / s.groups, group_oc = s.oc / s.groups;
  const int step = channel_group(p.mode);
  const bool real = p.mode == kRaw || p.mode == kReal;
  for (int c = 0; c < group_ic; c += step) {
    for (int t = 0; t < taps; t++) {
      for (int o = o0; o < o0 + OB; o++, dst += p.words) {
        const size_t at = ((size_t)(group * group_oc + o) * group_ic + c) * taps + t;
        if (o >= group_oc) {
          memset(dst, 0, p.words * sizeof(int32_t));
        } else if (real) {
          dst[0] = float_bits(w[at]);
        } else {
          integer_words(p.mode, codes + at, group_ic - c, taps, dst);
        }
      }
    }
  }
}

// Everything of a pack but the weights themselves.
static void describe_pack(const ConvShape &s, const Quantizers &q, int k, const PlaneMap &map,
                          const Range *range, float *scale, int *offset, Pack *p) {
  const int taps = s.kh * s.kw, group_ic = s.ic / s.groups;
  *p = Pack{kRaw, 0, 1, 1, nullptr, scale, offset, {1.f, 1.f, 255.f, 255.f, 1.f}};
  if (q.count) {
    p->q = act_quant(q, k);
    p->mode = choose_mode(*range, p->q.max, group_ic * taps, group_ic, &p->chunk);
    p->words = p->mode == kWide ? 2 : 1;
  }
  for (int o = 0; o < s.oc; o++) {
    const float w_scale = q.count ? q.w_scale[k * q.scales + (q.scales == 1 ? 0 : o)] : 1.f;
    scale[o] = p->mode == kRaw ? 1.f : p->mode == kReal ? p->q.scale : p->q.scale * w_scale;
  }
  const int step = channel_group(p->mode), channels = (group_ic + step - 1) / step;
  p->depth = channels * taps;
  for (int i = 0; i < p->depth; i++) {
    offset[i] = i / taps * map.channel() + map.tap(i % taps / s.kw, i % taps % s.kw);
  }
}

int prepare_weights(const ConvShape &s, const Quantizers &q, const PlaneMap &map, Pack *packs) {
  const int taps = s.kh * s.kw, group_ic = s.ic / s.groups, group_oc = s.oc / s.groups;
  const int count = imax(q.count, 1), blocks = (group_oc + OB - 1) / OB, per = group_ic * taps;
  const size_t size = (size_t)s.oc * per;
  const WeightCodes found = weight_codes(s, q);
  float *scales = scratch<float>(-1, kScales, (size_t)count * s.oc);
  int *offsets = scratch<int>(-1, kOffsets, (size_t)count * per);
  const bool small = count * size < (1 << 17);
  size_t words = 0;
  for (int k = 0; k < count; k++) {
    const Range range = q.count ? found.range[k] : Range{0.f, 0.f, 0.f, true};
    if (range.finite && range.off > OFF_GRID) return dq::kOffGrid;
    describe_pack(s, q, k, map, &range, scales + (size_t)k * s.oc, offsets + (size_t)k * per,
                  &packs[k]);
    words += (size_t)s.groups * blocks * OB * packs[k].depth * packs[k].words;
  }
  int32_t *out = scratch<int32_t>(-1, kPackedWeights, words);
  for (int k = 0; k < count; k++) {
    packs[k].w = out;
    out += (size_t)s.groups * blocks * OB * packs[k].depth * packs[k].words;
  }
  parallel(
      count * s.groups * blocks,
      [&](int, int item) {
        const int k = item / (s.groups * blocks), block = item % (s.groups * blocks);
        const Pack &p = packs[k];
        int32_t *dst = (int32_t *)p.w + (size_t)block * OB * p.depth * p.words;
        pack_block(s, p, q.w + k * size, found.codes + k * size, block / blocks,
                   block % blocks * OB, dst);
      },
      small);
  return dq::kOk;
}

}  // namespace DQ_NS
