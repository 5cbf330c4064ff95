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

constexpr int64_t kLargestSide = 4096, kLargestChannels = 65536, kLargestRegister = 1 << 28;
constexpr int64_t kLargestChoices = 16, kLargestLayers = 4096, kLargestShift = 60;
constexpr int64_t kLargestProgram = 1 << 30;  // values in all registers
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

void padded(const Operation &op, const Register &x) {
  const int64_t around = 2 * std::min<int64_t>(std::max<int64_t>(op.padding, 0), kLargestSide);
  need(x.c * (x.h + around) * (x.w + around) <= kLargestRegister, "padding is too large");
}

int64_t windows(const Operation &op, int64_t side) {
  need(within(1, op.kernel, kLargestSide) && within(1, op.stride, kLargestSide) &&
           within(0, op.padding, kLargestSide),
       "kernel, stride or padding out of range");
  need(side + 2 * op.padding >= op.kernel, "the window is larger than the image");
  return (side + 2 * op.padding - op.kernel) / op.stride + 1;
}

Register convolved(const Operation &op, const Register &x) {
  need(within(1, op.groups, kLargestChannels) && within(1, op.c_out, kLargestChannels),
       "groups or channels out of range");
  need(x.c % op.groups == 0 && op.c_out % op.groups == 0, "groups do not divide the channels");
  need(op.c_in == x.c / op.groups, "channels of a group do not fit");
  padded(op, x);
  return make(kWideRegister, op.c_out, windows(op, x.h), windows(op, x.w));
}

void flag(int64_t value) { need(value == 0 || value == 1, "a flag is not 0 or 1"); }
void shift(int64_t value) { need(within(1, value, kLargestShift), "a shift is out of range"); }

// candidates 0: any number of them.
void slot(const Program &program, int64_t slot, std::initializer_list<int64_t> columns,
          size_t candidates) {
  if (slot < 0) return;
  need(program.chooser >= 0, "a dynamic operation comes before the plan");
  const Register &plan = program.plan();
  need(slot < plan.c, "a slot is out of range");
  for (int64_t column : columns) need(within(0, column, plan.h - 1), "a column is out of range");
  need(candidates == 0 || int64_t(candidates) == plan.w, "candidates differ from the plan's");
}

int64_t largest(const std::vector<int32_t> &values) {
  int64_t out = 0;
  for (int32_t v : values) out = std::max(out, std::abs(int64_t(v)));
  return out;
}

// `acc` times a multiplier, plus a bias, plus half a unit: all below 2^62.
void affine_range(const Operation &op, Wide128 acc) {
  Wide128 bias = 0;
  for (int64_t b : op.bias) {
    Wide128 magnitude = b < 0 ? -Wide128(b) : Wide128(b);
    bias = std::max(bias, magnitude);
  }
  Wide128 half = (Wide128(1) << op.shift) >> 1;
  need(acc * largest(op.multiplier) + bias + half < (Wide128(1) << 62),
       "multiplier and bias may leave 63 bits");
}

Register input(const Program &program, const Operation &op) {
  const Operation &first = program.operations[0];
  need(op.height == first.height && op.width == first.width, "images of two sizes");
  need(op.bits == 0 || within(2, op.bits, 8), "codes of strange width");
  for (int32_t v : op.values)
    need(!op.bits || (v >= -(1 << (op.bits - 1)) && v < (1 << (op.bits - 1))),
         "the table leaves the codes");
  return make(op.bits ? kCodesRegister : kWideRegister, 3, op.height, op.width, int(op.bits), true);
}

Register quantise(const Program &program, const Operation &op, const Register &x) {
  shift(op.shift);
  flag(op.is_signed);
  const size_t variants = op.a_bits.size();
  need(within(1, int64_t(variants), kLargestChoices), "too many variants");
  need(op.multiplier.size() == variants, "multipliers and widths differ in number");
  need(variants == 1 || op.slot >= 0, "several candidates and no slot");
  slot(program, op.slot, {op.column}, variants > 1 ? variants : 0);
  need(largest(op.multiplier) < (1 << 30), "a multiplier of 2^30 or more");
  int bits = *std::max_element(op.a_bits.begin(), op.a_bits.end());
  return make(kCodesRegister, x.c, x.h, x.w, bits, op.is_signed);
}

void children(const Operation &op, const Register &x) {
  need(!x.is_signed && x.bits == op.master, "the input is not of the master's width");
  for (size_t k = 0; k < op.w_bits.size(); k++)
    need(within(2, op.w_bits[k], op.master) && within(2, op.a_bits[k], op.master),
         "a width is not one of the master's children");
  need(!op.odd, "odd codes have no children");
}

int64_t largest_weight(const Operation &op) {
  if (op.master) return int64_t(1) << (op.master - 1);
  int64_t out = 0;
  for (const auto &weight : op.weights)
    for (int8_t w : weight) out = std::max(out, std::abs(int64_t(w)));
  return op.odd ? 2 * out + 1 : out;
}

