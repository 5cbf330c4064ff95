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

#include "conv/gradient_codes.h"

namespace DQ_NS {

float largest_gradient(const float *dy, const CodeMap &m, const OutputScales &scales) {
  const int pixels = m.rows * m.cols;
  F largest = set(0.f), odd = set(0.f);
  for (int c = 0; c < m.channels; c++, dy += pixels) {
    const F s = set(scales[c]);
    const auto see = [&](F x) {
      const F v = mul(x, s);
      largest = vmax(vmax(v, sub(set(0.f), v)), largest);
      odd = add(odd, sub(v, v));
    };
    int i = 0;
    for (; i + LANES <= pixels; i += LANES) see(load(dy + i));
    if (i < pixels) see(load_part(dy + i, pixels - i));
  }
  float lanes[LANES], most = 0.f;
  store(lanes, largest);
  for (const float v : lanes) most = v > most ? v : most;
  return most + (float)sum(odd);
}

void encode(const float *dy, const CodeMap &m, const OutputScales &scales, float inv,
            int16_t *out) {
  int16_t *dst = out;
  for (int c = 0; c < m.channels; c++) {
    const F s = set(scales[c]), to_codes = set(inv);
    const auto code = [&](F x) {
      return truncate(vfloor(add(mul(mul(x, s), to_codes), set(0.5f))));
    };
    for (int h = 0; h < m.rows; h++, dy += m.cols, dst += m.row_len) {
      int i = 0;
      for (; i + LANES <= m.cols; i += LANES) store_shorts(dst + i, code(load(dy + i)));
      if (i < m.cols) store_shorts(dst + i, code(load_part(dy + i, m.cols - i)));
    }
  }
  memset(dst, 0, (out + m.size() - dst) * sizeof(int16_t));
}

void pack_pairs(const int16_t *codes, const CodeMap &m, const PlaneMap &planes, int32_t *dst) {
  for (int c = 0; c < m.channels; c += 2, dst += planes.channel()) {
    const int16_t *a = codes + c * m.channel(), *b = a + m.channel();
    for (int h = 0; h < m.rows; h++) {
      int32_t *out = dst + (h + planes.top) * planes.row_len + planes.left;
      for (int i = 0; i < m.cols; i += LANES) {
        istore(out + i, zip_shorts(a + h * m.row_len + i, b + h * m.row_len + i));
      }
    }
  }
}

}  // namespace DQ_NS
