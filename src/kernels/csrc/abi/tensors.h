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

// tensors.h: the arguments of an exported function and the checks on them. The calling convention
// is that of MindSpore's ops.Custom(func_type="aot"): inputs, then outputs, then workspaces.
#pragma once
#include <cstdint>

#include "abi/codes.h"
#include "simd/kernels.h"
#include "pointwise/maxpool.h"
#include "pointwise/subsample.h"

namespace dq {

struct Tensors {
  int count;
  void **data;
  const int *ndims;
  int64_t *const *shapes;
  const char *const *dtypes;

  float *f(int i) const { return (float *)data[i]; }
  const int32_t *i32(int i) const { return (const int32_t *)data[i]; }
  int64_t dim(int i, int axis) const { return shapes[i][axis]; }
  int64_t size(int i) const;
};

// A tensor of `rank` dimensions; rank 0 stands for "one element, any rank", -1 for "any shape".
enum Kind { kFloat32, kInt32Kind };
int check_one(const Tensors &t, int i, int rank, Kind kind);
int check_all(const Tensors &t, int count, const int *ranks, const Kind *kinds);
int check_same(const Tensors &t, int a, int b);
int check_top(float code);  // a largest code: an integer in 1..255

// The convolution of x [n, ic, h, w], w [(k,) oc, ic / groups, kh, kw], geometry int32 [stride,
// pad, groups, 1 where gradients may be short] and y [n, oc, ho, wo].
int conv_shape(const Tensors &t, int x, int w, int geometry, int y, ConvShape *out);
// wq, w_scale, a_inv, a_scale, a_max as five neighbouring tensors from `first` on; kinds: leading
// dimension K, or 0.
int quantizers(const Tensors &t, int first, int kinds, const ConvShape &s, Quantizers *out);
// inv, scale, low, high follow each other; where there are `kinds` grids of x, that of one of them.
int grid(const Tensors &t, int x, int inv, Grid *out, int kinds = 1, int kind = 0);
int subsample_shape(const Tensors &t, int x, int geometry, int y, SubsampleShape *out);
int max_pool_shape(const Tensors &t, int x, int geometry, int y, MaxPoolShape *out);
int activation(const Tensors &t, int a_inv, int count, Quantizers *out);

}  // namespace dq
