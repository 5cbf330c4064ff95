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

// data_grad.h: dx of y = conv(Q(x), w), the offset GEMM on dy, one pass per stride phase.
//   dxq = conv_transpose(dy, w), and dx from it as step_sums.h says
#pragma once
#include "conv/gradient_codes.h"
#include "conv/pack.h"
#include "conv/step_sums.h"
#include "threads/parallel.h"
#include "conv/winograd.h"

namespace DQ_NS {

using dq::Quantizers;

struct GradPlan {
  ConvShape s;
  GradMap map;
  bool shorts, by_winograd;
  Winograd winograd;
  int elements;  // of dy per pixel: a channel each, or two of 16 bits
  int group_ic, group_oc, blocks, phases, block_rows, tile_stride;
  size_t weights;                         // packed words per quantiser
  int depth[MAX_STRIDE * MAX_STRIDE];     // per phase
  size_t start[MAX_STRIDE * MAX_STRIDE];  // per phase: where its weights begin within a block
  const int *offset[MAX_STRIDE * MAX_STRIDE];
  const int32_t *w;  // [k][group][block][phase][depth][OB]
};

// Geometry, and the weights as the GEMM takes them. codes: of the weights, like q.w, where dy is
// short; else null. images: of a pass at most. Until the next plan.
GradPlan grad_plan(const ConvShape &s, const Quantizers &q, const int16_t *codes, int images);

struct GradBuffers {
  int32_t *planes;
  float *tile, *row;
  int16_t *codes;  // of dy: GradientCodes
  float *step;
  WinogradBuffers winograd;
};

// One per thread, for passes of at most `images` images.
GradBuffers *grad_buffers(const GradPlan &g, int images);

// What data_grad works on: images that share a quantiser (q null: none) and one pass over the
// weights.
struct GradWork {
  const float *x, *dy;
  float *dx;
  int k;
  const ActQuant *q;
  const int *image;
  int images;
  StepSums *sums;       // [n], added to
  GradientCodes codes;  // where dy is short
};

void data_grad(const GradPlan &g, const GradWork &t, const GradBuffers &buf);

}  // namespace DQ_NS
