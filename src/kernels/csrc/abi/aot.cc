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

// aot.cc: the exported functions. Each checks its tensors, then calls the active instruction set.
// MindSpore keys the gradient of a Custom operator by symbol name, hence one forward symbol per
// (forward, backward) pair.
#include <algorithm>
#include <cmath>
#include <new>
#include <numeric>
#include <vector>

#include "threads/threads.h"
#include "threads/profile.h"
#include "pointwise/level_table.h"
#include "pointwise/running.h"
#include "pointwise/subsample.h"
#include "abi/tensors.h"

namespace dq {
namespace {

constexpr int ANY = -1, ONE = 0;

// Runs body(kernels) with the pool held; turns every failure into a code.
template <class Body>
int guarded(Timer::Kind kind, Body &&body) {
  const Kernels *k = active_kernels();
  if (!k) return kIsa;
  try {
    PoolLock lock;
    Timer timer(kind);
    return body(*k);
  } catch (const std::bad_alloc &) {
    return kMemory;
  } catch (...) {
    return kInternal;
  }
}

template <int N>
int check(const Tensors &t, const int (&ranks)[N], int int_index) {
  Kind kinds[N];
  for (int i = 0; i < N; i++) kinds[i] = i == int_index ? kInt32Kind : kFloat32;
  return check_all(t, N, ranks, kinds);
}

// The quantiser each image chose: arg-max of its row.
int choices(const Tensors &t, int onehot, int kinds, int images, std::vector<int> *out) {
  if (t.dim(onehot, 0) != images || t.dim(onehot, 1) != kinds) return kShape;
  out->assign(images, 0);
  for (int n = 0; n < images; n++) {
    const float *row = t.f(onehot) + (size_t)n * kinds;
    int best = -1;
    for (int k = 0; k < kinds; k++) {
      if (row[k] == row[k] && (best < 0 || row[k] > row[best])) best = k;
    }
    if (best < 0) return kOneHot;
    (*out)[n] = best;
  }
  return kOk;
}

// d step = s_in + a_max / ratio * s_hi (LSQ), d clip = s_hi (PACT)
void write_steps(const Quantizers &q, const double *s_in, const double *s_hi, float *step,
                 float *clip) {
  for (int k = 0; k < q.count; k++) {
    const double top = (double)q.a_max[k] / nested_ratio(q.a_inv[k], q.a_scale[k]);
    step[k] = (float)(s_in[k] + top * s_hi[k]);
    clip[k] = (float)s_hi[k];
  }
}

// x, w, geometry -> y
int conv(const Tensors &t) {
  if (const int code = check<4>(t, {4, 4, ANY, 4}, 2)) return code;
  ConvShape s;
  if (const int code = conv_shape(t, 0, 1, 2, 3, &s)) return code;
  Quantizers q = {};
  q.w = t.f(1);
  return guarded(Timer::kConvForward,
                 [&](const Kernels &k) { return k.conv_forward(s, q, t.f(0), nullptr, t.f(3)); });
}

// x, w, geometry, dy -> [dx,] dw
int conv_grad(const Tensors &t, bool needs_dx) {
  const int last = needs_dx ? 5 : 4;
  const int code =
      needs_dx ? check<6>(t, {4, 4, ANY, 4, 4, 4}, 2) : check<5>(t, {4, 4, ANY, 4, 4}, 2);
  if (code) return code;
  ConvShape s;
  if (const int bad = conv_shape(t, 0, 1, 2, 3, &s)) return bad;
  if (const int bad = needs_dx ? check_same(t, 0, 4) : 0) return bad;
  if (const int bad = check_same(t, 1, last)) return bad;
  Quantizers q = {};
  q.w = t.f(1);
  const ConvGrads out = {needs_dx ? t.f(4) : nullptr, t.f(last), nullptr, nullptr};
  return guarded(Timer::kConvBackward, [&](const Kernels &k) {
    return k.conv_backward(s, q, t.f(0), nullptr, t.f(3), out);
  });
}

// x, wq, w_scale, a_inv, a_scale, a_max, step, clip, geometry -> y
int quant_conv(const Tensors &t) {
  if (const int code = check<10>(t, {4, 4, ANY, ONE, ONE, ONE, ONE, ONE, ANY, 4}, 8)) return code;
  ConvShape s;
  Quantizers q;
  if (const int code = conv_shape(t, 0, 1, 8, 9, &s)) return code;
  if (const int code = quantizers(t, 1, 0, s, &q)) return code;
  return guarded(Timer::kConvForward,
                 [&](const Kernels &k) { return k.conv_forward(s, q, t.f(0), nullptr, t.f(9)); });
}

// x, wq, w_scale, a_inv, a_scale, a_max, geometry, dy -> dx, dwq, dstep, dclip
int quant_conv_grad(const Tensors &t) {
  if (const int code = check<12>(t, {4, 4, ANY, ONE, ONE, ONE, ANY, 4, 4, 4, ONE, ONE}, 6))
    return code;
  ConvShape s;
  Quantizers q;
  if (const int code = conv_shape(t, 0, 1, 6, 7, &s)) return code;
  if (const int code = quantizers(t, 1, 0, s, &q)) return code;
  if (const int code = check_same(t, 0, 8)) return code;
  if (const int code = check_same(t, 1, 9)) return code;
  double s_in = 0, s_hi = 0;
  const ConvGrads out = {t.f(8), t.f(9), &s_in, &s_hi};
  const int code = guarded(Timer::kConvBackward, [&](const Kernels &k) {
    return k.conv_backward(s, q, t.f(0), nullptr, t.f(7), out);
  });
  if (!code) write_steps(q, &s_in, &s_hi, t.f(10), t.f(11));
  return code;
}

// x, wq[K], w_scale, a_inv, a_scale, a_max, step, clip, onehot[N, K], geometry -> y
int dynamic_conv(const Tensors &t) {
  if (const int code = check<11>(t, {4, 5, ANY, 1, 1, 1, 1, 1, 2, ANY, 4}, 9)) return code;
  ConvShape s;
  Quantizers q;
  std::vector<int> choice;
  const int kinds = (int)t.dim(1, 0);
  if (const int code = conv_shape(t, 0, 1, 9, 10, &s)) return code;
  if (const int code = quantizers(t, 1, kinds, s, &q)) return code;
  if (const int code = choices(t, 8, kinds, s.n, &choice)) return code;
  return guarded(Timer::kConvForward, [&](const Kernels &k) {
    return k.conv_forward(s, q, t.f(0), choice.data(), t.f(10));
  });
}

// x, wq, w_scale, a_inv, a_scale, a_max, onehot, geometry, [y,] dy -> dx, dwq, dstep, dclip[,
// donehot]; without y and donehot where the choice is given and learns nothing.
int dynamic_conv_grad(const Tensors &t, bool is_given) {
  const int code = is_given ? check<13>(t, {4, 5, ANY, 1, 1, 1, 2, ANY, 4, 4, 5, 1, 1}, 7)
                            : check<15>(t, {4, 5, ANY, 1, 1, 1, 2, ANY, 4, 4, 4, 5, 1, 1, 2}, 7);
  if (code) return code;
  ConvShape s;
  Quantizers q;
  std::vector<int> choice;
  const int kinds = (int)t.dim(1, 0), dy = is_given ? 8 : 9, dx = dy + 1, dw = dy + 2;
  const int dstep = dy + 3, dclip = dy + 4;
  if (const int bad = conv_shape(t, 0, 1, 7, dy, &s)) return bad;
  if (const int bad = quantizers(t, 1, kinds, s, &q)) return bad;
  if (const int bad = choices(t, 6, kinds, s.n, &choice)) return bad;
  if (const int bad = check_same(t, 0, dx)) return bad;
  if (const int bad = check_same(t, 1, dw)) return bad;
  if (t.size(dstep) != kinds || t.size(dclip) != kinds) return kShape;
  std::vector<double> s_in(kinds), s_hi(kinds);
  const ConvGrads out = {t.f(dx), t.f(dw), s_in.data(), s_hi.data()};
  const int failed = guarded(Timer::kConvBackward, [&](const Kernels &k) {
    return k.conv_backward(s, q, t.f(0), choice.data(), t.f(dy), out);
  });
  if (failed) return failed;
  write_steps(q, s_in.data(), s_hi.data(), t.f(dstep), t.f(dclip));
  if (is_given) return kOk;
  const int y = 8, donehot = 14;
  if (const int bad = check_same(t, y, dy)) return bad;
  if (const int bad = check_same(t, 6, donehot)) return bad;
  return guarded(Timer::kConvInner, [&](const Kernels &k) {
    return k.conv_inner(s, q, t.f(0), choice.data(), t.f(y), t.f(dy), t.f(donehot));
  });
}

int norm_shape(const Tensors &t, int first, int count, Activation act, NormShape *s) {
  for (int i = first; i < first + count; i++) {
    if (t.size(i) != t.dim(0, 1)) return kShape;
  }
  int64_t hw = 1;
  for (int a = 2; a < t.ndims[0]; a++) hw *= t.dim(0, a);
  if (t.dim(0, 0) > INT32_MAX || t.dim(0, 1) > INT32_MAX || hw > INT32_MAX) return kTooLarge;
  *s = {(int)t.dim(0, 0), (int)t.dim(0, 1), (int)hw, act};
  return kOk;
}

// x, gamma, beta[, residual] -> y, mean, var
int norm(const Tensors &t, Activation act, bool residual) {
  const int r = residual ? 1 : 0;
  const int code = residual ? check<7>(t, {ANY, 1, 1, ANY, ANY, 1, 1}, -1)
                            : check<6>(t, {ANY, 1, 1, ANY, 1, 1}, -1);
  if (code) return code;
  if (t.ndims[0] < 2) return kRank;
  NormShape s;
  if (const int bad = norm_shape(t, 1, 2, act, &s)) return bad;
  if (const int bad = norm_shape(t, 4 + r, 2, act, &s)) return bad;
  if (const int bad = check_same(t, 0, 3 + r)) return bad;
  if (const int bad = check_same(t, 0, residual ? 3 : 0)) return bad;
  return guarded(Timer::kNormForward, [&](const Kernels &k) {
    k.norm_forward(s, t.f(0), t.f(1), t.f(2), residual ? t.f(3) : nullptr, t.f(3 + r), t.f(4 + r),
                   t.f(5 + r));
    return kOk;
  });
}

// x, gamma, y (with a residual) or beta, mean, var, dy -> dx, dgamma, dbeta[, dresidual]
int norm_grad(const Tensors &t, Activation act, bool residual) {
  const int code = residual ? check<10>(t, {ANY, 1, ANY, 1, 1, ANY, ANY, 1, 1, ANY}, -1)
                            : check<9>(t, {ANY, 1, 1, 1, 1, ANY, ANY, 1, 1}, -1);
  if (code) return code;
  if (t.ndims[0] < 2) return kRank;
  NormShape s;
  const int channel_sized[3][2] = {{1, 1}, {3, 2}, {7, 2}};
  for (const auto &range : channel_sized) {
    if (const int bad = norm_shape(t, range[0], range[1], act, &s)) return bad;
  }
  if (const int bad = residual ? check_same(t, 0, 2) : norm_shape(t, 2, 1, act, &s)) return bad;
  for (const int like_x : {5, 6, residual ? 9 : 6}) {
    if (const int bad = check_same(t, 0, like_x)) return bad;
  }
  const float *beta = residual ? nullptr : t.f(2), *y = residual ? t.f(2) : nullptr;
  return guarded(Timer::kNormBackward, [&](const Kernels &k) {
    k.norm_backward(s, t.f(0), t.f(1), beta, y, t.f(3), t.f(4), t.f(5), t.f(6), t.f(7), t.f(8),
                    residual ? t.f(9) : nullptr);
    return kOk;
  });
}

// moving mean, moving variance, both ([rows,] c), mean, variance (c), share (rows), factor of the
// variance -> 0; the first two are written
int running(const Tensors &t) {
  if (const int code = check<7>(t, {ANY, ANY, 1, 1, 1, ONE, ONE}, -1)) return code;
  const int64_t channels = t.size(2), rows = t.size(4);
  for (const int i : {0, 1}) {
    if (t.ndims[i] < 1) return kRank;
    if (t.size(i) != rows * channels || t.dim(i, t.ndims[i] - 1) != channels) return kShape;
  }
  if (t.size(3) != channels) return kShape;
  if (rows > INT32_MAX || channels > INT32_MAX) return kTooLarge;
  const Running s = {(int)rows, (int)channels, t.f(4)};
  return guarded(Timer::kNormForward, [&](const Kernels &) {
    move_running(s, t.f(2), 1, t.f(0));
    move_running(s, t.f(3), *t.f(5), t.f(1));
    *t.f(6) = 0;
    return kOk;
  });
}

// x, inv, scale, low, high, step, clip -> y
int fake_quant(const Tensors &t) {
  if (const int code = check<8>(t, {ANY, ANY, ANY, ONE, ONE, ANY, ANY, ANY}, -1)) return code;
  Grid g;
  if (const int code = grid(t, 0, 1, &g)) return code;
  if (const int code = check_same(t, 0, 7)) return code;
  return guarded(Timer::kQuantForward, [&](const Kernels &k) {
    k.quant_forward(g, t.f(0), t.f(7));
    return kOk;
  });
}

// Sums per row into a port with an entry per row, or one for all.
int write_port(const Tensors &t, int port, const std::vector<double> &rows) {
  const int64_t size = t.size(port);
  if (size != 1 && size != (int64_t)rows.size()) return kShape;
  if (size == 1) {
    t.f(port)[0] = (float)std::accumulate(rows.begin(), rows.end(), 0.0);
  } else {
    std::copy(rows.begin(), rows.end(), t.f(port));
  }
  return kOk;
}

// x, inv, scale, low, high, step, clip, dy -> dx, dstep, dclip
int fake_quant_grad(const Tensors &t) {
  if (const int code = check<11>(t, {ANY, ANY, ANY, ONE, ONE, ANY, ANY, ANY, ANY, ANY, ANY}, -1))
    return code;
  Grid g;
  if (const int code = grid(t, 0, 1, &g)) return code;
  for (const int like_x : {7, 8}) {
    if (const int code = check_same(t, 0, like_x)) return code;
  }
  std::vector<double> step(g.rows), clip(g.rows);
  const int code = guarded(Timer::kQuantBackward, [&](const Kernels &k) {
    k.quant_backward(g, t.f(0), t.f(7), false, t.f(8), step.data(), clip.data());
    return kOk;
  });
  if (code) return code;
  if (const int bad = write_port(t, 9, step)) return bad;
  return write_port(t, 10, clip);
}

// Of x and inv [K, rows], scale, lows [K], highs behind it.
int slot_grids(const Tensors &t, std::vector<Grid> *out) {
  const int kinds = (int)t.dim(1, 0);
  out->resize(kinds);
  for (int k = 0; k < kinds; k++) {
    if (const int code = grid(t, 0, 1, &(*out)[k], kinds, k)) return code;
  }
  return kOk;
}

// x, inv [K, rows], scale, lows [K], highs, steps [K, rows] -> y [K, ...]
int fake_quant_slots(const Tensors &t) {
  if (const int code = check<7>(t, {ANY, 2, 2, 1, 1, 2, ANY}, -1)) return code;
  std::vector<Grid> grids;
  if (const int code = slot_grids(t, &grids)) return code;
  if (t.size(6) != (int64_t)grids.size() * t.size(0)) return kShape;
  return guarded(Timer::kQuantForward, [&](const Kernels &kernels) {
    for (size_t k = 0; k < grids.size(); k++) {
      kernels.quant_forward(grids[k], t.f(0), t.f(6) + k * t.size(0));
    }
    return kOk;
  });
}

// x, inv, scale, lows, highs, steps, dy [K, ...] -> dx, dsteps
int fake_quant_slots_grad(const Tensors &t) {
  if (const int code = check<9>(t, {ANY, 2, 2, 1, 1, 2, ANY, ANY, 2}, -1)) return code;
  std::vector<Grid> grids;
  if (const int code = slot_grids(t, &grids)) return code;
  if (t.size(6) != (int64_t)grids.size() * t.size(0) || t.size(8) != t.size(1)) return kShape;
  if (const int code = check_same(t, 0, 7)) return code;
  std::vector<double> steps(t.size(1)), clips(t.size(1));
  return guarded(Timer::kQuantBackward, [&](const Kernels &kernels) {
    for (size_t k = 0; k < grids.size(); k++) {
      const Grid &g = grids[k];
      double *step = &steps[k * g.rows], *clip = &clips[k * g.rows];
      kernels.quant_backward(g, t.f(0), t.f(6) + k * t.size(0), k > 0, t.f(7), step, clip);
    }
    std::copy(steps.begin(), steps.end(), t.f(8));
    return kOk;
  });
}

// t, tops [K] -> values [K, ...]
int dorefa(const Tensors &t) {
  if (const int code = check<3>(t, {ANY, 1, ANY}, -1)) return code;
  const int kinds = (int)t.dim(1, 0);
  if (t.size(2) != kinds * t.size(0)) return kShape;
  for (int k = 0; k < kinds; k++) {
    if (const int code = check_top(t.f(1)[k])) return code;
  }
  return guarded(Timer::kQuantForward, [&](const Kernels &k) {
    k.dorefa_forward(t.size(0), kinds, t.f(1), t.f(0), t.f(2));
    return kOk;
  });
}

// t, tops, dvalues -> dt
int dorefa_grad(const Tensors &t) {
  if (const int code = check<4>(t, {ANY, 1, ANY, ANY}, -1)) return code;
  const int kinds = (int)t.dim(1, 0);
  if (t.size(2) != kinds * t.size(0)) return kShape;
  if (const int code = check_same(t, 0, 3)) return code;
  return guarded(Timer::kQuantBackward, [&](const Kernels &k) {
    k.dorefa_backward(t.size(0), kinds, t.f(0), t.f(2), t.f(3));
    return kOk;
  });
}

// levels [2^bits], gates, rounded, settings (least, signed, correction, per image, interpolated),
// from `first` on
int level_table(const Tensors &t, int first, LevelTable *out) {
  const int64_t count = t.size(first);
  const float *raw = t.f(first + 3);
  if (count > kMostLevels || (count & (count - 1)) || count < 2) return kShape;
  if (t.size(first + 3) != 5) return kShape;
  LevelSettings s = {};
  while (1 << s.bits < count) s.bits++;
  if (!(raw[0] >= 1 && raw[0] <= (float)s.bits && raw[0] == std::floor(raw[0]))) return kTable;
  if (!(raw[2] >= 0 && raw[2] < INFINITY)) return kTable;
  s.least = (int)raw[0], s.is_signed = raw[1] != 0, s.correction = raw[2],
  s.per_image = raw[3] != 0, s.interpolated = raw[4] != 0;
  if (t.size(first + 1) != std::max(1, s.bits - s.least)) return kShape;
  make_table(s, t.f(first), t.f(first + 1), *t.f(first + 2) > 0.5f, out);
  return kOk;
}

// x, levels, gates, rounded, settings -> y
int levels(const Tensors &t) {
  if (const int code = check<6>(t, {ANY, 1, 1, ONE, 1, ANY}, -1)) return code;
  if (const int code = check_same(t, 0, 5)) return code;
  LevelTable table;
  if (const int code = level_table(t, 1, &table)) return code;
  return guarded(Timer::kQuantForward, [&](const Kernels &k) {
    k.levels_forward(table.levels(t.size(0)), t.f(0), t.f(5));
    return kOk;
  });
}

// x, levels, gates, rounded, settings, y, dy -> dx, dlevels, dgates
int levels_grad(const Tensors &t) {
  if (const int code = check<10>(t, {ANY, 1, 1, ONE, 1, ANY, ANY, ANY, 1, 1}, -1)) return code;
  for (const int like_x : {5, 6, 7}) {
    if (const int code = check_same(t, 0, like_x)) return code;
  }
  if (const int code = check_same(t, 1, 8)) return code;
  if (const int code = check_same(t, 2, 9)) return code;
  LevelTable table;
  if (const int code = level_table(t, 1, &table)) return code;
  const LevelSettings &s = table.settings;
  const double size = (double)t.size(0), group = s.per_image ? size / (double)t.dim(0, 0) : size;
  double held[kMostLevels], apart[kMostLevels];
  const LevelSums sums = {s.interpolated, held, s.correction > 0 ? apart : nullptr};
  const int code = guarded(Timer::kQuantBackward, [&](const Kernels &k) {
    k.levels_backward(table.levels(t.size(0)), t.f(0), t.f(5), t.f(6), t.f(7), sums);
    return kOk;
  });
  if (code) return code;
  std::fill_n(t.f(9), t.size(9), 0.f);
  table_gradient(table, held, sums.apart, 1 / std::sqrt(group), s.correction / size, t.f(8),
                 s.least < s.bits ? t.f(9) : nullptr);
  return kOk;
}

// x, geometry (stride, channels before, channels after) -> y
int subsample(const Tensors &t) {
  if (const int code = check<3>(t, {4, ANY, 4}, 1)) return code;
  SubsampleShape s;
  if (const int code = subsample_shape(t, 0, 1, 2, &s)) return code;
  return guarded(Timer::kPool, [&](const Kernels &) {
    subsample_forward(s, t.f(0), t.f(2));
    return kOk;
  });
}

// x, geometry, dy -> dx
int subsample_grad(const Tensors &t) {
  if (const int code = check<4>(t, {4, ANY, 4, 4}, 1)) return code;
  SubsampleShape s;
  if (const int code = subsample_shape(t, 0, 1, 2, &s)) return code;
  if (const int code = check_same(t, 0, 3)) return code;
  return guarded(Timer::kPool, [&](const Kernels &) {
    subsample_backward(s, t.f(2), t.f(3));
    return kOk;
  });
}

// x, geometry (kernel, stride, padding) -> y
int max_pool(const Tensors &t) {
  if (const int code = check<3>(t, {4, ANY, 4}, 1)) return code;
  MaxPoolShape s;
  if (const int code = max_pool_shape(t, 0, 1, 2, &s)) return code;
  return guarded(Timer::kPool, [&](const Kernels &) {
    max_pool_forward(s, t.f(0), t.f(2));
    return kOk;
  });
}

// x, geometry, dy -> dx
int max_pool_grad(const Tensors &t) {
  if (const int code = check<4>(t, {4, ANY, 4, 4}, 1)) return code;
  MaxPoolShape s;
  if (const int code = max_pool_shape(t, 0, 1, 2, &s)) return code;
  if (const int code = check_same(t, 0, 3)) return code;
  return guarded(Timer::kPool, [&](const Kernels &) {
    max_pool_backward(s, t.f(0), t.f(2), t.f(3));
    return kOk;
  });
}

// What the optimizer keeps: one array or two for each parameter.
constexpr int kMomentum = 1, kAdamW = 2;

// n gradients, n parameters, n moments, with AdamW n squares, rates [groups], the group of each
// parameter [n], decays [n], settings -> norm. Parameters, moments and squares are written.
int update(const Tensors &t, int kept, const Rule &rule) {
  const int lists = 2 + kept, n = (t.count - 5) / lists;
  if (n < 1 || t.count != lists * n + 5) return kParamCount;
  const int rates = lists * n, groups = rates + 1, decays = rates + 2, norm = rates + 4;
  for (int i = 0; i < t.count; i++) {
    if (const int code = check_one(t, i, ANY, i == groups ? kInt32Kind : kFloat32)) return code;
  }
  if (t.size(groups) != n || t.size(decays) != n || t.size(norm) != 1) return kShape;
  std::vector<Learned> list(n);
  for (int i = 0; i < n; i++) {
    for (int other = 1; other < lists; other++) {
      if (const int code = check_same(t, i, other * n + i)) return code;
    }
    const int group = t.i32(groups)[i];
    if (group < 0 || group >= t.size(rates)) return kShape;
    list[i] = {t.f(i),
               t.f(n + i),
               t.f(2 * n + i),
               kept == kAdamW ? t.f(3 * n + i) : nullptr,
               t.f(rates)[group],
               t.f(decays)[i],
               (size_t)t.size(i)};
  }
  return guarded(Timer::kUpdate, [&](const Kernels &k) {
    k.update(list.data(), n, rule, t.f(norm));
    return kOk;
  });
}

// The settings are the last input; the norm is behind them.
int settings(const Tensors &t, int count, const float **values) {
  const int at = t.count - 2;
  if (at < 0) return kParamCount;
  if (const int code = check_one(t, at, ANY, kFloat32)) return code;
  *values = t.f(at);
  return t.size(at) == count ? kOk : kShape;
}

// settings: share of the moment that is kept, 1 with Nesterov's, limit
int momentum(const Tensors &t) {
  const float *s;
  if (const int code = settings(t, 3, &s)) return code;
  return update(t, kMomentum, {s[0], 0, 0, s[1] != 0, s[2]});
}

// settings: shares of moment and square that are kept, epsilon, limit
int adamw(const Tensors &t) {
  const float *s;
  if (const int code = settings(t, 4, &s)) return code;
  return update(t, kAdamW, {s[0], s[1], s[2], false, s[3]});
}

}  // namespace
}  // namespace dq

