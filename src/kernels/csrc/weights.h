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

// weights.h: from weights (float, [k][oc][ic/groups][kh][kw]) to packed blocks, and the choice of
// arithmetic.
#pragma once
#include "gemm.h"
#include "pack.h"
#include "parallel.h"

namespace DQ_NS {

using dq::Quantizers;

// How a quantiser's convolution is computed. All but kReal and kRaw sum integers exactly.
enum Mode {
  kRaw,    // no quantisation
  kReal,   // float codes of x, real weights: when weight codes do not fit in 8 bits
  kExact,  // float codes of both; every partial sum is below 2^24
  kBytes,  // u8 x s8, DotBytes
  kWide,   // u8 x s8, DotWide: where 16-bit sums of DotBytes would overflow at once
  kInt32,  // 32-bit lanes (portable)
};

struct Pack {
  Mode mode;
  int depth;           // k steps of the GEMM
  int chunk;           // DotPairs: steps that fit 16-bit sums
  int words;           // per output and k
  const int32_t *w;    // [group][block][k][OB][words]
  const float *scale;  // [oc]: result * scale
  const int *offset;   // [depth]
  ActQuant q;
};

DQ_INLINE int channel_group(Mode mode) { return mode == kBytes || mode == kWide ? 4 : 1; }

DQ_INLINE int32_t float_bits(float v) {
  int32_t b;
  memcpy(&b, &v, 4);
  return b;
}
DQ_INLINE int32_t byte_at(float code, int i) {
  return (int32_t)((uint32_t)(uint8_t)(int8_t)(int)code << (8 * i));
}

// The words of one output at one k: w points at [channel c of the output][tap], channels `stride`
// apart.
DQ_INLINE void weight_words(Mode mode, const float *w, int channels, int stride, int32_t *out) {
  float v[4] = {0.f, 0.f, 0.f, 0.f};
  for (int i = 0; i < imin(channels, channel_group(mode)); i++) v[i] = w[(size_t)i * stride];
  if (mode == kBytes) {
    out[0] = byte_at(v[0], 0) | byte_at(v[1], 1) | byte_at(v[2], 2) | byte_at(v[3], 3);
  } else if (mode == kWide) {
    out[0] = (int32_t)((uint32_t)(uint16_t)(int)v[0] | (uint32_t)(uint16_t)(int)v[2] << 16);
    out[1] = (int32_t)((uint32_t)(uint16_t)(int)v[1] | (uint32_t)(uint16_t)(int)v[3] << 16);
  } else if (mode == kInt32) {
    out[0] = (int32_t)v[0];
  } else {
    out[0] = float_bits(v[0]);
  }
}

// One Pack per quantiser. Returns a code of codes.h.
int prepare_weights(const ConvShape &s, const Quantizers &q, const PlaneMap &map, Pack *packs);

}  // namespace DQ_NS
