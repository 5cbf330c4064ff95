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

// gradient_codes.h: dL/dy of the images of a pass as 16-bit codes, whose products with integer
// codes are summed exactly in 32 bits:
//
//   code[n][o][h][w] = floor(dy[n][o][h][w] * w_scale[o] / step + 0.5)
//   step = max |dy * w_scale| / top, over the images of the pass and the outputs of a group
//
// With w_scale in the codes the data gradient may sum over outputs; the weight gradient divides by
// it in the end. A value that is not finite makes step, and with it both gradients, NaN.
#pragma once
#include "conv/planes.h"

namespace DQ_NS {

constexpr float SMALLEST_GRADIENT = 1e-30f;  // below it 1 / step may be infinite: all codes are 0

// Codes [channels][rows][row_len]: zeros fill a row up to whole vectors, and an odd number of
// channels up to an even one, so that neither pixels nor channels lack a partner.
struct CodeMap {
  int channels, rows, cols, row_len;
  size_t channel() const { return (size_t)rows * row_len; }
  size_t size() const { return round_up(channels, 2) * channel(); }
};
DQ_INLINE CodeMap code_map(int channels, int rows, int cols) {
  return {channels, rows, cols, round_up(cols, LANES)};
}

struct GradientCodes {
  const int16_t *codes;  // [image][group], CodeMap::size() each
  const float *step;     // [group]
};

// scale: one per channel, or one.
struct OutputScales {
  const float *scale;
  int count;
  float operator[](int channel) const { return scale[count == 1 ? 0 : channel]; }
};

// The largest |dy * scale| of an image, NaN where a value is not finite.
float largest_gradient(const float *dy, const CodeMap &m, const OutputScales &scales);

// out: m.size() codes of an image. inv: 1 / step.
void encode(const float *dy, const CodeMap &m, const OutputScales &scales, float inv, int16_t *out);

// Words of two channels each into planes of stride 1. What is written beyond a row is zeros, before
// the next row comes.
void pack_pairs(const int16_t *codes, const CodeMap &m, const PlaneMap &planes, int32_t *dst);

}  // namespace DQ_NS
