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
// program.cc: from the tensors of an artefact to operations. Versions are those of
// engine/artefact.py, and what has changed since the first one that of engine/table.py.
#include "engine/program.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "engine/checksum.h"

namespace dq {
namespace {

constexpr int64_t kVersion = 2;
constexpr int kFieldsOfVersion1 = 15;

void need(bool condition, const std::string &otherwise) {
  if (!condition) throw BadArtefact(otherwise);
}

std::vector<int64_t> numbers_of(const StoredTensor &t) {
  std::vector<int64_t> values(t.count());
  if (!values.empty()) std::memcpy(values.data(), t.data, t.bytes);
  return values;
}

using Tensors = std::map<std::string, StoredTensor>;

// Takes a tensor of int64 out of the map, so that what is left over at the end belongs to nothing.
StoredTensor take(Tensors *tensors, const std::string &name, size_t rank,
                  const std::string &otherwise) {
  auto found = tensors->find(name);
  need(found != tensors->end(), otherwise);
  StoredTensor tensor = found->second;
  need(tensor.dtype == "I64" && tensor.shape.size() == rank && tensor.count() > 0, otherwise);
  tensors->erase(found);
  return tensor;
}

class FileArrays : public ArraySource {
 public:
  FileArrays(Tensors *tensors, int64_t version) : tensors_(tensors), version_(version) {}

  void of(int i, int kind) { prefix_ = std::to_string(i) + ".", kind_ = kind; }

  StoredTensor take(const std::string &name) override {
    auto found = tensors_->find(prefix_ + name);
    need(found != tensors_->end(), "no array " + name);
    StoredTensor tensor = found->second;
    tensors_->erase(found);
    if (version_ == 1 && kind_ == kConv && name == "bias" && tensor.shape.size() == 2)
      tensor.shape = {tensor.shape[0], 1, 1, tensor.shape[1]};
    return tensor;
  }
  bool has(const std::string &name) const override {
    return tensors_->find(prefix_ + name) != tensors_->end();
  }
  bool packs() const override { return true; }

