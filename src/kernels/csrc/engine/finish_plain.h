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
// finish_plain.h: finish() in plain C++, for instruction sets without one of their own.
#pragma once

namespace DQ_NS {

using dq::CodeOutput;
using dq::Finish;

struct Sums {
  I v[4];
};
DQ_INLINE Sums load_sums(const int32_t *p) {
  return {{iload(p), iload(p + 4), iload(p + 8), iload(p + 12)}};
}
DQ_INLINE void store_sums(int32_t *p, const Sums &s) {
  for (int i = 0; i < 4; i++) istore(p + 4 * i, s.v[i]);
}

DQ_INLINE int64_t clip(int64_t v, int64_t low, int64_t high) {
  v = v < low ? low : v;
  return v > high ? high : v;
}

// Bytes of the first `count` values.
DQ_INLINE void store_codes(const CodeOutput &o, const Sums &sums, int count, uint8_t *to) {
  int32_t v[16];
  store_sums(v, sums);
  for (int i = 0; i < count; i++) {
    const int64_t scaled = (int64_t(v[i]) * o.multiplier + o.half) >> o.shift;
    to[i] = uint8_t(clip(scaled, o.low, o.high) + o.to.zero);
  }
}

DQ_INLINE void finish(const Finish &f, const Sums &sums, const Place &at) {
  const int64_t *m = f.multiplier + 16 * at.block, *b = f.bias + 16 * at.block;
  const size_t place = size_t(at.pixel) * f.c + at.first;
  int32_t v[16];
  store_sums(v, sums);
  for (int i = 0; i < 16; i++) {
    const int k = i / 2 + 8 * (i % 2);  // even channels, then odd ones
    const int32_t sum = int32_t(uint32_t(v[i]) << f.left);
    v[i] = int32_t(clip((sum * m[k] + b[k]) >> f.right, f.bounds.low, f.bounds.high));
  }
  if (f.residual)
    for (int i = 0; i < at.count; i++) {
      const int64_t sum = int64_t(v[i]) + f.residual[place + i];
      v[i] = int32_t(clip(sum, f.sum_bounds.low, f.sum_bounds.high));
    }
  if (f.wide) std::memcpy(f.wide + place, v, sizeof(int32_t) * size_t(at.count));
  for (int n = 0; n < f.outputs; n++) {
    const CodeOutput &o = f.output[n];
    uint8_t *to = o.to.data + at.y * o.to.row() + ptrdiff_t(at.x) * f.c + at.first;
    store_codes(o, load_sums(v), at.count, to);
  }
}

}  // namespace DQ_NS
