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
// image_conv.h: a Wide that reads the image, as exact sums of 16-bit pieces. A pixel value has at
// most 256 values in a channel, so that their range is known; values and weights are cut into
// signed pieces such that no sum of products of pieces leaves int32.
#pragma once
#include "engine/conv_step.h"

namespace dq {

constexpr int kImageChannels = 3, kImagePieces = 3;

struct ImageConv {
  int c_out, kernel, stride, padding, h, w, ho, wo;
  int x_pieces, w_pieces;  // 1..kImagePieces
  int x_bits, w_bits;      // value = sum over i of (piece i << i * bits)
  int shift;               // right, of the whole sum; saturated, that is what Finish gets

  DQ_ALWAYS_INLINE int blocks() const { return (c_out + kChannelBlock - 1) / kChannelBlock; }
};

struct ImageJob {
  ImageConv conv;
  CodeTensor x[kImagePieces];  // int16, so that a tensor has twice the channels; borders of zeros
  const void *packed;
  Finish finish;
};

struct ImageKernel {
  size_t (*packed_bytes)(const ImageConv &);
  // weight int16 [w_pieces][c_out][3][kernel][kernel]
  void (*pack)(const ImageConv &, const int16_t *weight, void *packed);
  void (*run)(const ImageJob &, int first, int last);  // pixels
};

}  // namespace dq
