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
// program.cc: from the tensors of an artefact to operations.
#include "engine/program.h"

#include <cstring>

namespace dq {
namespace {

constexpr int64_t kVersion = 1;
constexpr int kFieldsPerOperation = 15;
constexpr int64_t kLargestOperations = 65536;
constexpr int64_t kLargestNumber = int64_t(1) << 31;
constexpr size_t kLargestWeights = size_t(1) << 28;  // of an array

using Field = int64_t Operation::*;
using O = Operation;

// The numbers of each kind of operation, in the order of program.py's fields.
const std::vector<Field> kFields[kKinds] = {
    {&O::height, &O::width, &O::bits},
    {&O::x, &O::shift, &O::is_signed, &O::slot, &O::column},
    {&O::x, &O::c_out, &O::c_in, &O::kernel, &O::stride, &O::padding, &O::groups, &O::slot,
     &O::w_column, &O::a_column, &O::master, &O::odd, &O::shift, &O::relu},
    {&O::x, &O::c_out, &O::kernel, &O::stride, &O::padding, &O::groups, &O::shift},
    {&O::x, &O::shift, &O::relu},
    {&O::x, &O::y, &O::relu},
    {&O::x, &O::bins},
    {&O::x, &O::kernel, &O::stride, &O::padding},
    {&O::x, &O::stride, &O::before, &O::after},
    {&O::x, &O::layers, &O::columns, &O::choices, &O::shared},
};

std::string at(int i, const std::string &what) {
  return "operation " + std::to_string(i) + ": " + what;
}

template <class T>
std::vector<T> values_of(const StoredTensor &t) {
  std::vector<T> values(t.count());
  if (!values.empty()) std::memcpy(values.data(), t.data, t.bytes);
  return values;
}

using Tensors = std::map<std::string, StoredTensor>;

// Takes a tensor out of the map, so that what is left over at the end belongs to nothing.
StoredTensor take(Tensors *tensors, const std::string &name, const char *dtype, size_t rank) {
  auto found = tensors->find(name);
  if (found == tensors->end()) throw BadArtefact("no tensor " + name);
  StoredTensor tensor = found->second;
  if (tensor.dtype != dtype || tensor.shape.size() != rank || tensor.count() == 0)
    throw BadArtefact("tensor " + name + " has the wrong type or shape");
  tensors->erase(found);
  return tensor;
}

void need(bool condition, const std::string &otherwise) {
  if (!condition) throw BadArtefact(otherwise);
}

std::vector<int> small(const std::vector<int64_t> &values, const std::string &what) {
  std::vector<int> out;
  for (int64_t v : values) {
    need(v >= 1 && v <= 8, what + ": a width outside 1..8");
    out.push_back(int(v));
  }
  return out;
}

// Codes of `bits` bits, low bits first, offset by 2^(bits-1).
std::vector<int8_t> unpack(const StoredTensor &t, int bits, size_t count, const std::string &what) {
  need(t.bytes == (count * size_t(bits) + 7) / 8, what + ": packed weights of the wrong size");
  std::vector<int8_t> codes(count);
  for (size_t i = 0; i < count; i++) {
    size_t bit = i * size_t(bits);
    unsigned window = t.data[bit / 8];
    if (bit / 8 + 1 < t.bytes) window |= unsigned(t.data[bit / 8 + 1]) << 8;
    unsigned code = (window >> (bit % 8)) & ((1u << bits) - 1);
    codes[i] = int8_t(int(code) - (1 << (bits - 1)));
  }
  return codes;
}

size_t product(std::initializer_list<int64_t> sizes, const std::string &what) {
  size_t total = 1;
  for (int64_t n : sizes) {
    need(n >= 1, what + ": a size is out of range");  // and at most kLargestNumber, as all numbers
    total *= size_t(n);
    need(total <= kLargestWeights, what + ": too many weights");
  }
  return total;
}

void read_conv(int i, Operation *op, Tensors *tensors) {
  const std::string name = std::to_string(i) + ".";
  StoredTensor bits = take(tensors, name + "bits", "I64", 2);
  need(bits.shape[0] == 2, at(i, "widths of the wrong shape"));
  std::vector<int> both = small(values_of<int64_t>(bits), at(i, "convolution"));
  op->w_bits.assign(both.begin(), both.begin() + bits.shape[1]);
  op->a_bits.assign(both.begin() + bits.shape[1], both.end());
  need(op->master == 0 || (op->master >= 2 && op->master <= 8), at(i, "a master of strange width"));
  size_t count = product({op->c_out, op->c_in, op->kernel, op->kernel}, at(i, "convolution"));
  size_t variants = op->master ? 1 : op->w_bits.size();
  for (size_t v = 0; v < variants; v++) {
    StoredTensor packed = take(tensors, name + "weight." + std::to_string(v), "U8", 1);
    int width = op->master ? int(op->master) : op->w_bits[v];
    op->weights.push_back(unpack(packed, width, count, at(i, "convolution")));
  }
  StoredTensor multiplier = take(tensors, name + "multiplier", "I32", 4);
  StoredTensor bias = take(tensors, name + "bias", "I64", 2);
  op->variants = int(variants);
  op->inputs = int(multiplier.shape[2]);
  op->multiplier = values_of<int32_t>(multiplier);
  op->bias = values_of<int64_t>(bias);
  need(multiplier.shape[1] == int64_t(variants) && multiplier.shape[3] == op->c_out &&
           bias.shape[1] == op->c_out && bias.shape[0] == multiplier.shape[0],
       at(i, "multiplier or bias of the wrong shape"));
}

void read_arrays(int i, Operation *op, Tensors *tensors) {
  const std::string name = std::to_string(i) + ".";
  switch (op->kind) {
    case kInput: {
      StoredTensor table = take(tensors, name + "table", "I32", 2);
      need(table.shape[0] == 3 && table.shape[1] == 256, at(i, "a table of the wrong shape"));
      op->values = values_of<int32_t>(table);
      break;
    }
    case kQuantise:
      op->a_bits =
          small(values_of<int64_t>(take(tensors, name + "bits", "I64", 1)), at(i, "codes"));
      op->multiplier = values_of<int32_t>(take(tensors, name + "multiplier", "I32", 1));
      break;
    case kConv:
      read_conv(i, op, tensors);
      break;
    case kWide: {
      StoredTensor weight = take(tensors, name + "weight", "I32", 4);
      need(weight.shape[0] == op->c_out && weight.shape[2] == op->kernel &&
               weight.shape[3] == op->kernel,
           at(i, "weights of the wrong shape"));
      op->c_in = weight.shape[1];
      op->values = values_of<int32_t>(weight);
      break;
    }
    case kAffine: {
      StoredTensor multiplier = take(tensors, name + "multiplier", "I32", 2);
      StoredTensor bias = take(tensors, name + "bias", "I64", 2);
      need(multiplier.shape == bias.shape, at(i, "multiplier and bias differ in shape"));
      op->c_out = multiplier.shape[1];
      op->multiplier = values_of<int32_t>(multiplier);
      op->bias = values_of<int64_t>(bias);
      break;
    }
    default:
      break;
  }
}

}  // namespace

std::vector<int> Operation::reads() const {
  if (kind == kInput) return {};
  if (kind == kAdd) return {int(x), int(y)};
  return {int(x)};
}

size_t Operation::multiplier_at(int row, int w_choice, int a_choice) const {
  size_t v = size_t(w_choice < variants ? w_choice : variants - 1);
  size_t a = size_t(a_choice < inputs ? a_choice : inputs - 1);
  return ((size_t(row) * variants + v) * inputs + a) * size_t(c_out);
}

std::vector<bool> Program::needed(bool with_plan) const {
  std::vector<bool> seen(operations.size());
  std::vector<int> queue = {int(operations.size()) - 1};
  if (!with_plan && chooser >= 0) queue.push_back(chooser);
  while (!queue.empty()) {
    int i = queue.back();
    queue.pop_back();
    if (seen[i]) continue;
    seen[i] = true;
    for (int r : operations[i].reads()) queue.push_back(r);
  }
  return seen;
}

std::vector<int> Program::last_use(const std::vector<bool> &needed) const {
  std::vector<int> last(operations.size(), -1);
  for (int i = 0; i < int(operations.size()); i++) {
    if (!needed[i]) continue;
    for (int r : operations[i].reads()) last[r] = i;
  }
  last.back() = int(operations.size());
  return last;
}

Operation operation_of_row(int i, const int64_t *row) {
  need(row[0] >= 0 && row[0] < kKinds, at(i, "unknown code"));
  Operation op;
  op.kind = int(row[0]);
  const std::vector<Field> &names = kFields[op.kind];
  for (size_t f = 0; f + 1 < kFieldsPerOperation; f++) {
    int64_t number = row[f + 1];
    need(number >= -1 && number <= kLargestNumber, at(i, "a number is out of range"));
    if (f < names.size()) {
      op.*names[f] = number;
    } else {
      need(number == 0, at(i, "numbers are left over"));
    }
  }
  return op;
}

Program read_program(const uint8_t *file, size_t size) {
  Tensors tensors = read_safetensors(file, size);
  auto form = values_of<int64_t>(take(&tensors, "format", "I64", 1));
  need(form.size() == 2, "no format version");
  need(form[0] == kVersion, "format version " + std::to_string(form[0]) +
                                "; this engine reads version " + std::to_string(kVersion));
  need(form[1] >= 1 && form[1] <= 64, "rows of statistics out of range");
  StoredTensor table = take(&tensors, "program", "I64", 2);
  need(table.shape[1] == kFieldsPerOperation, "operations of the wrong length");
  need(table.shape[0] <= kLargestOperations, "too many operations");
  auto numbers = values_of<int64_t>(table);
  Program program;
  program.rows = int(form[1]);
  for (int i = 0; i < int(table.shape[0]); i++) {
    program.operations.push_back(operation_of_row(i, &numbers[size_t(i) * kFieldsPerOperation]));
    read_arrays(i, &program.operations.back(), &tensors);
  }
  need(tensors.empty(), "a tensor belongs to no operation");
  check_program(&program);
  return program;
}

}  // namespace dq
