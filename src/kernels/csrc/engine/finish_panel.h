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
// finish_panel.h: what finish_fast() does, of all blocks of some pixels at once, for kernels whose
// tiles hold several blocks of a pixel (AVX-512): neighbouring bytes and values are written
// together.
#pragma once
#include "engine/finish_pixels.h"

#if defined(DQ_ISA_AVX512)

namespace DQ_NS {

// Sums [pixels][Blocks][16], of which all channels are wanted.
template <Added Residual, bool Wide, int Outputs, int Blocks>
DQ_NOINLINE void finish_fast_panel(const Finish &f, const int32_t *sums, const Run &run) {
  constexpr bool kAlone = Residual == kNothing && !Wide && Outputs == 1;
  constexpr int kAtOnce = Blocks == 2 ? 2 : 1, kSums = 16 * Blocks;  // pixels that fill 4 vectors
  FastFinish k[Blocks];
  DQ_UNROLL
  for (int b = 0; b < Blocks; b++) k[b] = fast_of(f, run.block + b);
  FastCodes codes[Outputs + 1];  // of which Outputs are there
  CodePlace places[Outputs + 1];
  DQ_UNROLL
  for (int o = 0; o < Outputs; o++)
    codes[o] = fast_codes_of(f, o, kAlone), places[o] = code_place(f, o, run);
  size_t place = (size_t(run.y) * run.wo + run.x) * f.c + run.first;
  int left = run.wo - run.x;  // pixels of this row
  for (int p = 0; p < run.pixels; p += kAtOnce) {
    const int some = run.pixels - p < kAtOnce ? 1 : kAtOnce;
    __m512i v[4];
    for (int i = 0; i < some; i++, sums += kSums, place += f.c) {
      const int32_t *residual = Residual != kNothing ? f.residual + place : nullptr;
      int32_t *wide = Wide ? f.wide + place : nullptr;
      DQ_UNROLL
      for (int b = 0; b < Blocks; b++) {
        v[(i * Blocks + b) % 4] =
            value_of<Residual, Wide, !kAlone>(k[b], sums + 16 * b, 0xffff, residual, wide);
        if (Residual != kNothing) residual += 16;
        if (Wide) wide += 16;
      }
    }
    if (some * Blocks < 4) v[3] = v[0];
    if (some * Blocks < 3) v[2] = v[0];
    __m512i bytes[Outputs + 1];
    DQ_UNROLL
    for (int o = 0; o < Outputs; o++) bytes[o] = four_codes(codes[o], v);
    for (int i = 0; i < some; i++) {
      const bool turns = --left == 0;
      if (turns) left = run.wo;
      DQ_UNROLL
      for (int o = 0; o < Outputs; o++) {
        store_blocks<Blocks>(places[o].to, bytes[o]);
        places[o].to += f.c + (turns ? places[o].turn : 0);
        if (kAtOnce == 2) bytes[o] = _mm512_shuffle_i64x2(bytes[o], bytes[o], 0xee);
      }
    }
  }
}

using FastPanel = void (*)(const Finish &, const int32_t *, const Run &);

template <Added added, int Blocks>
DQ_INLINE FastPanel fast_panel(bool wide, int outputs) {
  static constexpr FastPanel kBodies[2][kFastOutputs + 1] = {
      {finish_fast_panel<added, false, 0, Blocks>, finish_fast_panel<added, false, 1, Blocks>,
       finish_fast_panel<added, false, 2, Blocks>},
      {finish_fast_panel<added, true, 0, Blocks>, finish_fast_panel<added, true, 1, Blocks>,
       finish_fast_panel<added, true, 2, Blocks>}};
  return kBodies[wide][outputs];
}

// Sums [pixels][Blocks][16] that have no lines. run.count: of all blocks.
template <int Blocks>
DQ_INLINE void finish_panel(const Finish &f, const int32_t *sums, const Run &run) {
  if constexpr (Blocks > 1) {
    if (!f.sums_alone && run.count == 16 * Blocks && is_fast(f)) {
      const auto of = !f.residual   ? fast_panel<kNothing, Blocks>
                      : f.rectified ? fast_panel<kRectified, Blocks>
                                    : fast_panel<kAny, Blocks>;
      return of(f.wide != nullptr, f.outputs)(f, sums, run);
    }
  }
  for (int b = 0; b < Blocks; b++) {
    const int left = run.count - 16 * b;
    finish_run(f, sums + 16 * b, 16 * Blocks,
               {run.block + b, run.first + 16 * b, left < 16 ? left : 16, run.y, run.x, run.wo,
                run.pixels});
  }
}

}  // namespace DQ_NS

#endif
