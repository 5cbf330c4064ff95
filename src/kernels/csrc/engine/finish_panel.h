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
// together. Constants are made once for all runs of a strip (PanelFinish), as those of lines are
// (PixelFinish); with_finish() picks one of them, on all instruction sets.
#pragma once
#include "engine/finish.h"
#include "engine/finish_pixels.h"

namespace DQ_NS {

// A type as a value.
template <class T>
struct Of {
  using Type = T;
};

#if defined(DQ_ISA_AVX512)

// Values of all blocks of a pixel, whose first channel is at `place`.
template <Added Residual, bool Wide, bool Clipped, int Blocks>
DQ_INLINE void pixel_values(const Finish &f, const FastFinish (&k)[Blocks], const int32_t *sums,
                            size_t place, __m512i *v) {
  const int32_t *residual = Residual != kNothing ? f.residual + place : nullptr;
  int32_t *wide = Wide ? f.wide + place : nullptr;
  DQ_UNROLL
  for (int b = 0; b < Blocks; b++) {
    v[b] = value_of<Residual, Wide, Clipped>(k[b], sums + 16 * b, 0xffff, residual, wide);
    if (Residual != kNothing) residual += 16;
    if (Wide) wide += 16;
  }
}

// Codes of one kind, of all blocks of a pixel or of two.
struct PanelCodes {
  FastCodes codes;
  CodePlace place;

  // v: of `pixels` pixels, one after the other; `left` pixels come before the end of the row.
  template <int Blocks>
  inline __attribute__((always_inline)) void next(const __m512i (&v)[4], int pixels, int left,
                                                  int wo, int c) {
    __m512i bytes = four_codes(codes, v);
    for (int i = 0; i < pixels; i++) {
      store_blocks<Blocks>(place.to, bytes);
      place.to += c;
      if (--left == 0) place.to += place.turn, left = wo;
      bytes = _mm512_shuffle_i64x2(bytes, bytes, 0xee);  // the second pixel of two
    }
  }
};

// What finish_fast_panel() takes along from run to run.
template <int Blocks>
struct PanelConstants {
  FastFinish values[Blocks];
  FastCodes codes[kFastOutputs];
};

// Sums [pixels][Blocks][16], of which all channels are wanted.
template <Added Residual, bool Wide, int Outputs, int Blocks>
DQ_NOINLINE void finish_fast_panel(const Finish &f, const PanelConstants<Blocks> &k,
                                   const int32_t *sums, const Run &run) {
  constexpr bool kAlone = Residual == kNothing && !Wide && Outputs == 1;
  constexpr int kAtOnce = Blocks == 2 ? 2 : 1, kSums = 16 * Blocks;  // pixels that fill 4 vectors
  PanelCodes codes[Outputs + 1];                                     // of which Outputs are there
  for (int o = 0; o < Outputs; o++) codes[o] = {k.codes[o], code_place(f, o, run)};
  size_t place = (size_t(run.y) * run.wo + run.x) * f.c + run.first;
  int left = run.wo - run.x;  // pixels of this row
  for (int p = 0; p < run.pixels; p += kAtOnce) {
    const int some = run.pixels - p < kAtOnce ? 1 : kAtOnce;
    __m512i v[4];
    for (int i = 0; i < some; i++, sums += kSums, place += f.c)
      pixel_values<Residual, Wide, !kAlone>(f, k.values, sums, place, v + i * Blocks);
    if (some * Blocks < 4) v[3] = v[0];
    if (some * Blocks < 3) v[2] = v[0];
    DQ_UNROLL
    for (int o = 0; o < Outputs; o++) codes[o].template next<Blocks>(v, some, left, run.wo, f.c);
    left -= some;
    while (left <= 0) left += run.wo;
  }
}

template <int Blocks>
using FastPanel = void (*)(const Finish &, const PanelConstants<Blocks> &, const int32_t *,
                           const Run &);

template <Added added, int Blocks>
DQ_INLINE FastPanel<Blocks> fast_panel(bool wide, int outputs) {
  static constexpr FastPanel<Blocks> kBodies[2][kFastOutputs + 1] = {
      {finish_fast_panel<added, false, 0, Blocks>, finish_fast_panel<added, false, 1, Blocks>,
       finish_fast_panel<added, false, 2, Blocks>},
      {finish_fast_panel<added, true, 0, Blocks>, finish_fast_panel<added, true, 1, Blocks>,
       finish_fast_panel<added, true, 2, Blocks>}};
  return kBodies[wide][outputs];
}

// As PixelFinish, where sums have no lines: values, and codes the long way.
template <int Blocks>
class PanelFinish : public BlockFinish<Blocks> {
  static_assert(Blocks > 1);

 public:
  PanelFinish(const Finish &f, const Run &run) : BlockFinish<Blocks>(f, run) {
    if (f.sums_alone || run.count < 16 * Blocks || !is_fast(f)) return;
    const bool wide = f.wide;
    body_ = !f.residual ? fast_panel<kNothing, Blocks>(wide, f.outputs)
            : f.roomy   ? fast_panel<kRoomy, Blocks>(wide, f.outputs)
                        : fast_panel<kAny, Blocks>(wide, f.outputs);
    const bool alone = !f.residual && !wide && f.outputs == 1;
    for (int b = 0; b < Blocks; b++) k_.values[b] = fast_of(f, run.block + b);
    for (int o = 0; o < f.outputs; o++) k_.codes[o] = fast_codes_of(f, o, alone);
  }

  DQ_ALWAYS_INLINE void next(const int32_t *sums, int pixels) {
    if (!body_) return BlockFinish<Blocks>::next(sums, pixels);
    Run &run = this->run_;
    run.pixels = pixels;
    body_(this->f_, k_, sums, run);
    for (run.x += pixels; run.x >= run.wo; run.x -= run.wo) run.y++;
  }

 private:
  FastPanel<Blocks> body_ = nullptr;
  PanelConstants<Blocks> k_;
};

#endif

// body(Of<what finishes runs of `Blocks` blocks fastest, with what a Finish asks for>()).
template <int Blocks, class Body>
DQ_INLINE void with_finish([[maybe_unused]] const dq::Finish &f, const Body &body) {
#if defined(DQ_ISA_AVX512)
  if constexpr (Blocks > 1) {
    const Way way = way_of(f);
    if (way == Way::kExact) return body(Of<PixelFinish<false, Blocks>>());
    if (way == Way::kNear) return body(Of<PixelFinish<true, Blocks>>());
    return body(Of<PanelFinish<Blocks>>());
  }
#endif
  body(Of<BlockFinish<Blocks>>());
}

}  // namespace DQ_NS
