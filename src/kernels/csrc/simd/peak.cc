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

// peak.cc: what the machine's arithmetic units can do at most, with operands in registers and the
// first-level cache: the yardstick of `bench.py kernels`.
#include "conv/gemm.h"
#include "simd/kernels.h"
#include "threads/parallel.h"

namespace DQ_NS {

// Independent sums hide the latency. With 10 of them, as many as two units of 5 cycles need, an
// Emerald Rapids reaches 82 % of what 16 do.
constexpr int VECTORS = LANES == 16 ? 8 : 5, CHAINS = 2 * VECTORS;

// w: two elements; x: VECTORS vectors; out: where the chains begin and end. The compiler must not
// merge chains, share a product between them or take one out of the loop: all operands differ, and
// x may change at any time.
template <class D>
DQ_NOINLINE void burn(const int32_t *w, int32_t *x, long steps, int32_t *out) {
  typename D::Acc acc[CHAINS];
  const typename D::W weight[2] = {D::get_w(w), D::get_w(w + D::WORDS)};
  DQ_UNROLL
  for (int i = 0; i < CHAINS; i++) memcpy(&acc[i], out + i * LANES, sizeof acc[i]);
  for (long step = 0; step < steps; step++) {
    DQ_UNROLL
    for (int i = 0; i < VECTORS; i++) {
      asm volatile("" : "+m"(*(int32_t (*)[LANES])(x + i * LANES)));
      const typename D::X value = D::get_x(x + i * LANES);
      acc[2 * i] = D::step(acc[2 * i], weight[0], value);
      acc[2 * i + 1] = D::step(acc[2 * i + 1], weight[1], value);
    }
  }
  DQ_UNROLL
  for (int i = 0; i < CHAINS; i++) memcpy(out + i * LANES, &acc[i], sizeof acc[i]);
}

template <class D>
static double burn_all(int threads, long steps, int values_per_lane) {
  const size_t values = (size_t)threads * CHAINS * LANES;
  int32_t *out = scratch<int32_t>(-1, kSums, values);
  memset(out, 0, values * sizeof(int32_t));
  parallel(threads, [&](int, int item) {
    alignas(64) int32_t weight[4] = {}, x[VECTORS * LANES] = {};
    asm volatile("" : "+m"(weight));  // not known to be equal
    burn<D>(weight, x, steps, out + item * CHAINS * LANES);
  });
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

double burn_memory(int threads, long steps) {
  constexpr size_t SIZE = 16 << 20;  // floats
  const float *from = scratch<float>(-1, kPlanes, SIZE);
  float *to = scratch<float>(-1, kGradPlanes, SIZE);
  for (long step = 0; step < steps; step++) {
    parallel(threads, [&](int, int item) {
      const size_t end = SIZE / LANES * (item + 1) / threads * LANES;
      for (size_t i = SIZE / LANES * item / threads * LANES; i < end; i += LANES)
        store(to + i, load(from + i));
    });
  }
  return 2.0 * SIZE * sizeof(float) * steps;
}

}  // namespace DQ_NS
