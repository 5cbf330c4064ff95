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

// weight_grad.cc: see weight_grad.h.
#include "weight_grad.h"

namespace DQ_NS {

WeightGrad::WeightGrad(const ConvShape &s, const Quantizers &q, const float *x, const float *dy)
    : s_(s), q_(q), x_(x), dy_(dy) {
  group_ic_ = s.ic / s.groups, group_oc_ = s.oc / s.groups;
  depthwise_ = group_ic_ == 1 && group_oc_ == 1;
  ov_ = group_oc_ > LANES ? DW_OV : 1;
  block_ = ov_ * LANES, blocks_ = (group_oc_ + block_ - 1) / block_;
  // A 1x1 kernel reads every stride-th pixel only: those are packed side by side.
  const bool point = s.kh == 1 && s.kw == 1;
  step_ = point ? 1 : s.stride;
  map_ = point ? input_map(s.h, s.w, 1, 1, s.stride, s.pad, s.ho, s.wo)
               : input_map(s.h, s.w, (s.ho - 1) * s.stride + s.kh, (s.wo - 1) * s.stride + s.kw, 1,
                           s.pad, 1, 1);
  dyt_ = (size_t)blocks_ * block_ * s.ho * s.wo;
  if (depthwise_) {
    block_ = blocks_ = 1;
    map_ = input_map(s.h, s.w, s.kh, s.kw, s.stride, s.pad, s.ho, s.wo);
    dyt_ = (size_t)s.ho * map_.row_len + LANES;
  }
  planes_ = (size_t)group_ic_ * map_.channel();
  sums_size_ = (size_t)s.groups * blocks_ * block_ * group_ic_ * s.kh * s.kw;
  const int pixels = s.ho * s.wo;
  block_rows_ = imax(1, imin(s.ho, 256 / s.wo));
  // 8 runs balance two to eight threads; large sums allow fewer, and take several images per pass
  // over them.
  const size_t bytes = sums_size_ * sizeof(float);
  int runs = imax(8, dq::pool_threads());
  while (runs > 2 && runs > dq::pool_threads() && runs * bytes > (32u << 20)) runs /= 2;
  run_length_ = imax(1, (s.n + runs - 1) / runs);
  together_ = imax(1, imin(run_length_, pixels >= 256 ? 1 : 256 / pixels));
}

void WeightGrad::prepare(const Runs &runs) {
  sums_ = scratch<float>(-1, kSums, runs.count * sums_size_);
  const int threads = dq::pool_threads();
  planes_of_ = scratch<float *>(-1, kPartials, 2 * threads);
  dyt_of_ = planes_of_ + threads;
  rows_of_ = scratch<int32_t *>(-1, kScales, threads);
  for (int t = 0; t < threads; t++) {
    planes_of_[t] = scratch<float>(t, kInputPlanes, together_ * planes_ + 8 * LANES);
    rows_of_[t] = scratch<int32_t>(t, kRow, s_.w + 2 * LANES);
    dyt_of_[t] = scratch<float>(t, kTransposed, together_ * dyt_ + 8 * LANES);
    if (depthwise_) memset(dyt_of_[t], 0, (together_ * dyt_ + 8 * LANES) * sizeof(float));
    memset(planes_of_[t], 0, (together_ * planes_ + 8 * LANES) * sizeof(float));
  }
}

void WeightGrad::begin(int run) { memset(sums_ + run * sums_size_, 0, sums_size_ * sizeof(float)); }

// [output][pixel] -> [block][pixel][output in block], zeros for outputs beyond the last
void WeightGrad::transpose_dy(const float *dy, float *out) const {
  const int pixels = s_.ho * s_.wo;
  for (int o = 0; o < blocks_ * block_; o += LANES) {
    float *dst = out + (size_t)(o / block_) * block_ * pixels + o % block_;
    const int outputs = imin(LANES, group_oc_ - o);
    int p = 0;
    if (outputs == LANES) {
      for (; p + LANES <= pixels; p += LANES) {
        transpose(dy + (size_t)o * pixels + p, pixels, dst + (size_t)p * block_, block_);
      }
    }
    for (; p < pixels; p++) {
      for (int i = 0; i < LANES; i++)
        dst[(size_t)p * block_ + i] = i < outputs ? dy[(size_t)(o + i) * pixels + p] : 0.f;
    }
  }
}

// rows: dy with the row length of the planes; what lies between its rows stays 0
void WeightGrad::depthwise(const float *planes, const float *dy, float *rows, float *sums) const {
  for (int h = 0; h < s_.ho; h++) {
    pack_run<RawFloat>(dy + (size_t)h * s_.wo, 0, 1, s_.wo,
                       (int32_t *)(rows + (size_t)h * map_.row_len), ActQuant{});
  }
  const int taps = s_.kh * s_.kw, pixels = (s_.ho - 1) * map_.row_len + s_.wo;
  int tap[9];
  for (int t = 0; t < taps;) {
    const int count = taps - t >= 9 ? 9 : taps - t >= 3 ? 3 : 1;
    for (int i = 0; i < count; i++) tap[i] = map_.tap((t + i) / s_.kw, (t + i) % s_.kw);
    if (count == 9) depthwise_tile<9>(planes, rows, pixels, tap, sums + t);
    if (count == 3) depthwise_tile<3>(planes, rows, pixels, tap, sums + t);
    if (count == 1) depthwise_tile<1>(planes, rows, pixels, tap, sums + t);
    t += count;
  }
}

template <int OV>
void WeightGrad::block(TileWork t, const float *planes, const float *dyt, float *acc) {
  constexpr int I3 = OV == 1 ? 2 * DW_I3 : DW_I3, I1 = DW_I1;
  for (int kh = 0; kh < s_.kh; kh++) {
    for (int kw = 0; kw < s_.kw;) {
      const int taps = s_.kw - kw >= 3 ? 3 : 1, step = taps == 3 ? I3 : I1;
      for (int i = 0; i < group_ic_;) {
        const float *x = planes + (size_t)i * t.channel + kh * t.row_len + kw;
        float *a = acc + (size_t)(kh * group_ic_ + i) * t.acc_channel + kw * t.acc_tap;
        const bool full = group_ic_ - i >= step;
        if (taps == 3 && full) grad_tile<I3, 3, OV>(t, x, dyt, a);
        if (taps == 3 && !full) grad_tile<1, 3, OV>(t, x, dyt, a);
        if (taps == 1 && full) grad_tile<I1, 1, OV>(t, x, dyt, a);
        if (taps == 1 && !full) grad_tile<1, 1, OV>(t, x, dyt, a);
        i += full ? step : 1;
      }
      kw += taps;
    }
  }
}

void WeightGrad::add_images(int thread, int run, const int *image, int images, const ActQuant &q) {
  float *planes = planes_of_[thread], *dyt = dyt_of_[thread];
  const size_t x_size = (size_t)s_.ic * s_.h * s_.w, y_size = (size_t)s_.oc * s_.ho * s_.wo;
  for (int g = 0; g < s_.groups; g++) {
    for (int m = 0; m < images; m++) {
      const float *x = x_ + image[m] * x_size + (size_t)g * group_ic_ * s_.h * s_.w;
      int32_t *dst = (int32_t *)(planes + m * planes_);
      if (q_.count) {
        pack_planes<CodeFloat>(x, group_ic_, map_, dst, rows_of_[thread], q);
      } else {
        pack_planes<RawFloat>(x, group_ic_, map_, dst, rows_of_[thread], q);
      }
      const float *dy = dy_ + image[m] * y_size + (size_t)g * group_oc_ * s_.ho * s_.wo;
      if (depthwise_) {
        depthwise(planes + m * planes_, dy, dyt,
                  sums_ + run * sums_size_ + (size_t)g * s_.kh * s_.kw);
      } else {
        transpose_dy(dy, dyt + m * dyt_);
      }
    }
    if (depthwise_) continue;
    TileWork t = {images,       0,       0,    s_.wo,          step_,
                  map_.row_len, planes_, dyt_, map_.channel(), s_.kw * block_,
                  block_};
    float *sums = sums_ + run * sums_size_ + (size_t)g * (sums_size_ / s_.groups);
    const size_t per_block = (size_t)block_ * group_ic_ * s_.kh * s_.kw;
    for (int b = 0; b < blocks_; b++) {
      for (int h = 0; h < s_.ho; h += block_rows_) {
        t.h0 = h, t.h1 = imin(h + block_rows_, s_.ho);
        const float *d = dyt + (size_t)b * block_ * s_.ho * s_.wo;
        if (ov_ == 1)
          block<1>(t, planes, d, sums + b * per_block);
        else
          block<DW_OV>(t, planes, d, sums + b * per_block);
      }
    }
  }
}

void WeightGrad::finish(const Runs &runs, float *dw) {
  const int taps = s_.kh * s_.kw, count = imax(q_.count, 1),
            per_group = blocks_ * s_.kh * group_ic_;
  const size_t size = (size_t)s_.oc * group_ic_ * taps;
  parallel(
      s_.groups * per_group,
      [&](int, int item) {
        const int g = item / per_group, b = item % per_group / (s_.kh * group_ic_);
        const int kh = item % (s_.kh * group_ic_) / group_ic_, i = item % group_ic_;
        const int outputs = imin(block_, group_oc_ - b * block_);
        for (int k = 0; k < count; k++) {
          const float scale = q_.count ? q_.a_scale[k] : 1.f;
          for (int kw = 0; kw < s_.kw; kw++) {
            const float *src = sums_ + ((size_t)item * s_.kw + kw) * block_;
            for (int o = 0; o < outputs; o++) {
              float v = 0.f;
              for (int r = 0; r < runs.count; r++) {
                if (runs.run[r].k == k) v += src[r * sums_size_ + o];
              }
              const size_t out = ((size_t)(g * group_oc_ + b * block_ + o) * group_ic_ + i) * taps +
                                 kh * s_.kw + kw;
              dw[k * size + out] = v * scale;
            }
          }
        }
      },
      runs.count * sums_size_ < (1 << 17));
}

}  // namespace DQ_NS
