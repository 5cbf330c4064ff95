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
// conv_step.h: what a step of a compiled plan is made of: codes in memory, a convolution of them,
// and what follows it in registers. A kernel for convolutions (ConvKernel) needs nothing but this
// and finish.h. Plain data, as in kernels.h, and functions of which no object keeps a copy: they
// are inlined wherever they are called.
#pragma once
#include <cstddef>
#include <cstdint>

#include "engine/integer_ops.h"

#define DQ_ALWAYS_INLINE inline __attribute__((always_inline))

namespace dq {

// Codes of one image: a byte each, pixel after pixel, all channels of a pixel in a row (NHWC
// without gaps), zeros around. A byte is code + `zero`: 0, or minus the least code of a signed
// width, so that every byte is unsigned and a width of b bits has the bytes 0 .. 2^b - 1. The
// border holds `zero`.
//
// kCodeSlack bytes before the first byte of the border, and two rows and kCodeSlack bytes behind
// its last one, may be read, whatever they hold: a tile may reach beyond the border where its
// results are thrown away, or where its weights are 0.
struct CodeTensor {
  uint8_t *data;  // of pixel (0, 0), behind the border; pixel (y, x): data + y * row() + x * c
  int h, w, c;    // without the border
  int border;     // pixels on each side: the padding of the convolution that reads it
  uint8_t zero;

  DQ_ALWAYS_INLINE ptrdiff_t row() const { return ptrdiff_t(w + 2 * border) * c; }
  DQ_ALWAYS_INLINE size_t bytes() const { return size_t(h + 2 * border) * size_t(row()); }
  // Of the border.
  DQ_ALWAYS_INLINE uint8_t *begin() const { return data - (row() + c) * border; }
};
constexpr size_t kCodeSlack = 64;

// v -> byte of clip(floor((v multiplier + half) / 2^shift), low, high): a Quantise, and the child
// codes that the reader wants, in one (a rounding shift of a rounding shift is a single one, with
// half = 2^(s-1) + 2^(s+d-1)).
struct CodeOutput {
  CodeTensor to;
  int32_t multiplier;
  int64_t half;
  int shift;      // 1..62
  int low, high;  // codes, without the tensor's zero
};
constexpr int kCodeOutputs = 3;

// Codes straight from sums in single precision, where a result is wanted as codes of one kind and
// nothing else: the same as by the long way. For t = round(slope sum + start), rounded to nearest,
// the byte is clip(t, low, high) + added where lines are exact (straight.h). Where they are near
// (near_line.h) it is clip(t >> 16, low, high) + added if t has a bit of `sure`; if not, the sum
// has to go the long way.
struct Lines {
  bool exact;                  // all of them, or near
  const float *slope, *start;  // [blocks][16]
  const int32_t *sure;         // likewise
  int low, high, added;
};

// What becomes of sums of products, channel by channel, in blocks of kChannelBlock: block b of
// group g begins at channel g * channels + 16 b; arrays are padded to whole blocks of every group.
//
//     v = clip(((sum << left) multiplier + bias) >> right, bounds)     half a unit is in the bias
//     v = clip(v + residual, sum_bounds)                               if there is a residual
//     wide = v, and codes of v for each of `outputs`                   what is wanted of them
struct Finish {
  int c;                      // channels of the result
  int left, right;            // right may be 0
  const int64_t *multiplier;  // [blocks][16], in the order of even_first()
  const int64_t *bias;        // likewise
  Bounds bounds;
  bool narrow;              // right is at most 32, and no v leaves int32 before it is clipped
  const int32_t *residual;  // [ho][wo][c], or null
  Bounds sum_bounds;
  bool roomy;       // no v passes `bounds`, no sum with a residual leaves int32 or is too high
  int32_t *wide;    // likewise; may be the residual
  bool sums_alone;  // the sums as they are become `wide`, and nothing else is asked for
  int outputs;
  CodeOutput output[kCodeOutputs];
  const Lines *lines;  // or null
};

// The place of channel `at % 16` of block `at / 16` in arrays with the even channels of a block
// first.
DQ_ALWAYS_INLINE int even_first(int at) {
  const int lane = at % kChannelBlock;
  return at - lane + lane / 2 + kChannelBlock / 2 * (lane % 2);
}

// A convolution of codes, as far as a kernel must know it to pack its weights: sum of weight code.
// A dense layer is a 1x1 convolution of one pixel.
struct CodeConv {
  int c_in, c_out;  // c_in: of a group
  int groups, kernel, stride, padding;
  int h, w;                 // of the input, without its border
  int ho, wo;               // of the result
  int code_low, code_high;  // codes that the input may hold
  const int8_t *weight;  // [c_out][c_in][kernel][kernel], codes of the width; odd ones as 2 c + 1

  // A filter for each channel. All channels share blocks then, as those of one group do.
  DQ_ALWAYS_INLINE bool depthwise() const { return groups > 1 && c_in == 1 && c_out == groups; }
  // Of the result, in a group.
  DQ_ALWAYS_INLINE int channels() const { return depthwise() ? c_out : c_out / groups; }
  DQ_ALWAYS_INLINE int group_blocks() const {
    return (channels() + kChannelBlock - 1) / kChannelBlock;
  }
  DQ_ALWAYS_INLINE int blocks() const { return c_out / channels() * group_blocks(); }
  // Of channel `o` of the result, in arrays of whole blocks.
  DQ_ALWAYS_INLINE int place_of(int o) const {
    const int group = o / channels(), in_group = o % channels();
    return group * group_blocks() * kChannelBlock + in_group;
  }
  DQ_ALWAYS_INLINE uint8_t zero() const { return uint8_t(-code_low); }
  DQ_ALWAYS_INLINE int top() const { return code_high - code_low; }  // the largest byte
};

struct ConvJob {
  CodeConv conv;  // its weights may be gone
  CodeTensor x;
  const void *packed;  // by the same kernel
  Finish finish;
};

// One way to do convolutions of codes, exactly. Which of those that can is taken never changes a
// result.
struct ConvKernel {
  const char *name;  // "direct", "winograd", ...
  // Whether every sum is exact for these weights, codes and sizes.
  bool (*can)(const CodeConv &);
  // Bytes that pack() writes, 64-byte aligned: weights in the kernel's own order, and what else
  // depends on them alone, such as the compensation for `zero`.
  size_t (*packed_bytes)(const CodeConv &);
  void (*pack)(const CodeConv &, void *packed);
  // Bytes that each caller of run() needs for itself, 64-byte aligned; contents undefined. They are
  // enough for a convolution of fewer rows, too.
  size_t (*scratch_bytes)(const CodeConv &);
  // Part `part` of `parts` of the result, any number of them; all parts together are the result.
  // Parts run at once, so that none may write what belongs to another (bytes of neighbouring pixels
  // are different places), and a residual is read before its place is written, once.
  void (*run)(const ConvJob &, int part, int parts, void *scratch);
  // Of those that it can do, whether it is likely to be faster than the kernels listed behind it,
  // so that it is taken where nothing was measured. Null: it always is.
  bool (*suits)(const CodeConv &) = nullptr;
};

}  // namespace dq
