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

// step_sums.h: how dL/dx follows from dL/dxq, and the sums for a quantiser's step and clip.
//   dx = dxq * [0 < v < top],  v = x * a_inv
//   s_in = sum over inside of dxq * (code / ratio - v),  s_hi = sum over v >= top of dxq
#pragma once
#include "conv/pack.h"

namespace DQ_NS {

struct StepSums {
  double in, hi;
};

// A vector: dL/dxq = g.
DQ_INLINE void finish_part(F g, F x, const ActQuant &q, F &dx, F &in, F &hi) {
  const F v = mul(x, set(q.inv)), top = set(q.top);
  const F code = mul(to_float(truncate(code_of(x, q))), set(1.f / q.ratio));
  dx = keep_inside(g, v, set(0.f), top);
  in = fma(dx, sub(code, v), in);
  hi = add(hi, keep_at_least(g, v, top));
}

// n values: dL/dxq = g * unit. q null: no quantiser.
DQ_INLINE void finish_row(const float *g, float unit, const float *x, int n, const ActQuant *q,
                          float *dx, F &in, F &hi) {
  const F u = set(unit);
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    F d = mul(load(g + i), u);
    if (q) finish_part(d, load(x + i), *q, d, in, hi);
    store(dx + i, d);
  }
  if (i < n) {
    F d = mul(load_part(g + i, n - i), u);
    if (q) finish_part(d, load_part(x + i, n - i), *q, d, in, hi);
    store_part(dx + i, n - i, d);
  }
}

}  // namespace DQ_NS