Register conv(Program *program, const Operation &op, int i, const Register &x) {
  flag(op.odd);
  flag(op.relu);
  shift(op.shift);
  size_t choices = op.w_bits.size();
  need(within(1, int64_t(choices), kLargestChoices), "too many candidates");
  need(choices == 1 || op.slot >= 0, "several candidates and no slot");
  slot(*program, op.slot, {op.w_column, op.a_column}, choices);
  if (op.slot >= 0) {
    int &taken = program->slot_of_layer[size_t(op.slot)];
    need(taken < 0, "a slot is taken twice");
    taken = i;
  }
  Register out = convolved(op, x);
  if (op.master) children(op, x);
  bool untied = !op.master && op.slot >= 0 && op.inputs == int(choices);
  need(op.inputs == 1 || untied, "multiplier of the wrong shape");
  need(op.multiplier.size() ==
           size_t(program->rows) * op.variants * size_t(op.inputs) * size_t(op.c_out),
       "multiplier of the wrong shape");
  int64_t values = op.c_in * op.kernel * op.kernel;
  int64_t acc = values * largest_weight(op) << x.bits;
  need(acc < (int64_t(1) << 31), "the sum of a convolution may leave int32");
  affine_range(op, acc);
  return out;
}

Register wide(const Operation &op, const Register &x) {
  need(within(0, op.shift, kLargestShift), "a shift is out of range");
  Register out = convolved(op, x);
  size_t row = op.values.size() / size_t(op.c_out);
  for (size_t o = 0; o < size_t(op.c_out); o++) {
    int64_t total = 0;
    for (size_t k = 0; k < row; k++) total += std::abs(int64_t(op.values[o * row + k]));
    need(total < (int64_t(1) << 31), "a sum of weights leaves int32");
  }
  return out;
}

Register affine(const Program &program, const Operation &op, const Register &x) {
  flag(op.relu);
  shift(op.shift);
  need(op.c_out == x.c && op.multiplier.size() == size_t(program.rows) * size_t(x.c),
       "multiplier of the wrong shape");
  affine_range(op, Wide128(1) << 31);
  return x;
}

Register subsample(const Operation &op, const Register &x) {
  need(within(1, op.stride, kLargestSide), "a stride is out of range");
  need(within(0, op.before, kLargestChannels) && within(0, op.after, kLargestChannels),
       "channels of zeros out of range");
  int64_t h = (x.h + op.stride - 1) / op.stride, w = (x.w + op.stride - 1) / op.stride;
  return make(kWideRegister, op.before + x.c + op.after, h, w);
}

Register choose(Program *program, const Operation &op, int i, const Register &x) {
  need(program->chooser < 0, "a second plan");
  flag(op.shared);
  need(within(1, op.layers, kLargestLayers) && within(1, op.columns, 2) &&
           within(2, op.choices, kLargestChoices),
       "a plan out of range");
  int64_t count = (op.shared ? 1 : op.layers) * op.columns * op.choices;
  need(x.c == count && x.h == 1 && x.w == 1, "the values of a plan do not fit it");
  program->chooser = i;
  program->slot_of_layer.assign(size_t(op.layers), -1);
  return Register{kPlanRegister, int(op.layers), int(op.columns), int(op.choices), 0, false};
}

Register checked(Program *program, int i) {
  Operation &op = program->operations[size_t(i)];
  for (int r : op.reads()) need(r >= 0 && r < i, "a register is not written before it");
  if (op.kind == kInput) return input(*program, op);
  const Register &x = program->operations[size_t(op.x)].out;
  need(x.kind == (op.kind == kConv ? kCodesRegister : kWideRegister), "a register of another kind");
  switch (op.kind) {
    case kQuantise:
      return quantise(*program, op, x);
    case kConv:
      return conv(program, op, i, x);
    case kWide:
      return wide(op, x);
    case kAffine:
      return affine(*program, op, x);
    case kAdd: {
      const Register &y = program->operations[size_t(op.y)].out;
      need(y.kind == kWideRegister, "a register of another kind");
      need(x.c == y.c && x.h == y.h && x.w == y.w, "registers of different shapes are added");
      flag(op.relu);
      return x;
    }
    case kPool:
      need(within(1, op.bins, std::min(x.h, x.w)), "bins out of range");
      return make(kWideRegister, x.c, op.bins, op.bins);
    case kMaxPool:
      need(op.padding < op.kernel, "padding of a whole window");
      padded(op, x);
      return make(kWideRegister, x.c, windows(op, x.h), windows(op, x.w));
    case kSubsample:
      return subsample(op, x);
    default:
      return choose(program, op, i, x);
  }
}

}  // namespace

void check_operation(Program *program, int i) {
  try {
    Register out = checked(program, i);
    program->operations[size_t(i)].out = out;
    bound_operation(program, i);
  } catch (const BadArtefact &bad) {
    throw BadArtefact("operation " + std::to_string(i) + ": " + bad.what());
  }
}

void check_program(Program *program) {
  int64_t values = 0;
  for (int i = 0; i < int(program->operations.size()); i++) {
    check_operation(program, i);
    const Register &r = program->operations[size_t(i)].out;
    values += int64_t(r.c) * r.h * r.w;
    need(values <= kLargestProgram, "too many values in registers");
  }
  const Register &last = program->operations.back().out;
  need(last.kind == kWideRegister && last.h == 1 && last.w == 1,
       "the last operation does not give logits");
  for (int layer : program->slot_of_layer)
    need(layer >= 0, "a layer of the plan has no convolution");
  bound_memory(program);
}

}  // namespace dq
