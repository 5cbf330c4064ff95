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
// structure.cc: the structural rules of a program, which follow from the declaration of its
// operations; the same, in the same words, as engine/structure.py.
#include <algorithm>
#include <cstring>

#include "engine/program.h"

namespace dq {
namespace {

constexpr size_t kLargestWeights = size_t(1) << 28;  // of an array

void need(bool condition, const std::string &otherwise) {
  if (!condition) throw BadArtefact(otherwise);
}

std::string allowed(int64_t low, int64_t high) {
  return "; allowed are " + std::to_string(low) + ".." + std::to_string(high);
}

const char *kind_name(RegisterKind kind) {
  return kind == kCodesRegister ? "codes" : kind == kWideRegister ? "wide" : "plan";
}

std::string type_name(const std::string &stored) {  // I32 -> int32
  return (stored[0] == 'U' ? "uint" : "int") + stored.substr(1);
}

// The sizes that an array's sides may have, and the operation that it belongs to.
struct Sizes {
  const Operation &op;
  int64_t rows, channels;
  int64_t candidates = 0, levels = 0;  // 0: not known yet
};

std::string shown(const StoredTensor &t) {
  std::string text = type_name(t.dtype) + " (";
  for (size_t i = 0; i < t.shape.size(); i++) text += (i ? ", " : "") + std::to_string(t.shape[i]);
  return text + (t.shape.size() == 1 ? ",)" : ")");
}

bool fits(const Side &wanted, int64_t side, const Sizes &sizes) {
  if (wanted.size) return side == wanted.size;
  if (wanted.number) return side == sizes.op.*wanted.number;
  switch (wanted.letter) {
    case 'R':
      return side == sizes.rows;
    case 'C':
      return side == sizes.channels;
    case 'I':
      return side == sizes.channels / std::max<int64_t>(sizes.op.groups, 1);
    case 'K':
      return side == sizes.candidates;
    case 'L':
      return side == sizes.levels;
    default:
      return side == 1 || side == sizes.candidates;
  }
}

void check_form(const std::string &name, const StoredTensor &t, const ArrayRule &rule,
                const char *dtype, Sizes *sizes) {
  const std::string found = name + " is " + shown(t) + "; expected " + rule.form;
  need(t.dtype == dtype && t.shape.size() == size_t(rule.shape.count) && t.count() > 0, found);
  for (int i = 0; i < rule.shape.count; i++) {
    const int64_t side = t.shape[size_t(i)];
    if (rule.shape.items[i].letter == 'K' && !sizes->candidates) {
      need(side <= kLargestChoices,
           std::to_string(side) + " candidates" + allowed(1, kLargestChoices));
      sizes->candidates = side;
    }
    if (rule.shape.items[i].letter == 'L' && !sizes->levels) {
      need(side <= kLargestLevels, std::to_string(side) + " levels" + allowed(1, kLargestLevels));
      sizes->levels = side;
    }
    need(fits(rule.shape.items[i], side, *sizes), found);
  }
}

template <class T>
Array<T> values_of(const std::string &name, const StoredTensor &t, const ArrayRule &rule) {
  Array<T> array{t.shape, std::vector<T>(t.count())};
  std::memcpy(array.values.data(), t.data, t.bytes);
  const auto ends = std::minmax_element(array.values.begin(), array.values.end());
  const int64_t least = *ends.first, value = least < rule.low ? least : int64_t(*ends.second);
  need(rule.low <= value && value <= rule.high,
       name + " holds " + std::to_string(value) + allowed(rule.low, rule.high));
  return array;
}

// Eight codes, a byte each, of words of as many bytes as a code has bits: low bits first, offset by
// 2^(bits-1). Halves are moved apart, then their halves, then single codes.
class Spread {
 public:
  explicit Spread(int bits)
      : bits_(bits),
        four_((uint64_t(1) << 4 * bits) - 1),
        two_(((uint64_t(1) << 2 * bits) - 1) * 0x100000001u),
        one_(((uint64_t(1) << bits) - 1) * 0x1000100010001u),
        below_zero_((kSign - (1 << (bits - 1))) * kBytes) {}

  uint64_t operator()(uint64_t word) const {
    word = (word & four_) | (word >> 4 * bits_ & four_) << 32;
    word = (word & two_) | (word & two_ << 2 * bits_) << (16 - 2 * bits_);
    word = (word & one_) | (word & one_ << bits_) << (8 - bits_);
    return (word + below_zero_) ^ kSign * kBytes;
  }

