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
// plain.cc: see plain.h.
#include "engine/plain.h"

#include <algorithm>

namespace dq {
namespace {

constexpr size_t kWorthSharing = 1 << 18;  // values below which other threads are not woken

void input(const Operation &op, const uint8_t *pixels, int32_t *y) {
  const size_t area = size_t(op.out.h) * op.out.w;
  for (int c = 0; c < 3; c++)
    for (size_t p = 0; p < area; p++)
      y[p * 3 + c] = op.arrays.table.values[size_t(c) * 256 + pixels[c * area + p]];
}

void pool(const Operation &op, const Register &x, const int32_t *v, int32_t *y) {
  const int bins = int(op.bins), c = x.c;
  std::vector<int64_t> sum(static_cast<size_t>(c));
  for (int i = 0; i < bins; i++)
    for (int j = 0; j < bins; j++) {
      const int top = i * x.h / bins, bottom = ((i + 1) * x.h + bins - 1) / bins;
      const int left = j * x.w / bins, right = ((j + 1) * x.w + bins - 1) / bins;
      const int64_t count = int64_t(bottom - top) * (right - left);
      std::fill(sum.begin(), sum.end(), 0);
      for (int a = top; a < bottom; a++)
        for (int b = left; b < right; b++)
          for (int k = 0; k < c; k++) sum[k] += v[(size_t(a) * x.w + b) * c + k];
      for (int k = 0; k < c; k++) {
        const int64_t numerator = 2 * sum[k] + count, divisor = 2 * count;
        const int64_t quotient = numerator / divisor;  // towards zero; floor is wanted
        y[(size_t(i) * bins + j) * c + k] = int32_t(quotient - (numerator % divisor < 0 ? 1 : 0));
      }
    }
}

void subsample(const Operation &op, const Register &x, const int32_t *v, int32_t *y) {
  std::fill(y, y + op.out.size(), 0);
  for (int i = 0; i < op.out.h; i++)
    for (int j = 0; j < op.out.w; j++) {
      const int32_t *in = v + (size_t(i) * op.stride * x.w + size_t(j) * op.stride) * x.c;
      std::copy(in, in + x.c, y + (size_t(i) * op.out.w + j) * op.out.c + op.before);
    }
}

// plan: of `columns`; asked: the call's budget, kNoBudget: the operation's own.
void mind(const Operation &op, const int *plan, int columns, int64_t asked, const int32_t *v,
          int32_t *y) {
  const auto &prices = op.arrays.prices;
  const int64_t k = prices.shape[1], inputs = prices.shape[2];
  int64_t spent = 0;  // below 2^60
  for (int64_t j = 0; j < op.slot; j++) {
    const int *choice = plan + j * columns;
    const int64_t a = std::min<int64_t>(choice[columns - 1], inputs - 1);
    spent += prices.values[size_t((j * k + choice[0]) * inputs + a)];
  }
  const int64_t above = (asked == kNoBudget ? op.budget : asked) - op.base;
  const int64_t left = std::min(std::max<int64_t>(above, 0), op.range);
  spent = std::min(spent, op.range);
  const int64_t half = (int64_t(1) << op.shift) >> 1;
  for (size_t c = 0; c < size_t(op.out.c); c++) {
    const int64_t weighed = op.arrays.asked.values[c] * left + op.arrays.spent.values[c] * spent;
    const int64_t more = (weighed + half) >> op.shift;
    for (size_t at = c; at < op.out.size(); at += size_t(op.out.c)) {
      const int64_t sum = v[at] + more;
      y[at] = int32_t(std::min<int64_t>(std::max<int64_t>(sum, INT32_MIN), INT32_MAX));
    }
  }
}

// part: of the plan, the slots that the operation decides.
void choose(const Operation &op, const int32_t *v, int *part) {
  const size_t given = size_t(op.shared ? 1 : op.layers) * op.columns;
  for (size_t i = 0; i < size_t(op.layers) * op.columns; i++) {
    const int32_t *values = v + (i % given) * op.choices;
    part[i] = int(std::max_element(values, values + op.choices) - values);
  }
}

Bounds bounds_of(const Operation &op) { return {int32_t(op.low), int32_t(op.high)}; }

// Smallest and largest code of a width.
Bounds limits(int bits, bool is_signed) {
  const int32_t top = 1 << (is_signed ? bits - 1 : bits);
  return {is_signed ? -top : 0, top - 1};
}

std::vector<int16_t> pack(const Operation &op, int choice) {
  const bool nested = op.master > 0;
  const auto &weight = op.arrays.weights[nested ? 0 : size_t(choice)].values;
  const int drop = nested ? int(op.master) - op.w_bits(choice) : 0;
  const int top = nested ? (1 << (op.w_bits(choice) - 1)) - 1 : 127;
  const int groups = int(op.groups), k = int(op.kernel), c_in = int(op.c_in);
  const int channels = int(op.c_out) / groups, pairs = (c_in + 1) / 2;
  const int blocks = (channels + kChannelBlock - 1) / kChannelBlock;
  std::vector<int16_t> out(size_t(groups) * blocks * k * k * pairs * kChannelBlock * 2);
  for (int o = 0; o < op.c_out; o++) {
    const int group = o / channels, block = o % channels / kChannelBlock;
    const int lane = o % channels % kChannelBlock;
    for (int c = 0; c < c_in; c++)
      for (int tap = 0; tap < k * k; tap++) {
        int q = weight[(size_t(o) * c_in + c) * k * k + tap];
        q = std::min((q + ((1 << drop) >> 1)) >> drop, top);  // a child's lower clip cannot bind
        size_t at = ((size_t(group) * blocks + block) * k * k + tap) * pairs + c / 2;
        out[(at * kChannelBlock + lane) * 2 + c % 2] = int16_t(op.odd ? 2 * q + 1 : q);
      }
  }
  return out;
}

// Values of each channel, every group's padded to whole blocks.
template <class T>
std::vector<T> in_blocks(const T *values, int c_out, int groups) {
  const int channels = c_out / groups;
  const int width = (channels + kChannelBlock - 1) / kChannelBlock * kChannelBlock;
  std::vector<T> out(size_t(groups) * width);
  for (int o = 0; o < c_out; o++) out[size_t(o / channels) * width + o % channels] = values[o];
  return out;
}

}  // namespace

PlainOperations::PlainOperations(const Program &program)
    : program_(program), layers_(new Layer[program.operations.size()]) {}

PlainOperations::Layer &PlainOperations::layer(int i) {
  const Operation &op = program_.operations[size_t(i)];
  Layer &layer = layers_[size_t(i)];
  std::call_once(layer.once, [&] {
    const int k = int(op.kernel), c_in = int(op.c_in);
    if (op.kind == kConv) {
      layer.packed.reset(new Packed[size_t(op.candidates())]);
      layer.multiplier.clear();  // of a call that ran out of memory
      layer.bias.clear();
      const auto &multiplier = op.arrays.multiplier.values;
      const auto &bias = op.arrays.bias.values;
      for (size_t at = 0; at < multiplier.size(); at += size_t(op.c_out))
        layer.multiplier.push_back(in_blocks(&multiplier[at], int(op.c_out), int(op.groups)));
      for (size_t at = 0; at < bias.size(); at += size_t(op.c_out))
        layer.bias.push_back(in_blocks(&bias[at], int(op.c_out), int(op.groups)));
    } else if (op.kind == kWide) {
      const auto &weight = op.arrays.weight.values;
      layer.wide.resize(weight.size());
      for (size_t o = 0; o < size_t(op.c_out); o++)
        for (int c = 0; c < c_in; c++)
          for (int tap = 0; tap < k * k; tap++)
            layer.wide[(o * k * k + tap) * c_in + c] = weight[(o * c_in + c) * k * k + tap];
    }
  });
  return layer;
}

void PlainOperations::run(int i, Frame *frame) {
  const Operation &op = program_.operations[size_t(i)];
  const IntegerKernels &k = integer_kernels();
  int32_t *y = frame->registers[size_t(i)];
  if (op.kind == kInput) return input(op, frame->pixels, y);
  const Register &shape = program_.operations[size_t(op.x)].out;
  const int32_t *x = frame->registers[size_t(op.x)];
  if (op.kind == kChoose) return choose(op, x, frame->part(op));
  const bool shared = op.out.size() >= kWorthSharing;
  const size_t line = size_t(op.out.w) * op.out.c;
  switch (op.kind) {
    case kQuantise: {
      const int choice = op.candidates() > 1 ? frame->choice(op.slot, op.column) : 0;
      const int32_t multiplier = op.arrays.multiplier.values[size_t(choice)];
      const Bounds codes = limits(op.a_bits(choice), op.is_signed);
      return spread(*frame, op.out.h, shared, [&](int first, int last) {
        k.quantise(x + first * line, (last - first) * line, multiplier, int(op.shift), codes,
                   y + first * line);
      });
    }
    case kBucketise: {
      const Buckets buckets = {op.arrays.thresholds.values.data(), op.arrays.levels.values.data(),
                               int(op.arrays.levels.values.size())};
      return spread(*frame, op.out.h, shared, [&](int first, int last) {
        k.bucketise(x + first * line, (last - first) * line, buckets, y + first * line);
      });
    }
    case kConv:
      return conv(i, frame);
    case kWide:
      return wide(i, frame);
    case kAffine: {
      const size_t at = size_t(frame->row) * op.out.c;
      const Scaling s = {&op.arrays.multiplier.values[at], &op.arrays.bias.values[at], op.out.c,
                         int(op.shift), bounds_of(op)};
      return spread(*frame, op.out.h, shared, [&](int first, int last) {
        k.scale(x + first * line, size_t(last - first) * op.out.w, s, y + first * line);
      });
    }
    case kAdd: {
      const int32_t *b = frame->registers[size_t(op.y)];
      return spread(*frame, op.out.h, shared, [&](int first, int last) {
        k.add(x + first * line, b + first * line, (last - first) * line, bounds_of(op),
              y + first * line);
      });
    }
    case kPool:
      return pool(op, shape, x, y);
    case kMaxPool: {
      const MaxWindow window = {
          x,        shape.h, shape.w, shape.c, int(op.kernel), int(op.stride), int(op.padding),
          op.out.w, y};
      return spread(*frame, op.out.h, shape.size() >= kWorthSharing,
                    [&](int first, int last) { k.max_rows(window, first, last); });
    }
    case kBudget:
      return mind(op, frame->plan.data(), frame->columns, frame->asked, x, y);
    default:
      return subsample(op, shape, x, y);
  }
}

void PlainOperations::conv(int i, Frame *frame) {
  const Operation &op = program_.operations[size_t(i)];
  Layer &made = layer(i);
  const IntegerKernels &kernels = integer_kernels();
  const Register &x = program_.operations[size_t(op.x)].out;
  const int w_choice = frame->choice(op.slot, op.w_column);
  const int a_choice = frame->choice(op.slot, op.a_column);
  const int groups = int(op.groups), k = int(op.kernel), padding = int(op.padding);
  const int channels = int(op.c_out) / groups, pairs = (int(op.c_in) + 1) / 2;
  const int blocks = (channels + kChannelBlock - 1) / kChannelBlock;
  const int drop = op.master ? int(op.master) - op.a_bits(a_choice) : 0;
  const int drop_w = op.master ? int(op.master) - op.w_bits(w_choice) : 0;
  const Bounds codes =
      op.master ? limits(op.a_bits(a_choice), x.is_signed) : Bounds{INT16_MIN, INT16_MAX};
  const int height = x.h + 2 * padding, width = x.w + 2 * padding;
  const bool shared = op.out.size() * size_t(op.c_in) * k * k >= 16 * kWorthSharing;
  int16_t *padded = (int16_t *)frame->room(size_t(height) * width * pairs * 2 * sizeof(int16_t));
  Packed &packed = made.packed[w_choice];
  std::call_once(packed.once, [&] { packed.weight = pack(op, w_choice); });
  const int16_t *weight = packed.weight.data();
  const auto &multiplier =
      made.multiplier[place_of(op.arrays.multiplier.shape, frame->row, w_choice, a_choice) /
                      op.c_out];
  const auto &bias =
      made.bias[place_of(op.arrays.bias.shape, frame->row, w_choice, a_choice) / op.c_out];
  for (int g = 0; g < groups; g++) {
    const CodePlane plane = {frame->registers[size_t(op.x)],
                             x.h,
                             x.w,
                             x.c,
                             g * int(op.c_in),
                             int(op.c_in),
                             padding,
                             drop,
                             codes,
                             padded};
    spread(*frame, height, shared,
           [&](int first, int last) { kernels.code_rows(plane, first, last); });
    const size_t at = size_t(g) * blocks * kChannelBlock;
    const IntegerConv job = {padded,
                             width,
                             pairs,
                             k,
                             int(op.stride),
                             op.out.h,
                             op.out.w,
                             weight + size_t(g) * blocks * k * k * pairs * kChannelBlock * 2,
                             channels,
                             drop + drop_w,
                             int(op.shift),
                             &multiplier[at],
                             &bias[at],
                             bounds_of(op),
                             frame->registers[size_t(i)] + size_t(g) * channels,
                             int(op.c_out)};
    spread(*frame, op.out.h, shared,
           [&](int first, int last) { kernels.conv_rows(job, first, last); });
  }
}

void PlainOperations::wide(int at, Frame *frame) {
  const Operation &op = program_.operations[size_t(at)];
  const Layer &made = layer(at);
  int32_t *y = frame->registers[size_t(at)];
  const IntegerKernels &kernels = integer_kernels();
  const Register &x = program_.operations[size_t(op.x)].out;
  const int p = int(op.padding), k = int(op.kernel), s = int(op.stride), c_in = int(op.c_in);
  const int width = x.w + 2 * p, channels = int(op.c_out / op.groups);
  const int32_t *in = frame->registers[size_t(op.x)];
  if (p > 0) {
    const size_t size = size_t(x.h + 2 * p) * width * x.c;
    int32_t *padded = (int32_t *)frame->room(size * sizeof(int32_t));
    std::fill(padded, padded + size, 0);
    for (int i = 0; i < x.h; i++)
      std::copy_n(in + size_t(i) * x.w * x.c, size_t(x.w) * x.c,
                  &padded[(size_t(i + p) * width + p) * x.c]);
    in = padded;
  }
  // With one group the pixels of a kernel row follow each other, weights and inputs alike.
  const int runs = op.groups == 1 ? 1 : k, length = op.groups == 1 ? k * c_in : c_in;
  const int64_t half = (int64_t(1) << op.shift) >> 1;
  const bool shared = op.out.size() * size_t(c_in) * k * k >= 4 * kWorthSharing;
  spread(*frame, op.out.h * op.out.w, shared, [&](int first, int last) {
    for (int pixel = first; pixel < last; pixel++) {
      const size_t top = size_t(pixel / op.out.w) * s, left = size_t(pixel % op.out.w) * s;
      for (int o = 0; o < op.c_out; o++) {
        const int32_t *weight = &made.wide[size_t(o) * k * k * c_in];
        int64_t sum = 0;
        for (int a = 0; a < k; a++)
          for (int b = 0; b < runs; b++, weight += length)
            kernels.wide_dot(in + ((top + a) * width + left + b) * x.c + o / channels * c_in,
                             weight, size_t(length), &sum);
        sum = (sum + half) >> op.shift;
        y[size_t(pixel) * op.c_out + o] =
            int32_t(std::min<int64_t>(std::max<int64_t>(sum, INT32_MIN), INT32_MAX));
      }
    }
  });
}

}  // namespace dq
