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
// what nearly all layers ask for: 32 bits hold the values, at most one kind of codes is wanted.
#pragma once

namespace DQ_NS {

enum Added { kNothing, kAny, kRectified };  // to values: a residual, or one as Finish::rectified

}  // namespace DQ_NS

#if defined(DQ_ISA_AVX512)
#include "engine/finish_run_avx512.h"
#else
#include "engine/finish_run_avx2.h"
#endif

namespace DQ_NS {

// Whether finish_fast() can make these codes: from the high halves of products, rising with them.
DQ_INLINE bool is_fast(const dq::CodeOutput &o) { return o.shift >= 32 && o.multiplier >= 0; }

DQ_INLINE bool is_fast(const Finish &f, const Run &run) {
  return (kFastParts || run.count == 16) && f.narrow && f.left == 0 && f.outputs <= 1 &&
         (f.outputs == 0 || is_fast(f.output[0]));
}

DQ_INLINE void finish_run(const Finish &f, const int32_t *sums, int stride, const Run &run) {
  if (f.sums_alone) return keep_sums(f, sums, stride, run);
  if (f.lines && (kFastParts || run.count == 16)) {
    return f.lines->exact ? finish_straight<false>(f, sums, stride, run)
                          : finish_straight<true>(f, sums, stride, run);
  }
  if (!is_fast(f, run)) return finish_each(f, sums, stride, run);
  using Body = void (*)(const Finish &, const int32_t *, int, const Run &);
  static constexpr Body kBodies[3][4] = {
      {finish_fast<kNothing, false, false>, finish_fast<kNothing, false, true>,
       finish_fast<kNothing, true, false>, finish_fast<kNothing, true, true>},
      {finish_fast<kAny, false, false>, finish_fast<kAny, false, true>,
       finish_fast<kAny, true, false>, finish_fast<kAny, true, true>},
      {finish_fast<kRectified, false, false>, finish_fast<kRectified, false, true>,
       finish_fast<kRectified, true, false>, finish_fast<kRectified, true, true>}};
  const Added added = !f.residual ? kNothing : f.rectified ? kRectified : kAny;
  kBodies[added][2 * (f.wide != nullptr) + f.outputs](f, sums, stride, run);
}

}  // namespace DQ_NS
