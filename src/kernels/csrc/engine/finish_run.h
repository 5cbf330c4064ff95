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
// finish_run.h: finish_run() by finish_fast(), which keeps what is the same for all pixels, for
// what nearly all layers ask for: 32 bits hold the values, few kinds of codes are wanted.
#pragma once

namespace DQ_NS {

constexpr int kFastOutputs = 2;
enum Added { kNothing, kAny, kRoomy };  // to values: a residual, or one as in Finish::roomy

}  // namespace DQ_NS

#if defined(DQ_ISA_AVX512)
#include "engine/finish_run_avx512.h"
#else
#include "engine/finish_run_avx2.h"
#endif

namespace DQ_NS {

// Whether finish_fast() can make these codes: from the high halves of products, rising with them.
DQ_INLINE bool is_fast(const dq::CodeOutput &o) { return o.shift >= 32 && o.multiplier >= 0; }

DQ_INLINE bool is_fast(const Finish &f) {
  bool fast = f.narrow && f.left == 0 && f.outputs <= kFastOutputs;
  for (int i = 0; fast && i < f.outputs; i++) fast = is_fast(f.output[i]);
  return fast;
}

using FastBody = void (*)(const Finish &, const int32_t *, int, const Run &);

template <Added added>
DQ_INLINE FastBody fast_body(bool wide, int outputs) {
  static constexpr FastBody kBodies[2][kFastOutputs + 1] = {
      {finish_fast<added, false, 0>, finish_fast<added, false, 1>, finish_fast<added, false, 2>},
      {finish_fast<added, true, 0>, finish_fast<added, true, 1>, finish_fast<added, true, 2>}};
  return kBodies[wide][outputs];
}

DQ_INLINE void finish_run(const Finish &f, const int32_t *sums, int stride, const Run &run) {
  if (f.sums_alone) return keep_sums(f, sums, stride, run);
  const bool whole = kFastParts || run.count == 16;
  if (f.lines && whole) {
    return f.lines->exact ? finish_straight<false>(f, sums, stride, run)
                          : finish_straight<true>(f, sums, stride, run);
  }
  if (!whole || !is_fast(f)) return finish_each(f, sums, stride, run);
  const auto of = !f.residual ? fast_body<kNothing> : f.roomy ? fast_body<kRoomy> : fast_body<kAny>;
  of(f.wide != nullptr, f.outputs)(f, sums, stride, run);
}

}  // namespace DQ_NS
