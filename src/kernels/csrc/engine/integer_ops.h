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
// integer_ops.h: the integer kernels of one instruction set. Registers are [h][w][c], int32. Only
// plain data, as in kernels.h.
#pragma once
#include <cstddef>
#include <cstdint>

namespace dq {

constexpr int kChannelBlock = 16;  // output channels that packed weights are grouped in

// What results are clipped to: the ends of int32, or less.
struct Bounds {
  int32_t low, high;
};

// Codes of a group of channels with zeros around, [h][w][pairs][2], as children of a width.
struct CodePlane {
  const int32_t *x;  // [h][w][c]
  int h, w, c, first, channels, padding;
  int shift;  // child = clip((q + half) >> shift, bounds)
  Bounds bounds;
  int16_t *out;  // [h + 2 padding][w + 2 padding][2 ceil(channels / 2)]
};

// acc = sum w x; y = clip(round_shift((acc << left) multiplier + bias, right), bounds).
struct IntegerConv {
  const int16_t *x;  // a CodePlane's out
  int width, pairs;  // of it: pixels in a row, pairs of channels
  int kernel, stride, ho, wo;
  const int16_t *weight;  // [blocks][k][k][pairs][kChannelBlock][2]
  int channels;           // of this group
  int left, right;
  const int32_t *multiplier;  // [blocks kChannelBlock]
  const int64_t *bias;
  Bounds bounds;
  int32_t *y;  // [ho][wo][stride_c], this group's first channel
  int stride_c;
};

struct Scaling {
  const int32_t *multiplier;  // [c]
  const int64_t *bias;        // [c]
  int c, shift;
  Bounds bounds;
};

// v -> the level of the last threshold at or below it.
struct Buckets {
  const int32_t *thresholds, *levels;  // [count]; rising, the first threshold INT32_MIN
  int count;                           // 1..256
};

// y [ho][wo][c]: the largest of what a window covers of x [h][w][c], at least one value.
struct MaxWindow {
  const int32_t *x;
  int h, w, c, kernel, stride, padding, wo;
  int32_t *y;
};

struct ConvKernel;  // conv_step.h
struct CodeOutput;
struct CodeTensor;
struct ImageKernel;   // image_conv.h
struct PooledKernel;  // pooled.h

struct IntegerKernels {
  void (*code_rows)(const CodePlane &, int first, int last);  // rows of the padded plane
  void (*conv_rows)(const IntegerConv &, int first, int last);
  // v [n] -> clip(round_shift(v multiplier, shift), bounds)
  void (*quantise)(const int32_t *v, size_t n, int32_t multiplier, int shift, Bounds, int32_t *y);
  void (*bucketise)(const int32_t *v, size_t n, const Buckets &, int32_t *y);
  void (*scale)(const int32_t *v, size_t pixels, const Scaling &, int32_t *y);
  void (*add)(const int32_t *a, const int32_t *b, size_t n, Bounds, int32_t *y);
  void (*max_rows)(const MaxWindow &, int first, int last);  // of the result
  // *sum += sum of x weight over n values
  void (*wide_dot)(const int32_t *x, const int32_t *weight, size_t n, int64_t *sum);
  // rows [first, last) of codes from v [h][w][c]
  void (*codes)(const int32_t *v, const CodeOutput &, int first, int last);
  // ... from an image [3][h][w]: the byte of pixel p of channel c is table[c][p]
  void (*pixels)(const uint8_t *, const uint8_t table[3][256], const CodeTensor &, int first,
                 int last);
  const ConvKernel *const *convs;  // of codes, up to a null
  const ImageKernel *image;
  const PooledKernel *pooled;
};

const IntegerKernels &integer_kernels();  // of the active instruction set

}  // namespace dq
