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

// kernels.h: what one instruction set offers. The files between here and table.cc are compiled once
// per instruction set, each time into its own namespace DQ_NS; select.cc picks one table at run
// time. Only plain data lives here: no inline function may be shared by objects built with
// different -m flags, because the linker would keep one copy of it for all of them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace dq {

// A convolution: x [n, ic, h, w] * w [oc, ic / groups, kh, kw] -> y [n, oc, ho, wo].
struct ConvShape {
  int n, ic, h, w, oc, kh, kw, stride, pad, groups, ho, wo;
  bool short_gradients;  // dL/dy may be rounded to 16-bit codes (gradient_codes.h)
};

// 2^-s of a quantiser whose scale is 2^s / inv: codes of its width per code of its master. 1 where
// there is no master (scale = 1 / inv).
float nested_ratio(float inv, float scale);

// The quantisers of a layer, one per width k. Activation code = floor(clamp(x * a_inv, 0, a_max) +
// 0.5), and where there is a master (nested_ratio) the rounded top bits of the master's code;
// weight code = round(w / w_scale). count == 0: no quantisation, w is used as it is.
struct Quantizers {
  int count;
  const float *w;                        // [max(count, 1), oc, ic / groups, kh, kw], real values
  const float *w_scale;                  // [count, scales]
  int scales;                            // oc, or 1 for the whole tensor
  const float *a_inv, *a_scale, *a_max;  // [count]
};

struct ConvGrads {
  float *dx;            // like x, or null
  float *dw;            // like Quantizers::w
  double *s_in, *s_hi;  // [count], or null when count == 0
};

// A uniform quantiser on `rows` rows of `row` values: code = floor(clamp(x * inv, low, high) +
// 0.5), with an inv and a scale per row, or the rounded top bits of a master's code. All rows have
// one nested_ratio.
struct Grid {
  size_t rows, row;
  const float *inv, *scale;  // [rows]
  float low, high;
};

// The nearest of `count` rising levels, 1..256, for `size` values; the middle of two belongs to the
// upper one, and of equal ones values from theirs on to the last, others to the first.
struct Levels {
  size_t size;
  int count;
  const float *values, *middles;  // [count], [count - 1]
};

// What levels get, each [count]. held: dL/dlevel, by the chain rule or interpolated
// (src/quantizers/levels.py); apart: sums of (level - x) over what each holds, or null.
struct LevelSums {
  bool interpolated;
  double *held, *apart;
};

// A parameter that a step moves, and what its optimizer keeps of former steps.
struct Learned {
  const float *g;                      // its gradient
  float *parameter, *moment, *square;  // `square` is null without AdamW
  float rate, decay;
  size_t size;
};

// Momentum: m = kept * m + g, g with decay * parameter; parameter -= rate * m, with Nesterov's
// rate * (g + kept * m). AdamW, without correction of the first steps' bias: m and s are kept by
// `kept` and `kept_square`; parameter -= rate * (m / (sqrt(s) + epsilon) + decay * parameter).
struct Rule {
  float kept, kept_square, epsilon;
  bool nesterov;
  float limit;  // of the gradients' global norm, which are scaled down to it; 0: none
};

enum class Activation { kNone, kRelu, kRelu6 };  // y, max(y, 0), min(max(y, 0), 6)

struct NormShape {
  int n, c, hw;
  Activation activation;
};

struct IntegerKernels;  // engine/integer_ops.h
struct LevelDense;      // conv/level_dense.h

struct Kernels {
  const char *name;
  // choice: the quantiser of each image, or null for all 0.
  int (*conv_forward)(const ConvShape &, const Quantizers &, const float *x, const int *choice,
                      float *y);
  int (*conv_backward)(const ConvShape &, const Quantizers &, const float *x, const int *choice,
                       const float *dy, const ConvGrads &);
  // ip [n, count] = <dy[n], conv(Q_k(x[n]), w_k)>; y is the forward result, which gives the chosen
  // one.
  int (*conv_inner)(const ConvShape &, const Quantizers &, const float *x, const int *choice,
                    const float *y, const float *dy, float *ip);
  void (*norm_forward)(const NormShape &, const float *x, const float *gamma, const float *beta,
                       const float *residual, float *y, float *mean, float *var);
  // beta is read without a residual, y and dresidual with one
  void (*norm_backward)(const NormShape &, const float *x, const float *gamma, const float *beta,
                        const float *y, const float *mean, const float *var, const float *dy,
                        float *dx, float *dgamma, float *dbeta, float *dresidual);
  void (*quant_forward)(const Grid &, const float *x, float *y);
  // step, clip [rows]: the LSQ and PACT sums of each row; more: dx is added to what is there
  void (*quant_backward)(const Grid &, const float *x, const float *dy, bool more, float *dx,
                         double *step, double *clip);
  // values [kinds, size] from t = tanh(weights); tops: the largest code of each kind
  void (*dorefa_forward)(size_t size, int kinds, const float *tops, const float *t, float *values);
  void (*dorefa_backward)(size_t size, int kinds, const float *t, const float *dvalues, float *dt);
  void (*levels_forward)(const Levels &, const float *x, float *y);
  // y: what the forward pass gave
  void (*levels_backward)(const Levels &, const float *x, const float *y, const float *dy,
                          float *dx, const LevelSums &);
  // Gradients count as 0 if their norm is not finite.
  void (*update)(const Learned *, int count, const Rule &, float *norm);
  // Multiply-accumulates done by `threads` items of `steps` rounds each: floats, 16-bit codes, or
  // codes as the forward pass has them.
  double (*burn_float)(int threads, long steps);
  double (*burn_shorts)(int threads, long steps);
  double (*burn_codes)(int threads, long steps);
  // Bytes read and written by copying more than caches hold, `steps` times.
  double (*burn_memory)(int threads, long steps);
  const IntegerKernels *integer;
  void (*level_dense)(const LevelDense &);
};

const Kernels *active_kernels();  // null when DYNQUANT_ISA asks for what this machine lacks

}  // namespace dq
