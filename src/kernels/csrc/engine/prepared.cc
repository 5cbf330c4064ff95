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
// prepared.cc: packs weights, and folds what a Conv does with a sum into the form of Finish.
#include "engine/prepared.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/plan.h"

namespace dq {
namespace {

// The codes of a choice: the stored ones, odd ones as 2 c + 1, or a child of the master. What has
// to be made is kept in `made`.
const int8_t *codes_of(const Operation &op, int choice, std::vector<int8_t> *made) {
  const std::vector<int8_t> &stored = op.arrays.weights[op.master ? 0 : size_t(choice)].values;
  const int drop = op.master ? int(op.master) - op.w_bits(choice) : 0;
  if (!op.odd && !drop) return stored.data();
  made->resize(stored.size());
  const int half = (1 << drop) >> 1, top = (1 << (op.w_bits(choice) - 1)) - 1;
  for (size_t i = 0; i < stored.size(); i++) {
    const int child = std::min((stored[i] + half) >> drop, top);  // the least cannot be passed
    (*made)[i] = int8_t(op.odd ? 2 * stored[i] + 1 : child);
  }
  return made->data();
}

// The smallest and largest value of each channel's sum.
void bound_sums(const CodeConv &c, std::vector<int64_t> *least, std::vector<int64_t> *most) {
  const size_t size = size_t(c.c_in) * c.kernel * c.kernel;
  for (int o = 0; o < c.c_out; o++) {
    const int8_t *w = c.weight + o * size;
    int32_t sum = 0, magnitudes = 0;  // of at most 2^24 weights: a sum of products fits int32
    for (size_t i = 0; i < size; i++) {
      sum += w[i];
      magnitudes += w[i] < 0 ? -w[i] : w[i];
    }
    const int64_t positive = (int64_t(magnitudes) + sum) / 2, negative = sum - positive;
    most->push_back(positive * c.code_high + negative * c.code_low);
    least->push_back(positive * c.code_low + negative * c.code_high);
  }
}

}  // namespace

PreparedConvs::PreparedConvs(const Program &program, int i, const KernelChoice &choice,
                             Blocks *memory)
    : program_(program), op_(program.operations[size_t(i)]), choice_(choice), memory_(memory) {
  const size_t cells = size_t(program.rows) * op_.candidates() * op_.candidates();
  ready_.reset(new std::atomic<const PreparedConv *>[cells]);
  for (size_t cell = 0; cell < cells; cell++) ready_[cell].store(nullptr);
}

PreparedConvs::~PreparedConvs() = default;

const PreparedConv &PreparedConvs::get(int row, int w_choice, int a_choice) {
  const size_t count = size_t(op_.candidates());
  auto &ready = ready_[(row * count + w_choice) * count + a_choice];
  const PreparedConv *found = ready.load(std::memory_order_acquire);
  if (found) return *found;
  std::lock_guard<std::mutex> hold(making_);
  if ((found = ready.load())) return *found;
  made_.push_back(make(row, w_choice, a_choice));
  ready.store(made_.back().get(), std::memory_order_release);
  return *made_.back();
}

const PreparedConvs::Weights &PreparedConvs::weights(const CodeConv &conv, int w_choice) {
  for (const auto &w : weights_)
    if (w->w_choice == w_choice && w->code_low == conv.code_low && w->code_high == conv.code_high)
      return *w;
  auto made = std::make_unique<Weights>();
  std::vector<int8_t> codes;
  CodeConv whole = conv;
  whole.weight = codes_of(op_, w_choice, &codes);
  made->w_choice = w_choice;
  made->code_low = conv.code_low;
  made->code_high = conv.code_high;
  bound_sums(whole, &made->least, &made->most);
  made->packing = &packing(whole, w_choice);
  weights_.push_back(std::move(made));
  return *weights_.back();
}

// Packed anew, or what was packed into the same bytes before.
const PreparedConvs::Packing &PreparedConvs::packing(const CodeConv &conv, int w_choice) {
  const ConvKernel *kernel = choice_.of(conv, op_.w_bits(w_choice));
  const size_t size = kernel->packed_bytes(conv);
  if (spare_.size < size) spare_ = {memory_->take(size), size};
  kernel->pack(conv, spare_.data);
  for (const auto &p : packings_)
    if (p->kernel == kernel && p->block.size == size &&
        !std::memcmp(p->block.data, spare_.data, size))
      return *p;
  packings_.push_back(std::make_unique<Packing>(Packing{kernel, {spare_.data, size}}));
  spare_ = {};
  return *packings_.back();
}

CodeConv PreparedConvs::code_conv(int a_choice) const {
  const Register &x = program_.operations[size_t(op_.x)].out;
  const CodeRange codes = codes_read(program_, op_, a_choice);
  return {int(op_.c_in),
          int(op_.c_out),
          int(op_.groups),
          int(op_.kernel),
          int(op_.stride),
          int(op_.padding),
          x.h,
          x.w,
          op_.out.h,
          op_.out.w,
          codes.low,
          codes.high,
          nullptr};
}

std::string PreparedConvs::key(int w_choice, int a_choice) const {
  return KernelChoice::key(code_conv(a_choice), op_.w_bits(w_choice));
}

std::unique_ptr<PreparedConv> PreparedConvs::make(int row, int w_choice, int a_choice) {
  auto made = std::make_unique<PreparedConv>();
  CodeConv &c = made->conv;
  c = code_conv(a_choice);
  const Weights &w = weights(c, w_choice);
  made->kernel = w.packing->kernel;
  made->packed = w.packing->block.data;
  made->least = w.least.data();
  made->most = w.most.data();

  const int64_t *bias =
      &op_.arrays.bias.values[place_of(op_.arrays.bias.shape, row, w_choice, a_choice)];
  const int32_t *multiplier =
      &op_.arrays.multiplier.values[place_of(op_.arrays.multiplier.shape, row, w_choice, a_choice)];
  const int drop = op_.master ? int(op_.master) - op_.w_bits(w_choice) : 0;
  const int left = drop + child_shift(op_, a_choice), right = int(op_.shift);
  // ((sum << left) m + b) >> right: what both shifts have in common is taken off the bias.
  const int common = std::min(left, right);
  const int64_t half = int64_t(1) << (right - 1);
  made->left = left - common;
  made->right = right - common;
  made->multiplier.assign(size_t(c.blocks()) * kChannelBlock, 0);
  made->bias = made->multiplier;
  made->narrow = made->right <= 32;
  int64_t low = 0, high = 0;
  for (int o = 0; o < c.c_out; o++) {
    const size_t at = size_t(even_first(c.place_of(o)));
    made->multiplier[at] = multiplier[o];
    made->bias[at] = (bias[o] + half) >> common;
    for (int64_t sum : {w.least[o], w.most[o]}) {
      const int64_t v =
          ((sum * (int64_t(1) << made->left)) * multiplier[o] + made->bias[at]) >> made->right;
      low = std::min(low, v);
      high = std::max(high, v);
    }
  }
  made->narrow = made->narrow && low >= INT32_MIN && high <= INT32_MAX;
  if (made->narrow) made->reach = {int32_t(low), int32_t(high)};
  return made;
}

}  // namespace dq