using dq::Activation;

#define DQ_EXPORT(name, call)                                                                 \
  int name(int count, void **data, int *ndims, int64_t **shapes, const char **dtypes, void *, \
           void *) {                                                                          \
    const dq::Tensors t = {count, data, ndims, shapes, dtypes};                               \
    return dq::call;                                                                          \
  }

// The end of a training step.
#define DQ_STEP(name, call)                                                                   \
  int name(int count, void **data, int *ndims, int64_t **shapes, const char **dtypes, void *, \
           void *) {                                                                          \
    const dq::Tensors t = {count, data, ndims, shapes, dtypes};                               \
    const int code = dq::call;                                                                \
    dq::step_done();                                                                          \
    return code;                                                                              \
  }

extern "C" {
DQ_EXPORT(dq_conv2d, conv(t))
DQ_EXPORT(dq_conv2d_grad, conv_grad(t, true))
DQ_EXPORT(dq_conv2d_first, conv(t))
DQ_EXPORT(dq_conv2d_first_grad, conv_grad(t, false))
DQ_EXPORT(dq_quant_conv2d, quant_conv(t))
DQ_EXPORT(dq_quant_conv2d_grad, quant_conv_grad(t))
DQ_EXPORT(dq_dynamic_conv2d, dynamic_conv(t))
DQ_EXPORT(dq_dynamic_conv2d_grad, dynamic_conv_grad(t, false))
DQ_EXPORT(dq_dynamic_conv2d_grad_given, dynamic_conv_grad(t, true))
DQ_EXPORT(dq_norm, norm(t, Activation::kNone, false))
DQ_EXPORT(dq_norm_grad, norm_grad(t, Activation::kNone, false))
DQ_EXPORT(dq_norm_relu, norm(t, Activation::kRelu, false))
DQ_EXPORT(dq_norm_relu_grad, norm_grad(t, Activation::kRelu, false))
DQ_EXPORT(dq_norm_relu6, norm(t, Activation::kRelu6, false))
DQ_EXPORT(dq_norm_relu6_grad, norm_grad(t, Activation::kRelu6, false))
DQ_EXPORT(dq_norm_add, norm(t, Activation::kNone, true))
DQ_EXPORT(dq_norm_add_grad, norm_grad(t, Activation::kNone, true))
DQ_EXPORT(dq_norm_add_relu, norm(t, Activation::kRelu, true))
DQ_EXPORT(dq_norm_add_relu_grad, norm_grad(t, Activation::kRelu, true))
DQ_EXPORT(dq_norm_add_relu6, norm(t, Activation::kRelu6, true))
DQ_EXPORT(dq_norm_add_relu6_grad, norm_grad(t, Activation::kRelu6, true))
DQ_EXPORT(dq_running, running(t))
DQ_EXPORT(dq_fake_quant, fake_quant(t))
DQ_EXPORT(dq_fake_quant_grad, fake_quant_grad(t))
DQ_EXPORT(dq_fake_quant_slots, fake_quant_slots(t))
DQ_EXPORT(dq_fake_quant_slots_grad, fake_quant_slots_grad(t))
DQ_EXPORT(dq_dorefa, dorefa(t))
DQ_EXPORT(dq_dorefa_grad, dorefa_grad(t))
DQ_EXPORT(dq_levels, levels(t))
DQ_EXPORT(dq_levels_grad, levels_grad(t))
DQ_STEP(dq_momentum, momentum(t))
DQ_STEP(dq_adamw, adamw(t))
DQ_EXPORT(dq_subsample, subsample(t))
DQ_EXPORT(dq_subsample_grad, subsample_grad(t))
DQ_EXPORT(dq_max_pool, max_pool(t))
DQ_EXPORT(dq_max_pool_grad, max_pool_grad(t))
}
