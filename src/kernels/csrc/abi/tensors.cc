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

// tensors.cc: see tensors.h.
#include "abi/tensors.h"

#include <cmath>
#include <cstring>

namespace dq {

int64_t Tensors::size(int i) const {
  int64_t n = 1;
  for (int a = 0; a < ndims[i]; a++) n *= shapes[i][a];
  return n;
}

int check_one(const Tensors &t, int i, int rank, Kind kind) {
  if (std::strcmp(t.dtypes[i], kind == kFloat32 ? "float32" : "int32")) return kDtype;
  if (rank > 0 && t.ndims[i] != rank) return kRank;
  for (int a = 0; a < t.ndims[i]; a++) {
    if (t.shapes[i][a] <= 0) return kEmpty;
  }
  return rank == 0 && t.size(i) != 1 ? kShape : kOk;
}

int check_all(const Tensors &t, int count, const int *ranks, const Kind *kinds) {
  if (t.count < count) return kParamCount;
  for (int i = 0; i < count; i++) {
    if (const int code = check_one(t, i, ranks[i], kinds[i])) return code;
  }
  return kOk;
}

int check_same(const Tensors &t, int a, int b) {
  if (t.ndims[a] != t.ndims[b]) return kRank;
  for (int i = 0; i < t.ndims[a]; i++) {
    if (t.shapes[a][i] != t.shapes[b][i]) return kShape;
  }
  return kOk;
}

int check_top(float code) {
  return code >= 1.f && code <= 255.f && code == std::floor(code) ? kOk : kLevels;
}

float nested_ratio(float inv, float scale) {
  const double product = (double)inv * scale;
  return product > 0 ? (float)std::exp2(-std::round(std::log2(product))) : 1.f;
}

// NaN is let through: it reaches the loss, where the training loop reports it.
static int check_scale(float inv, float scale, float top) {
  if (std::isnan(inv) || std::isnan(scale)) return kOk;
  if (inv <= 0.f || std::isinf(inv) || scale <= 0.f || std::isinf(scale)) return kScale;
  const double ratio = nested_ratio(inv, scale);
  if (std::fabs((double)inv * scale * ratio - 1) > 1e-3) return kScale;
  return ratio == 1 || (ratio < 1 && top + 1 <= 256 * ratio) ? kOk : kScale;
}

static bool valid_window(int64_t stride, int64_t pad, int64_t kh, int64_t kw) {
  return stride >= 1 && stride <= 8 && pad >= 0 && pad < kh && pad < kw;
}

int conv_shape(const Tensors &t, int x, int w, int geometry, int y, ConvShape *out) {
  const int64_t kLimit = INT32_MAX;
  const int lead = t.ndims[w] - 4;  // 1 where w has a leading K
  if (t.size(geometry) != 4) return kShape;
  const int32_t *g = t.i32(geometry);
  const int64_t stride = g[0], pad = g[1], groups = g[2];
  if (g[3] != 0 && g[3] != 1) return kGeometry;
  const int64_t kh = t.dim(w, lead + 2), kw = t.dim(w, lead + 3), ic = t.dim(x, 1),
                oc = t.dim(w, lead);
  if (!valid_window(stride, pad, kh, kw) || groups < 1) return kGeometry;
  if (ic % groups || oc % groups) return kGeometry;
  if (t.dim(w, lead + 1) * groups != ic) return kShape;
  const int64_t h = t.dim(x, 2), width = t.dim(x, 3);
  if (h + 2 * pad < kh || width + 2 * pad < kw) return kGeometry;
  const int64_t ho = (h + 2 * pad - kh) / stride + 1, wo = (width + 2 * pad - kw) / stride + 1;
  if (t.dim(y, 0) != t.dim(x, 0) || t.dim(y, 1) != oc || t.dim(y, 2) != ho || t.dim(y, 3) != wo)
    return kShape;
  const int64_t padded = (h + 2 * pad + stride) * (width + 2 * pad + stride);
  if (padded * ic > kLimit || padded * oc > kLimit || oc * ic * kh * kw > kLimit) return kTooLarge;
  if (t.dim(x, 0) > kLimit / 2) return kTooLarge;
  *out = {(int)t.dim(x, 0), (int)ic,  (int)h,      (int)width, (int)oc, (int)kh,  (int)kw,
          (int)stride,      (int)pad, (int)groups, (int)ho,    (int)wo, g[3] == 1};
  return kOk;
}

int grid(const Tensors &t, int x, int inv, Grid *out, int kinds, int kind) {
  if (kinds < 1 || t.size(inv) % kinds) return kShape;
  const int64_t rows = t.size(inv) / kinds, size = t.size(x);
  if (t.size(inv + 1) != t.size(inv) || (rows != 1 && rows != t.dim(x, 0))) return kShape;
  if (t.size(inv + 2) != kinds || t.size(inv + 3) != kinds) return kShape;
  const int64_t first = kind * rows;
  *out = {(size_t)rows,         (size_t)(size / rows), t.f(inv) + first,
          t.f(inv + 1) + first, t.f(inv + 2)[kind],    t.f(inv + 3)[kind]};
  const float low = out->low, high = out->high;
  if (!(low >= -128.f && low <= 0.f && low == std::floor(low))) return kLevels;
  if (const int code = check_top(high)) return code;
  for (int64_t r = 0; r < rows; r++) {
    if (const int code = check_scale(out->inv[r], out->scale[r], high)) return code;
    if (nested_ratio(out->inv[r], out->scale[r]) != nested_ratio(*out->inv, *out->scale))
      return kScale;
  }
  return size / rows > INT32_MAX ? kTooLarge : kOk;
}

int subsample_shape(const Tensors &t, int x, int geometry, int y, SubsampleShape *out) {
  if (t.size(geometry) != 3) return kShape;
  const int32_t *g = t.i32(geometry);
  const int64_t n = t.dim(x, 0), c = t.dim(x, 1), h = t.dim(x, 2), w = t.dim(x, 3);
  if (g[0] < 1 || g[0] > 8 || g[1] < 0 || g[2] < 0) return kGeometry;
  const int64_t ho = (h - 1) / g[0] + 1, wo = (w - 1) / g[0] + 1, oc = g[1] + c + g[2];
  if (t.dim(y, 0) != n || t.dim(y, 1) != oc || t.dim(y, 2) != ho || t.dim(y, 3) != wo)
    return kShape;
  if (n > INT32_MAX || c * h * w > INT32_MAX || oc * ho * wo > INT32_MAX) return kTooLarge;
  *out = {(int)n, (int)c, (int)h, (int)w, g[0], g[1], g[2], (int)ho, (int)wo};
  return kOk;
}

int max_pool_shape(const Tensors &t, int x, int geometry, int y, MaxPoolShape *out) {
  if (t.size(geometry) != 3) return kShape;
  const int32_t *g = t.i32(geometry);
  const int64_t kernel = g[0], stride = g[1], pad = g[2];
  const int64_t planes = t.dim(x, 0) * t.dim(x, 1), h = t.dim(x, 2), w = t.dim(x, 3);
  // pad < kernel: every window holds a pixel, the last one too, which starts before h
  if (kernel < 1 || kernel > 64 || stride < 1 || stride > 8 || pad < 0 || pad >= kernel ||
      h + 2 * pad < kernel || w + 2 * pad < kernel)
    return kGeometry;
  const int64_t ho = (h + 2 * pad - kernel) / stride + 1, wo = (w + 2 * pad - kernel) / stride + 1;
  for (int a = 0; a < 2; a++) {
    if (t.dim(y, a) != t.dim(x, a)) return kShape;
  }
  if (t.dim(y, 2) != ho || t.dim(y, 3) != wo) return kShape;
  if (planes > INT32_MAX || h * w > INT32_MAX) return kTooLarge;
  *out = {(int)planes, (int)h, (int)w, (int)kernel, (int)stride, (int)pad, (int)ho, (int)wo};
  return kOk;
}

int activation(const Tensors &t, int a_inv, int count, Quantizers *out) {
  for (int i = a_inv; i < a_inv + 3; i++) {
    if (t.size(i) != count) return kShape;
  }
  *out = {};
  out->count = count;
  out->a_inv = t.f(a_inv), out->a_scale = t.f(a_inv + 1), out->a_max = t.f(a_inv + 2);
  for (int k = 0; k < count; k++) {
    if (const int code = check_top(out->a_max[k])) return code;
    if (const int code = check_scale(out->a_inv[k], out->a_scale[k], out->a_max[k])) return code;
  }
  return kOk;
}

int quantizers(const Tensors &t, int first, int kinds, const ConvShape &s, Quantizers *out) {
  const int count = kinds ? kinds : 1;
  if (kinds && t.dim(first, 0) != kinds) return kShape;
  if (const int code = activation(t, first + 2, count, out)) return code;
  out->w = t.f(first);
  out->w_scale = t.f(first + 1);
  const int64_t scales = t.size(first + 1);
  if (scales != count && scales != (int64_t)count * s.oc) return kShape;
  out->scales = (int)(scales / count);
  for (int64_t i = 0; i < scales; i++) {
    if (out->w_scale[i] <= 0.f || std::isinf(out->w_scale[i])) return kScale;
  }
  return kOk;
}

}  // namespace dq