 private:
  Tensors *tensors_;
  int64_t version_;
  std::string prefix_;
  int kind_ = 0;
};

// A row of version 1: a flag in place of the bounds, and a Choose without a slot.
std::vector<int64_t> row_of_version_1(const int64_t *old) {
  std::vector<int64_t> row(old, old + kFieldsOfVersion1);
  row.resize(kFieldsPerOperation);
  const int64_t kind = old[0];
  if (kind == kChoose) {
    row.insert(row.begin() + 2, 0);
    row.pop_back();
  } else if (kind == kConv || kind == kAffine || kind == kAdd) {
    const int low = kOperations[kind].numbers.count - 1;
    const int64_t relu = row[size_t(low)];
    need(relu == 0 || relu == 1, "relu " + std::to_string(relu) + "; allowed are 0..1");
    need(row[size_t(low) + 1] == 0, "numbers are left over");
    row[size_t(low)] = relu ? 0 : INT32_MIN;
    row[size_t(low) + 1] = INT32_MAX;
  }
  return row;
}

// Version and rows of statistics. The version comes first: of others nothing is known.
std::pair<int64_t, int> read_format(const uint8_t *file, size_t size, Tensors *tensors) {
  const StoredTensor tensor = take(tensors, "format", 1, "no format version");
  const std::vector<int64_t> form = numbers_of(tensor);
  const std::string version = std::to_string(form[0]);
  need(
      form[0] >= 1 && form[0] <= kVersion,
      "format version " + version + "; this program reads versions 1.." + std::to_string(kVersion));
  need(form.size() == (form[0] == 1 ? 2u : 3u), "no format of version " + version);
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION  // no damage would get past it
  if (form[0] > 1) {
    const int64_t found = checksum(file, size, size_t(tensor.data - file) + 2 * sizeof form[0]);
    need(found == form[2], "its content has changed since it was written (checksum " +
                               std::to_string(found) + ", in the file " + std::to_string(form[2]) +
                               ")");
  }
#endif
  need(form[1] >= 1 && form[1] <= kLargestRows, std::to_string(form[1]) +
                                                    " rows of statistics; allowed are 1.." +
                                                    std::to_string(kLargestRows));
  return {form[0], int(form[1])};
}

Operation read_row(int i, int64_t version, const int64_t *row) {
  try {
    return operation_of_row(version == 1 ? row_of_version_1(row).data() : row);
  } catch (const BadArtefact &bad) {
    throw BadArtefact("operation " + std::to_string(i) + ": " + bad.what());
  }
}

// Whether all rows of statistics, the first side of the array, hold the same.
template <class T>
bool rows_differ(const T &array) {
  if (array.values.empty()) return false;
  const size_t length = array.values.size() / size_t(array.shape[0]);
  return !std::equal(array.values.begin() + int64_t(length), array.values.end(),
                     array.values.begin());
}

// Whether its result depends on the plan or the row, if what it reads does not.
bool changes(const Operation &op) {
  if (op.kind == kBudget) return op.slot > 0;
  if (op.kind == kQuantise || op.kind == kConv)
    if (op.slot >= 0 && op.candidates() > 1) return true;
  if (op.kind != kConv && op.kind != kAffine) return false;
  return rows_differ(op.arrays.multiplier) || rows_differ(op.arrays.bias);
}

}  // namespace

std::vector<int> Operation::reads() const {
  std::vector<int> registers;
  for (const NumberRule &rule : this->rule().numbers)
    if (rule.reads != kNoRegister) registers.push_back(int(this->*rule.number));
  return registers;
}

size_t place_of(const std::vector<int64_t> &shape, int row, int w_choice, int a_choice) {
  const size_t v = size_t(std::min<int64_t>(w_choice, shape[1] - 1));
  const size_t a = size_t(std::min<int64_t>(a_choice, shape[2] - 1));
  return ((size_t(row) * size_t(shape[1]) + v) * size_t(shape[2]) + a) * size_t(shape[3]);
}

std::vector<bool> Program::needed(bool with_plan) const {
  std::vector<bool> seen(operations.size());
  std::vector<int> queue = {int(operations.size()) - 1};
  for (int i = 0; i < int(operations.size()); i++)
    if (!with_plan && operations[size_t(i)].kind == kChoose) queue.push_back(i);
  while (!queue.empty()) {
    int i = queue.back();
    queue.pop_back();
    if (seen[i]) continue;
    seen[i] = true;
    for (int r : operations[i].reads()) queue.push_back(r);
  }
  return seen;
}

int Program::steady() const {
  return int(std::find_if(operations.begin(), operations.end(), changes) - operations.begin());
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

Program read_program(const uint8_t *file, size_t size) {
  Tensors tensors = read_safetensors(file, size);
  Program program;
  int64_t version = 0;
  std::tie(version, program.rows) = read_format(file, size, &tensors);
  const StoredTensor table = take(&tensors, "program", 2, "no program");
  const int fields = version == 1 ? kFieldsOfVersion1 : kFieldsPerOperation;
  need(table.shape[1] == fields, "no program");
  need(table.shape[0] <= kLargestOperations, std::to_string(table.shape[0]) +
                                                 " operations; allowed are 1.." +
                                                 std::to_string(kLargestOperations));
  const std::vector<int64_t> numbers = numbers_of(table);
  FileArrays arrays(&tensors, version);
  for (int i = 0; i < int(table.shape[0]); i++) {
    program.operations.push_back(read_row(i, version, &numbers[size_t(i) * size_t(fields)]));
    arrays.of(i, program.operations.back().kind);
    take_arrays(&program, i, &arrays);
    check_operation(&program, i);
  }
  need(tensors.empty(), "a tensor belongs to no operation");
  check_whole(&program);
  return program;
}

}  // namespace dq
