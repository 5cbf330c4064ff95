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
#include "conv/weight_grad.h"

namespace DQ_NS {

WeightGrad::Way WeightGrad::choose_way(const ConvShape &s, bool shorts) {
  return shorts ? Way::kPairs : winograd_fits(s) ? Way::kWinograd : Way::kPixels;
}

WeightGrad::WeightGrad(const ConvShape &s, const Quantizers &q, const float *x, const float *dy,
                       bool shorts)
    : s_(s), way_(choose_way(s, shorts)), q_(q), x_(x), dy_(dy) {
  group_ic_ = s.ic / s.groups, group_oc_ = s.oc / s.groups;
  ov_ = group_oc_ > LANES ? DW_OV : 1;
  block_ = ov_ * LANES, blocks_ = (group_oc_ + block_ - 1) / block_;
  // A 1x1 kernel reads every stride-th pixel only: those are packed side by side.
  const bool point = s.kh == 1 && s.kw == 1;
  step_ = point ? 1 : s.stride;
  map_ = point ? input_map(s.h, s.w, 1, 1, s.stride, s.pad, s.ho, s.wo)
               : input_map(s.h, s.w, (s.ho - 1) * s.stride + s.kh, (s.wo - 1) * s.stride + s.kw, 1,
                           s.pad, 1, 1);
  words_ = way_ == Way::kPairs ? (int)code_map(1, s.ho, s.wo).channel() / 2 : s.ho * s.wo;
  dyt_ = (size_t)blocks_ * block_ * words_;
  // Pairs of pixels need neighbours side by side: a plane per phase of the stride.
  if (way_ == Way::kPairs) map_ = input_map(s.h, s.w, s.kh, s.kw, s.stride, s.pad, s.ho, s.wo);
  planes_ = (size_t)group_ic_ * map_.channel();
  const int sums = way_ == Way::kWinograd ? POSITIONS : s.kh * s.kw, pixels = s.ho * s.wo;
  sums_size_ = (size_t)s.groups * blocks_ * block_ * group_ic_ * sums;
  // Large sums have fewer runs, and take several images per pass over them.
  const size_t bytes = sums_size_ * sizeof(float);
  int runs = runs_of_sums();
  while (runs > 4 && runs * bytes > (32u << 20)) runs /= 2;
  run_length_ = ceil_div(s.n, runs);
  together_ = imax(1, imin(run_length_, pixels >= 256 ? 1 : 256 / pixels));
  if (way_ == Way::kWinograd) tiled_ = winograd_sums(s, ov_, blocks_, together_);
}

void WeightGrad::prepare(const Runs &runs) {
  sums_ = scratch<float>(-1, kSums, runs.count * sums_size_);
  buffers_ = scratch<WeightBuffers>(-1, kPartials, dq::pool_threads());
  for (int t = 0; t < dq::pool_threads(); t++) {
    WeightBuffers &buf = buffers_[t] = {};
    const size_t dyt = together_ * dyt_ + 8 * LANES, planes = together_ * planes_ + 8 * LANES;
    buf.dyt = scratch<float>(t, kTransposed, dyt);
    if (way_ == Way::kWinograd) {
      buf.tiles = tile_buffers(tiled_.tiles, t, kWeightTiles);
      buf.dy_tiles = scratch<float>(t, kGradientTiles, dy_tiles_size(tiled_));
      continue;
    }
    buf.planes = scratch<float>(t, kInputPlanes, planes);
    buf.row = scratch<int32_t>(t, kRow, s_.w + 2 * LANES);
    memset(buf.planes, 0, planes * sizeof(float));
  }
}

void WeightGrad::begin(int run) { memset(sums_ + run * sums_size_, 0, sums_size_ * sizeof(float)); }

// [output][word] -> [block][word][output in block], zeros for outputs beyond the last. A word is a
// pixel, or two of 16 bits.
void WeightGrad::transpose_dy(const float *dy, int words, float *out) const {
  for (int o = 0; o < blocks_ * block_; o += LANES) {
    float *dst = out + (size_t)(o / block_) * block_ * words + o % block_;
    const int outputs = imin(LANES, group_oc_ - o);
    int p = 0;
    if (outputs == LANES) {
      for (; p + LANES <= words; p += LANES) {
        transpose(dy + (size_t)o * words + p, words, dst + (size_t)p * block_, block_);
      }
    }
    for (; p < words; p++) {
      for (int i = 0; i < LANES; i++)
        dst[(size_t)p * block_ + i] = i < outputs ? dy[(size_t)(o + i) * words + p] : 0.f;
    }
  }
}

// All taps and input channels of one block of outputs.
template <int OV, class Tile>
void WeightGrad::block(const Tile &tile, float *acc) const {
  constexpr int I3 = OV == 1 ? 2 * DW_I3 : DW_I3, I1 = DW_I1;
  for (int kh = 0; kh < s_.kh; kh++) {
    for (int kw = 0; kw < s_.kw;) {
      const int taps = s_.kw - kw >= 3 ? 3 : 1, step = taps == 3 ? I3 : I1;
      for (int i = 0; i < group_ic_;) {
        float *a = acc + (size_t)(kh * group_ic_ + i) * tile.t.acc_channel + kw * tile.t.acc_tap;
        const bool full = group_ic_ - i >= step;
        if (taps == 3 && full) tile.template add<I3, 3, OV>(kh, kw, i, a);
        if (taps == 3 && !full) tile.template add<1, 3, OV>(kh, kw, i, a);
        if (taps == 1 && full) tile.template add<I1, 1, OV>(kh, kw, i, a);
        if (taps == 1 && !full) tile.template add<1, 1, OV>(kh, kw, i, a);
        i += full ? step : 1;
      }
      kw += taps;
    }
  }
}

template <class Tile>
void WeightGrad::blocks(Tile tile, float *sums) const {
  const int rows = tile_rows(s_);
  tile.t.acc_channel = s_.kw * block_, tile.t.acc_tap = block_;
  for (int b = 0; b < blocks_; b++, tile.dy += (size_t)block_ * words_) {
    float *acc = sums + (size_t)b * block_ * group_ic_ * s_.kh * s_.kw;
    for (int h = 0; h < s_.ho; h += rows) {
      tile.t.h0 = h, tile.t.h1 = imin(h + rows, s_.ho);
      if (ov_ == 1)
        block<1>(tile, acc);
      else
        block<DW_OV>(tile, acc);
    }
  }
}

const float *WeightGrad::input(int image, int group) const {
  return x_ + (image * (size_t)s_.ic + group * group_ic_) * s_.h * s_.w;
}

const float *WeightGrad::gradient(int image, int group) const {
  return dy_ + (image * (size_t)s_.oc + group * group_oc_) * s_.ho * s_.wo;
}

void WeightGrad::pack(const float *x, const PlaneMap &map, const ActQuant &q, int32_t *row,
                      int32_t *planes) const {
  if (q_.count) {
    pack_planes<CodeFloat>(x, group_ic_, map, planes, row, q);
  } else {
    pack_planes<RawFloat>(x, group_ic_, map, planes, row, q);
  }
}

void WeightGrad::add_floats(const WeightBuffers &buf, int group, const int *image, int images,
                            const ActQuant &q, float *sums) {
  for (int m = 0; m < images; m++) {
    float *planes = buf.planes + m * planes_;
    pack(input(image[m], group), map_, q, buf.row, (int32_t *)planes);
    transpose_dy(gradient(image[m], group), words_, buf.dyt + m * dyt_);
  }
  FloatTile tile = {};
  tile.t = {images, 0, 0, s_.wo, step_, map_.row_len, planes_, dyt_, map_.channel(), 0, 0};
  tile.x = buf.planes, tile.dy = buf.dyt;
  blocks(tile, sums);
}

void WeightGrad::add_tiles(const WeightBuffers &buf, const int *image, int images,
                           const ActQuant &q, float *sums) {
  const PlaneMap &map = tiled_.tiles.map;
  for (int m = 0; m < images; m++) {
    pack(input(image[m], 0), map, q, nullptr, buf.tiles.planes + (size_t)m * s_.ic * map.channel());
    transpose_dy(gradient(image[m], 0), words_, buf.dyt + m * dyt_);
  }
  add_winograd(tiled_, buf.tiles, images, buf.dyt, dyt_, buf.dy_tiles, sums);
}

void WeightGrad::add_pairs(const WeightBuffers &buf, int group, const int *image, int images,
                           const ActQuant &q, const GradientCodes &codes, float *sums) {
  int16_t *planes = (int16_t *)buf.planes;
  const CodeMap map = code_map(group_oc_, s_.ho, s_.wo);
  for (int m = 0; m < images; m++) {
    pack_planes<CodeInt>(input(image[m], group), group_ic_, map_, planes + m * planes_, buf.row, q);
    const int16_t *dy = codes.codes + (m * s_.groups + group) * map.size();
    transpose_dy((const float *)dy, words_, buf.dyt + m * dyt_);  // words are moved, never read
  }
  PairTile tile = {};
  tile.t = {images,         0, 0, (s_.wo + 1) / 2, planes_, dyt_, map.row_len / 2, map_.row_len,
            map_.channel(), 0, 0};
  tile.map = &map_, tile.x = planes, tile.dy = (const int32_t *)buf.dyt,
  tile.step = codes.step[group];
  blocks(tile, sums);
}

void WeightGrad::add_images(int thread, int run, const int *image, int images, const ActQuant &q,
                            const GradientCodes &codes) {
  for (int g = 0; g < s_.groups; g++) {
    float *sums = sums_ + run * sums_size_ + (size_t)g * (sums_size_ / s_.groups);
    const WeightBuffers &buf = buffers_[thread];
    if (way_ == Way::kPairs) {
      add_pairs(buf, g, image, images, q, codes, sums);
    } else if (way_ == Way::kWinograd) {
      add_tiles(buf, image, images, q, sums);
    } else {
      add_floats(buf, g, image, images, q, sums);
    }
  }
}

void WeightGrad::finish_tiles(const Runs &runs, float *dw) const {
  const int count = imax(q_.count, 1);
  const size_t positions = sums_size_ / POSITIONS;
  parallel(
      blocks_ * s_.ic,
      [&](int, int item) {
        const int first = item / s_.ic * block_, i = item % s_.ic,
                  outputs = imin(block_, s_.oc - first);
        float total[POSITIONS * DW_OV * LANES], taps[9 * DW_OV * LANES];
        for (int k = 0; k < count; k++) {
          memset(total, 0, sizeof total);
          for (int r = 0; r < runs.count; r++) {
            if (runs.run[r].k != k) continue;
            for (int p = 0; p < POSITIONS; p++) {
              const float *src = sums_ + r * sums_size_ + p * positions + (size_t)item * block_;
              for (int o = 0; o < block_; o++) total[p * block_ + o] += src[o];
            }
          }
          winograd_taps(tiled_.ov, total, taps);
          const float scale = q_.count ? q_.a_scale[k] : 1.f;
          for (int o = 0; o < outputs; o++) {
            float *out = dw + 9 * (((size_t)k * s_.oc + first + o) * s_.ic + i);
            for (int t = 0; t < 9; t++) out[t] = taps[t * block_ + o] * scale;
          }
        }
      },
      runs.count * sums_size_ < (1 << 17));
}

void WeightGrad::finish(const Runs &runs, float *dw) {
  if (way_ == Way::kWinograd) return finish_tiles(runs, dw);
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
          const float a_scale = q_.count ? q_.a_scale[k] : 1.f;
          for (int kw = 0; kw < s_.kw; kw++) {
            const float *src = sums_ + ((size_t)item * s_.kw + kw) * block_;
            for (int o = 0; o < outputs; o++) {
              const int channel = g * group_oc_ + b * block_ + o;
              float v = 0.f;
              for (int r = 0; r < runs.count; r++) {
                if (runs.run[r].k == k) v += src[r * sums_size_ + o];
              }
              const size_t out = ((size_t)channel * group_ic_ + i) * taps + kh * s_.kw + kw;
              const float w_scale =
                  way_ == Way::kPairs ? q_.w_scale[k * q_.scales + channel % q_.scales] : 1.f;
              dw[k * size + out] = v * (a_scale / w_scale);
            }
          }
        }
      },
      runs.count * sums_size_ < (1 << 17));
}

}  // namespace DQ_NS
