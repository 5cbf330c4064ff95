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
// check.cc: refuses a program that cannot be run exactly; the rules are those of engine/check.py.
#include <algorithm>
#include <cstdlib>

#include "engine/program.h"

namespace dq {
namespace {

constexpr int64_t kLargestRegister = 1 << 28, kLargestProgram = 1 << 30;  // values, in one, in all
using Wide128 = __int128;

void need(bool condition, const char *otherwise) {
  if (!condition) throw BadArtefact(otherwise);
}

bool within(int64_t low, int64_t v, int64_t high) { return low <= v && v <= high; }

Register make(RegisterKind kind, int64_t c, int64_t h, int64_t w, int bits = 0, bool sign = false) {
  need(within(1, c, kLargestChannels), "channels out of range");
  need(within(1, h, kLargestSide) && within(1, w, kLargestSide), "pixels out of range");
  need(c * h * w <= kLargestRegister, "a register is too large");
  return Register{kind, int(c), int(h), int(w), bits, sign};
}

int64_t windows(const Operation &op, int64_t side) {
  return (side + 2 * op.padding - op.kernel) / op.stride + 1;
}

Register windows(const Operation &op, const Register &x, int64_t channels) {
  const int64_t h = x.h + 2 * op.padding, w = x.w + 2 * op.padding;
  need(h >= op.kernel && w >= op.kernel, "the window is larger than the image");
  need(x.c * h * w <= kLargestRegister, "padding is too large");
  return make(kWideRegister, channels, windows(op, x.h), windows(op, x.w));
}

Register convolved(const Operation &op, const Register &x) {
  need(x.c % op.groups == 0 && op.c_out % op.groups == 0, "groups do not divide the channels");
  return windows(op, x, op.c_out);
}

void ordered(const Operation &op) { need(op.low <= op.high, "the bounds are in the wrong order"); }

// may_be_one: one candidate may serve for all choices of the plan.
void check_slot(const Program &program, const Operation &op, std::initializer_list<int64_t> columns,
                bool may_be_one) {
  const int candidates = op.candidates();
  need(candidates == 1 || op.slot >= 0, "several candidates and no slot");
  if (op.slot < 0) return;
  need(op.slot < int64_t(program.slots.size()) && program.slots[size_t(op.slot)] != kUndecided,
       "a slot is not decided before it is used");
  for (int64_t column : columns) need(column < program.plan.columns, "a column is out of range");
  need(candidates == program.plan.choices || (may_be_one && candidates == 1),
       "candidates differ from the plan's");
}

int64_t largest(const Array<int32_t> &array) {
  int64_t out = 0;
  for (int32_t v : array.values) out = std::max(out, std::abs(int64_t(v)));
  return out;
}

// `acc` times a multiplier, plus a bias, plus half a unit: all below 2^62.
void affine_range(const Operation &op, Wide128 acc) {
  Wide128 bias = 0;
  for (int64_t b : op.arrays.bias.values) {
    Wide128 magnitude = b < 0 ? -Wide128(b) : Wide128(b);
    bias = std::max(bias, magnitude);
  }
  Wide128 half = (Wide128(1) << op.shift) >> 1;
  need(acc * largest(op.arrays.multiplier) + bias + half < (Wide128(1) << 62),
       "multiplier and bias may leave 63 bits");
  ordered(op);
}

Register input(const Program &program, const Operation &op) {
  const Operation &first = program.operations[0];
  need(op.height == first.height && op.width == first.width, "images of two sizes");
  need(op.bits != 1, "codes of 1 bit");
  for (int32_t v : op.arrays.table.values)
    need(!op.bits || (v >= -(1 << (op.bits - 1)) && v < (1 << (op.bits - 1))),
         "the table leaves the codes");
  return make(op.bits ? kCodesRegister : kWideRegister, 3, op.height, op.width, int(op.bits), true);
}

Register quantise(const Program &program, const Operation &op, const Register &x) {
  check_slot(program, op, {op.column}, true);
  const auto &bits = op.arrays.bits.values;
  const int most = int(*std::max_element(bits.begin(), bits.end()));
  return make(kCodesRegister, x.c, x.h, x.w, most, op.is_signed);
}

void rising(const std::vector<int32_t> &levels) {
  for (size_t i = 1; i < levels.size(); i++) need(levels[i] > levels[i - 1], "levels do not rise");
}

Register bucketise(const Operation &op, const Register &x) {
  const std::vector<int32_t> &thresholds = op.arrays.thresholds.values;
  const std::vector<int32_t> &levels = op.arrays.levels.values;
  need(thresholds[0] == INT32_MIN, "the first threshold is not the least value");
  need(std::is_sorted(thresholds.begin(), thresholds.end()), "thresholds fall");
  rising(levels);
  need(levels.front() >= (op.is_signed ? -128 : 0) && levels.back() <= (op.is_signed ? 127 : 255),
       "levels leave the codes");
  return make(kCodesRegister, x.c, x.h, x.w, 8, op.is_signed);
}

void children(const Operation &op, const Register &x) {
  need(op.master >= 2, "master codes of 1 bit");
  need(x.bits == op.master, "the input is not of the master's width");
  need(!op.odd, "odd codes have no children");
  for (int64_t bits : op.arrays.bits.values)
    need(within(2, bits, op.master), "a width is not one of the master's children");
}

struct Extremes {
  int least, most;
};

// Of bytes that are some; in a form that every instruction set has vectors for, as millions are
// looked at before the first answer.
Extremes extremes_of(const std::vector<int8_t> &values) {
  uint8_t least = UINT8_MAX, most = 0;
  for (int8_t value : values) {
    const uint8_t moved = uint8_t(value) ^ 0x80;
    least = std::min(least, moved);
    most = std::max(most, moved);
  }
  return {least - 0x80, most - 0x80};
}

int64_t largest_weight(const Operation &op) {
  if (op.master) return int64_t(1) << (op.master - 1);
  if (op.has_level_weights()) return largest(op.arrays.levels);
  int64_t out = 0;
  for (const auto &weight : op.arrays.weights) {
    const Extremes found = extremes_of(weight.values);
    out = std::max<int64_t>(out, std::max(-found.least, found.most));
  }
  return op.odd ? 2 * out + 1 : out;
}

void check_levels(const Operation &op) {
  const std::vector<int32_t> &levels = op.arrays.levels.values;
  rising(levels);
  need(op.candidates() == 1, "levels with several candidates");
  need(!op.master && !op.odd, "levels with master or odd codes");
  need(levels.size() <= size_t(1) << op.w_bits(0), "more levels than the width has indices");
  for (int8_t w : op.arrays.weights[0].values)
    need(std::binary_search(levels.begin(), levels.end(), w), "weights beside the levels");
}

// Files hold weights packed at their width, other callers plain int8.
void check_weights(const Operation &op) {
  if (op.has_level_weights()) return check_levels(op);
  for (size_t v = 0; v < op.arrays.weights.size(); v++) {
    const int top = 1 << (op.stored_bits(v) - 1);
    const Extremes found = extremes_of(op.arrays.weights[v].values);
    need(-top <= found.least && found.most < top, "weights beyond their width");
  }
}

Register conv(Program *program, const Operation &op, int i, const Register &x) {
  check_slot(*program, op, {op.w_column, op.a_column}, false);
  if (op.slot >= 0) {
    int &taken = program->slots[size_t(op.slot)];
    need(taken < 0, "a slot is taken twice");
    taken = i;
  }
  Register out = convolved(op, x);
  need(op.c_in == x.c / op.groups, "channels of a group do not fit");
  if (op.master) children(op, x);
  check_weights(op);
  int64_t values = op.c_in * op.kernel * op.kernel;
  int64_t acc = values * largest_weight(op) << x.bits;
  need(acc < (int64_t(1) << 31), "the sum of a convolution may leave int32");
  affine_range(op, acc);
  return out;
}

Register wide(Operation *op, const Register &x) {
  Register out = convolved(*op, x);
  op->c_in = x.c / op->groups;
  const std::vector<int32_t> &weight = op->arrays.weight.values;
  const size_t row = weight.size() / size_t(op->c_out);
  for (size_t o = 0; o < size_t(op->c_out); o++) {
    int64_t total = 0;
    for (size_t k = 0; k < row; k++) total += std::abs(int64_t(weight[o * row + k]));
    need(total < (int64_t(1) << 31), "a sum of weights leaves int32");
  }
  return out;
}

Register subsample(const Operation &op, const Register &x) {
  int64_t h = (x.h + op.stride - 1) / op.stride, w = (x.w + op.stride - 1) / op.stride;
  return make(kWideRegister, op.before + x.c + op.after, h, w);
}

Register choose(Program *program, const Operation &op, const Register &x) {
  PlanShape &plan = program->plan;
  need(!program->has_plan() || (plan.columns == op.columns && plan.choices == op.choices),
       "choices of the plan differ in columns or candidates");
  const int64_t end = op.slot + op.layers;
  need(end <= kLargestLayers, "a slot is out of range");
  if (end > plan.layers) program->slots.resize(size_t(end), kUndecided);
  plan = {int(program->slots.size()), int(op.columns), int(op.choices)};
  for (int64_t slot = op.slot; slot < end; slot++) {
    need(program->slots[size_t(slot)] == kUndecided, "a slot is decided twice");
    program->slots[size_t(slot)] = kUnused;
  }
  int64_t count = (op.shared ? 1 : op.layers) * op.columns * op.choices;
  need(x.c == count && x.h == 1 && x.w == 1, "the values of a plan do not fit it");
  return Register{kPlanRegister, int(op.layers), int(op.columns), int(op.choices), 0, false};
}

Register budget(const Program &program, const Operation &op, const Register &x) {
  const auto &prices = op.arrays.prices.shape;
  need(op.slot < op.layers, "the slot is behind the layers");
  need(op.slot <= int64_t(program.slots.size()), "a slot is not decided before it is used");
  for (int64_t slot = 0; slot < op.slot; slot++)
    need(program.slots[size_t(slot)] != kUndecided, "a slot is not decided before it is used");
  if (op.slot > 0) {
    const int inputs = program.plan.columns > 1 ? program.plan.choices : 1;
    need(prices[1] == program.plan.choices && prices[2] == inputs,
         "prices of other choices than the plan's");
  }
  need(program.budget < 0 || program.budget == op.budget, "budgets differ");
  Wide128 most = 0;
  for (size_t c = 0; c < op.arrays.asked.values.size(); c++)
    most = std::max(most, Wide128(std::abs(int64_t(op.arrays.asked.values[c]))) +
                              std::abs(int64_t(op.arrays.spent.values[c])));
  const Wide128 half = (Wide128(1) << op.shift) >> 1;
  need(most * op.range + half < (Wide128(1) << 62), "the weighed budget may leave 63 bits");
  return make(kWideRegister, x.c, x.h, x.w);
}

Register checked(Program *program, int i) {
  Operation &op = program->operations[size_t(i)];
  if (op.kind == kInput) return input(*program, op);
  const Register &x = program->operations[size_t(op.x)].out;
  switch (op.kind) {
    case kQuantise:
      return quantise(*program, op, x);
    case kBucketise:
      return bucketise(op, x);
    case kConv:
      return conv(program, op, i, x);
    case kWide:
      return wide(&op, x);
    case kAffine:
      affine_range(op, Wide128(1) << 31);
      return x;
    case kAdd: {
      const Register &y = program->operations[size_t(op.y)].out;
      need(x.c == y.c && x.h == y.h && x.w == y.w, "registers of different shapes are added");
      ordered(op);
      return x;
    }
    case kPool:
      need(op.bins <= std::min(x.h, x.w), "bins out of range");
      return make(kWideRegister, x.c, op.bins, op.bins);
    case kMaxPool:
      need(op.padding < op.kernel, "padding of a whole window");
      return windows(op, x, x.c);
    case kSubsample:
      return subsample(op, x);
    case kBudget: {
      const Register out = budget(*program, op, x);
      program->budget = op.budget;
      return out;
    }
    default:
      return choose(program, op, x);
  }
}

}  // namespace

void check_operation(Program *program, int i) {
  try {
    Register out = checked(program, i);
    program->operations[size_t(i)].out = out;
    program->values += int64_t(out.c) * out.h * out.w;
    need(program->values <= kLargestProgram, "too many values in registers");
    bound_operation(program, i);
  } catch (const BadArtefact &bad) {
    refuse(i, program->operations[size_t(i)], bad.what());
  }
}

void check_whole(Program *program) {
  const Register &last = program->operations.back().out;
  need(last.kind == kWideRegister && last.h == 1 && last.w == 1,
       "the last operation does not give logits");
  for (int slot : program->slots) {
    need(slot != kUndecided, "a slot of the plan is not decided");
    need(slot != kUnused, "a slot of the plan has no convolution");
  }
  bound_memory(program);
}

}  // namespace dq