 private:
  static constexpr uint64_t kBytes = 0x101010101010101u, kSign = 128;
  const int bits_;
  const uint64_t four_, two_, one_, below_zero_;
};

// Codes of `bits` bits.
Array<int8_t> unpack(const std::string &name, const StoredTensor &t, int bits,
                     const std::vector<int64_t> &shape) {
  size_t count = 1;
  for (int64_t n : shape) {  // each at most 65536
    count *= size_t(n);
    need(count <= kLargestWeights, "too many weights");
  }
  need(t.dtype == "U8" && t.shape.size() == 1 && t.bytes == (count * size_t(bits) + 7) / 8,
       name + ": " + shown(t) + " cannot hold " + std::to_string(count) + " codes of " +
           std::to_string(bits) + " bits");
  Array<int8_t> codes{shape, std::vector<int8_t>(count)};
  const Spread spread(bits);
  const uint8_t *from = t.data, *const end = t.data + t.bytes;
  uint64_t word = 0;
  size_t i = 0;
  for (; end - from >= ptrdiff_t(sizeof word); i += 8, from += bits) {  // then eight codes are left
    std::memcpy(&word, from, sizeof word);
    word = spread(word);
    std::memcpy(&codes.values[i], &word, sizeof word);
  }
  for (; i < count; i += 8, from += bits) {
    word = 0;
    std::memcpy(&word, from, size_t(end - from));
    word = spread(word);
    std::memcpy(&codes.values[i], &word, std::min(sizeof word, count - i));
  }
  return codes;
}

void take_weights(Operation *op, const ArrayRule &rule, ArraySource *source, Sizes *sizes) {
  for (size_t v = 0; v < op->stored(); v++) {
    const std::string name = std::string(rule.name) + "." + std::to_string(v);
    const StoredTensor tensor = source->take(name);
    if (source->packs()) {
      const std::vector<int64_t> shape = {op->c_out, op->c_in, op->kernel, op->kernel};
      op->arrays.weights.push_back(unpack(name, tensor, op->stored_bits(v), shape));
    } else {
      check_form(name, tensor, rule, "I8", sizes);
      op->arrays.weights.push_back(values_of<int8_t>(name, tensor, rule));
    }
  }
}

// Of a file's convolution with levels: its weights, which are indices as yet, become levels.
void expand(Operation *op) {
  const std::vector<int32_t> &levels = op->arrays.levels.values;
  for (size_t v = 0; v < op->arrays.weights.size(); v++) {
    const int offset = 1 << (op->stored_bits(v) - 1);
    for (int8_t &w : op->arrays.weights[v].values) {
      const size_t index = size_t(int(w) + offset);
      need(index < levels.size(), "weight." + std::to_string(v) + ": index " +
                                      std::to_string(index) + " of " +
                                      std::to_string(levels.size()) + " levels");
      w = int8_t(levels[index]);
    }
  }
}

void take(Program *program, int i, ArraySource *source) {
  Operation &op = program->operations[size_t(i)];
  for (const NumberRule &rule : op.rule().numbers) {
    const int64_t value = op.*rule.number;
    need(rule.low <= value && value <= rule.high,
         std::string(rule.name) + " " + std::to_string(value) + allowed(rule.low, rule.high));
  }
  for (const NumberRule &rule : op.rule().numbers) {
    if (rule.reads == kNoRegister) continue;
    const int64_t place = op.*rule.number;
    const std::string which = std::string(rule.name) + ": register " + std::to_string(place);
    need(place < i, which + " is not written before it");
    const RegisterKind kind = program->operations[size_t(place)].out.kind;
    need(kind == rule.reads, which + " is " + kind_name(kind) + ", not " + kind_name(rule.reads));
  }
  Sizes sizes{op, program->rows, op.reads().empty() ? 0 : program->operations[size_t(op.x)].out.c};
  for (const ArrayRule &rule : op.rule().arrays) {
    if (!rule.int32 && !rule.int64) {
      take_weights(&op, rule, source, &sizes);
      continue;
    }
    if (rule.optional && !source->has(rule.name)) continue;
    const StoredTensor tensor = source->take(rule.name);
    check_form(rule.name, tensor, rule, rule.int32 ? "I32" : "I64", &sizes);
    if (rule.int32) {
      op.arrays.*rule.int32 = values_of<int32_t>(rule.name, tensor, rule);
    } else {
      op.arrays.*rule.int64 = values_of<int64_t>(rule.name, tensor, rule);
    }
  }
  if (op.has_level_weights() && source->packs()) expand(&op);
}

}  // namespace

void refuse(int i, const Operation &op, const std::string &what) {
  throw BadArtefact("operation " + std::to_string(i) + " (" + op.rule().name + "): " + what);
}

Operation operation_of_row(const int64_t *row) {
  need(row[0] >= 0 && row[0] < kKinds, "unknown code " + std::to_string(row[0]));
  Operation op;
  op.kind = int(row[0]);
  const auto &numbers = op.rule().numbers;
  for (int f = 0; f + 1 < kFieldsPerOperation; f++) {
    if (f < numbers.count) {
      op.*numbers.items[f].number = row[f + 1];
    } else {
      need(row[f + 1] == 0,
           std::string(op.rule().name) + " has only " + std::to_string(numbers.count) + " numbers");
    }
  }
  return op;
}

void take_arrays(Program *program, int i, ArraySource *source) {
  try {
    take(program, i, source);
  } catch (const BadArtefact &bad) {
    refuse(i, program->operations[size_t(i)], bad.what());
  }
}

}  // namespace dq
