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

// fake_quant.cc: the activation quantiser on its own, for dense layers: value = code * a_scale, and
// its gradients.
#include "kernels.h"
#include "pack.h"
#include "parallel.h"

namespace DQ_NS {

constexpr size_t PIECE = 1 << 15;  // elements per item; also fixes the order of the sums

void quant_forward(size_t size, const dq::Quantizers &q, const float *x, float *y) {
  const ActQuant a = {*q.a_inv, *q.a_scale, *q.a_max};
  const F scale = set(a.scale);
  parallel((int)((size + PIECE - 1) / PIECE), [&](int, int item) {
    size_t i = item * PIECE;
    const size_t end = i + PIECE < size ? i + PIECE : size;
    for (; i + LANES <= end; i += LANES)
      store(y + i, mul(to_float(truncate(code_of(load(x + i), a))), scale));
    const int rest = (int)(end - i);
    if (rest)
      store_part(y + i, rest, mul(to_float(truncate(code_of(load_part(x + i, rest), a))), scale));
  });
}

void quant_backward(size_t size, const dq::Quantizers &q, const float *x, const float *dy,
                    float *dx, double *s_in, double *s_hi) {
  const ActQuant a = {*q.a_inv, *q.a_scale, *q.a_max};
  const F zero = set(0.f), top = set(a.max), inv = set(a.inv);
  const int items = (int)((size + PIECE - 1) / PIECE);
  double *sums = scratch<double>(-1, kStepSums, 2 * (size_t)items);
  parallel(items, [&](int, int item) {
    size_t i = item * PIECE;
    const size_t end = i + PIECE < size ? i + PIECE : size;
    F in = zero, hi = zero;
    const auto one = [&](F u, F g) {
      const F v = mul(u, inv), code = to_float(truncate(code_of(u, a))),
              d = keep_inside(g, v, zero, top);
      in = fma(d, sub(code, v), in);
      hi = add(hi, keep_at_least(g, v, top));
      return d;
    };
    for (; i + LANES <= end; i += LANES) store(dx + i, one(load(x + i), load(dy + i)));
    const int rest = (int)(end - i);
    if (rest) store_part(dx + i, rest, one(load_part(x + i, rest), load_part(dy + i, rest)));
    sums[2 * item] = sum(in), sums[2 * item + 1] = sum(hi);
  });
  *s_in = *s_hi = 0;
  for (int i = 0; i < items; i++) *s_in += sums[2 * i], *s_hi += sums[2 * i + 1];
}

}  // namespace DQ_NS
