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
#include "weights.h"

#include "codes.h"

namespace DQ_NS {

// Fills codes (float, like w) and returns the largest |code|; -1: off the grid or not finite.
static float weight_codes(const float *w, const float *scale, int scales, int oc, int per_output,
                          float *codes, float *partial, bool *fits_s8) {
  parallel(oc, [&](int, int o) {
    const float s = scale[scales == 1 ? 0 : o];
    float lo = 0.f, hi = 0.f, off = 0.f;
    bool finite = true;
    for (int i = 0; i < per_output; i++) {
      const float v = w[(size_t)o * per_output + i] / s;
      const float c = __builtin_floorf(v + 0.5f), d = v - c;
      codes[(size_t)o * per_output + i] = c;
      lo = c < lo ? c : lo, hi = c > hi ? c : hi;
      off = d > off ? d : -d > off ? -d : off;
      finite = finite && v - v == 0.f;
    }
    partial[3 * o] = lo, partial[3 * o + 1] = hi, partial[3 * o + 2] = finite ? off : -1.f;
  });
  float lo = 0.f, hi = 0.f, off = 0.f;
  bool finite = true;
  for (int o = 0; o < oc; o++) {
    lo = partial[3 * o] < lo ? partial[3 * o] : lo;
    hi = partial[3 * o + 1] > hi ? partial[3 * o + 1] : hi;
    off = partial[3 * o + 2] > off ? partial[3 * o + 2] : off;
    finite = finite && partial[3 * o + 2] >= 0.f;
  }
  *fits_s8 = lo >= -128.f && hi <= 127.f;
  if (!finite) return -2.f;
  if (off > 0.05f) return -1.f;
  return -lo > hi ? -lo : hi;
}

static Mode choose_mode(float w_max, bool fits_s8, float a_max, int group_channels, int taps,
                        int *chunk) {
  const bool exact = (double)a_max * w_max * group_channels * taps < 16777216.0;
  *chunk = 1;
  if (w_max < 0.f) return kReal;
  if (exact && (group_channels < 4 || !DQ_HAS_BYTES)) return kExact;
  if (!DQ_HAS_BYTES) {
    return (double)a_max * w_max * group_channels * taps < 2147483648.0 ? kInt32 : kReal;
  }
  if (!fits_s8) return exact ? kExact : kReal;
  if (!DQ_HAS_WIDE) return kBytes;
  const double pair = 2.0 * a_max * (w_max < 1.f ? 1.f : w_max);
  *chunk = (int)(32767.0 / pair);
  return *chunk >= 4 ? kBytes : kWide;
}

static void pack_weights(const ConvShape &s, const float *w, const Pack &p, int32_t *out) {
  const int taps = s.kh * s.kw, group_ic = s.ic / s.groups, group_oc = s.oc / s.groups;
  const int blocks = (group_oc + OB - 1) / OB, step = channel_group(p.mode);
  parallel(s.groups * blocks, [&](int, int item) {
    const int g = item / blocks, o0 = item % blocks * OB;
    int32_t *dst = out + (size_t)item * p.depth * OB * p.words;
    for (int c = 0; c < group_ic; c += step) {
      for (int t = 0; t < taps; t++) {
        for (int o = o0; o < o0 + OB; o++, dst += p.words) {
          if (o < group_oc) {
            const float *src = w + ((size_t)(g * group_oc + o) * group_ic + c) * taps + t;
            weight_words(p.mode, src, group_ic - c, taps, dst);
          } else {
            for (int i = 0; i < p.words; i++) dst[i] = 0;
          }
        }
      }
    }
  });
}

int prepare_weights(const ConvShape &s, const Quantizers &q, const PlaneMap &map, Pack *packs) {
  const int taps = s.kh * s.kw, group_ic = s.ic / s.groups, group_oc = s.oc / s.groups;
  const int count = imax(q.count, 1), blocks = (group_oc + OB - 1) / OB;
  const size_t size = (size_t)s.oc * group_ic * taps;
  const size_t packed =
      (size_t)s.groups * blocks * OB * group_ic * taps;  // words at most, except kWide
  float *codes = scratch<float>(-1, kCodes, size);
  float *partial = scratch<float>(-1, kPartials, 3 * (size_t)s.oc);
  float *scales = scratch<float>(-1, kScales, (size_t)count * s.oc);
  int *offsets = scratch<int>(-1, kOffsets, (size_t)count * group_ic * taps);
  int32_t *words = scratch<int32_t>(-1, kPackedWeights,
                                    count * (packed + (size_t)s.groups * blocks * OB * taps * 8));
  size_t used = 0;
  for (int k = 0; k < count; k++) {
    Pack &p = packs[k];
    const float *w = q.w + k * size;
    float *scale = scales + (size_t)k * s.oc;
    int *offset = offsets + (size_t)k * group_ic * taps;
    p = Pack{kRaw, 0, 1, 1, words + used, scale, offset, {1.f, 1.f, 255.f}};
    if (q.count) {
      bool fits = false;
      const float *w_scale = q.w_scale + (size_t)k * q.scales;
      const float w_max =
          weight_codes(w, w_scale, q.scales, s.oc, group_ic * taps, codes, partial, &fits);
      if (w_max == -1.f) return dq::kOffGrid;
      p.q = {q.a_inv[k], q.a_scale[k], q.a_max[k]};
      p.mode = choose_mode(w_max, fits, p.q.max, group_ic, taps, &p.chunk);
      p.words = p.mode == kWide ? 2 : 1;
      for (int o = 0; o < s.oc; o++) {
        scale[o] = p.mode == kReal ? p.q.scale : p.q.scale * w_scale[q.scales == 1 ? 0 : o];
      }
    } else {
      for (int o = 0; o < s.oc; o++) scale[o] = 1.f;
    }
    const int step = channel_group(p.mode), channels = (group_ic + step - 1) / step;
    p.depth = channels * taps;
    for (int c = 0; c < channels; c++) {
      for (int t = 0; t < taps; t++)
        offset[c * taps + t] = c * map.channel() + map.tap(t / s.kw, t % s.kw);
    }
    pack_weights(s, p.mode == kRaw || p.mode == kReal ? w : codes, p, words + used);
    used += (size_t)s.groups * blocks * OB * p.depth * p.words;
  }
  return dq::kOk;
}

}  // namespace DQ_NS
