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
// finish.h: what follows the sums of a convolution, for 16 channels of a pixel in registers
// (Finish, conv_step.h). Included only by files compiled per instruction set.
//
// Sums holds 16 neighbouring int32 channels. load_sums and store_sums move them from and to memory;
// finish() does all that a Finish asks for, finish_run() for neighbouring pixels at once.
#pragma once
#include "simd/simd.h"
#include "engine/conv_step.h"

namespace DQ_NS {

// Where the results of a block of a pixel go.
struct Place {
  int block;         // of the arrays of a Finish
  int first, count;  // channel, and how many of the block there are: 1..16
  int y, x, pixel;   // pixel = y * wo + x
};

// A block of `pixels` pixels, one after the other, from (y, x) on, in rows of wo.
struct Run {
  int block, first, count;  // as above
  int y, x, wo, pixels;
};

}  // namespace DQ_NS

#if defined(DQ_ISA_AVX512)
#include "engine/finish_avx512.h"
#elif defined(DQ_ISA_AVX2)
#include "engine/finish_avx2.h"
#else
#include "engine/finish_plain.h"
#endif

namespace DQ_NS {

// One pixel after the other. sums: of the first pixel; those of the next one lie `stride` further.
DQ_INLINE void finish_each(const dq::Finish &f, const int32_t *sums, int stride, const Run &run) {
  int y = run.y, x = run.x;
  for (int p = 0; p < run.pixels; p++) {
    finish(f, load_sums(sums + p * stride),
           {run.block, run.first, run.count, y, x, y * run.wo + x});
    if (++x == run.wo) x = 0, y++;
  }
}

// Sums as they are.
DQ_INLINE void keep_sums(const dq::Finish &f, const int32_t *sums, int stride, const Run &run) {
  int32_t *to = f.wide + (size_t(run.y) * run.wo + run.x) * f.c + run.first;
  for (int p = 0; p < run.pixels; p++, sums += stride, to += f.c)
    if (run.count == 16) {
      store_sums(to, load_sums(sums));
    } else {
      std::memcpy(to, sums, sizeof(int32_t) * size_t(run.count));
    }
}

#if !defined(DQ_ISA_AVX512) && !defined(DQ_ISA_AVX2)
DQ_NOINLINE void finish_run(const dq::Finish &f, const int32_t *sums, int stride, const Run &run) {
  if (f.sums_alone) return keep_sums(f, sums, stride, run);
  finish_each(f, sums, stride, run);
}
#endif

}  // namespace DQ_NS

#if defined(DQ_ISA_AVX512) || defined(DQ_ISA_AVX2)
#include "engine/finish_run.h"
#endif

namespace DQ_NS {

// Of a run of pixels, whose `count` is of all `Blocks` blocks, some after the other.
template <int Blocks>
class BlockFinish {
 public:
  DQ_ALWAYS_INLINE BlockFinish(const dq::Finish &f, const Run &run) : f_(f), run_(run) {}

  // The next ones, of sums [pixels][Blocks][16].
  DQ_ALWAYS_INLINE void next(const int32_t *sums, int pixels) {
    for (int at = 0; at < run_.count; at += 16) {
      const int left = run_.count - at;
      finish_run(f_, sums + at, 16 * Blocks,
                 {run_.block + at / 16, run_.first + at, left < 16 ? left : 16, run_.y, run_.x,
                  run_.wo, pixels});
    }
    for (run_.x += pixels; run_.x >= run_.wo; run_.x -= run_.wo) run_.y++;
  }

 protected:
  const dq::Finish &f_;
  Run run_;  // y, x: of the next pixel
};

}  // namespace DQ_NS
