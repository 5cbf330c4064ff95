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

// peak.cc: what the machine's arithmetic units can do at most, with operands in registers: the
// yardstick of `bench.py kernels`.
#include "gemm.h"
#include "kernels.h"
#include "parallel.h"

namespace DQ_NS {

constexpr int CHAINS = 10;  // independent sums: enough to hide the latency of an operation

template <class D>
DQ_NOINLINE void burn(const int32_t *w, const int32_t *x, long steps, int32_t *out) {
  typename D::Acc acc[CHAINS];
  const typename D::W weight = D::get_w(w);
  const typename D::X value = D::get_x(x);
  memcpy(acc, out, sizeof acc);  // chains that a compiler knows to be equal it would make one
  for (long step = 0; step < steps; step++) {
    DQ_UNROLL
    for (int i = 0; i < CHAINS; i++) acc[i] = D::step(acc[i], weight, value);
  }
  memcpy(out, acc, sizeof acc);  // so that nothing is dropped
}

template <class D>
static double burn_all(int threads, long steps, int values_per_lane) {
  alignas(64) int32_t ones[LANES] = {};
  const size_t values = (size_t)threads * CHAINS * LANES;
  int32_t *out = scratch<int32_t>(-1, kSums, values);
  memset(out, 0, values * sizeof(int32_t));
  parallel(threads,
           [&](int, int item) { burn<D>(ones, ones, steps, out + item * CHAINS * LANES); });
  return (double)threads * steps * CHAINS * LANES * values_per_lane;
}

double burn_float(int threads, long steps) { return burn_all<DotFloat>(threads, steps, 1); }

double burn_shorts(int threads, long steps) { return burn_all<DotShorts>(threads, steps, 2); }

double burn_codes(int threads, long steps) {
#if DQ_HAS_BYTES
  return burn_all<DotBytes>(threads, steps, 4);
#else
  return burn_all<DotInt32>(threads, steps, 1);
#endif
}

}  // namespace DQ_NS
