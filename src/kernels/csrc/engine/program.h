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
// program.h: an integer program in memory, decoded from an artefact and checked. Operations, their
// numbers and their arrays are those of engine/operations.py, which says what they mean.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/operations.h"
#include "engine/safetensors.h"

namespace dq {

// Shape (C, H, W), of a part of the plan (layers, columns, choices).
struct Register {
  RegisterKind kind;
  int c, h, w;
  int bits;
  bool is_signed;
  size_t size() const { return size_t(c) * h * w; }
};

// One operation. Only the numbers and arrays of its kind are set, and c_in of a Wide.
struct Operation : Numbers {
  int kind = 0;
  Arrays arrays;
  Register out{};

  const OperationRule &rule() const { return kOperations[kind]; }
  std::vector<int> reads() const;
  // Of a Quantise or Conv: candidates, and the widths of one.
  int candidates() const { return int(arrays.bits.shape.back()); }
  int w_bits(int choice) const { return int(arrays.bits.values[size_t(choice)]); }
  int a_bits(int choice) const {  // the last row of bits
    return int(*(arrays.bits.values.end() - candidates() + choice));
  }
  // Of a Conv: how many weights it has, one for all candidates or one for each.
  size_t stored() const { return master ? 1 : size_t(candidates()); }
  // Width of the codes of a stored weight, as a file packs them.
  int stored_bits(size_t variant) const { return master ? int(master) : w_bits(int(variant)); }
  bool has_level_weights() const { return kind == kConv && !arrays.levels.values.empty(); }
};

// Where the values of a row and a pair of choices begin in an array (R, V, A, O).
size_t place_of(const std::vector<int64_t> &shape, int row, int w_choice, int a_choice);

// Of the whole plan; no layers: there is none.
struct PlanShape {
  int layers = 0, columns = 0, choices = 0;
  size_t cells() const { return size_t(layers) * columns; }
};

constexpr int kUndecided = -2, kUnused = -1;  // of a slot
constexpr int64_t kNoBudget = -1;

struct Program {
  int rows = 1;
  std::vector<Operation> operations;
  PlanShape plan;
  std::vector<int> slots;  // of the plan: kUndecided, kUnused, or the convolution that uses it
  int64_t budget =
      kNoBudget;              // of an image in a run without one of its own; or no choice minds one
  int64_t values = 0;         // in all registers
  int64_t image_held = 0;     // bytes of one image, in registers and codes held at once: the most
  int64_t image_scratch = 0;  // bytes beside them
  int64_t image_work = 0;     // multiplications and values made
  int64_t packed_bytes = 0;   // of all weights, the most that prepared.cc keeps

  bool has_plan() const { return plan.layers > 0; }
  int64_t image_bytes() const { return image_held + image_scratch; }
  // Which operations have to run; with a plan from outside, not those that only make one.
  std::vector<bool> needed(bool with_plan) const;
  // How many operations come before the first that a plan or a row of statistics changes.
  int steady() const;
  // The last of the needed operations that reads each register; of the logits, one behind all.
  std::vector<int> last_use(const std::vector<bool> &needed) const;
};

// Throws BadArtefact: "operation 3 (Conv): " and what.
[[noreturn]] void refuse(int i, const Operation &op, const std::string &what);

// structure.cc: what follows from the declaration of operations alone.

// Where an operation's arrays come from.
class ArraySource {
 public:
  virtual ~ArraySource() = default;
  // Throws BadArtefact: there is none of the name. `name` as in the file: "bias", "weight.0".
  virtual StoredTensor take(const std::string &name) = 0;
  // Whether there is an array that may be missing, when those before it have been taken.
  virtual bool has(const std::string &name) const = 0;
  // Whether weights are packed at their width.
  virtual bool packs() const = 0;
};

// The operation of a table's row, without arrays. Throws BadArtefact, without its number.
Operation operation_of_row(const int64_t *row);
// Throws BadArtefact: operation i is not as declared; else gives it its arrays.
void take_arrays(Program *program, int i, ArraySource *source);

// check.cc: checks operation i of a program, which has its arrays, and sets its register. Throws
// BadArtefact.
void check_operation(Program *program, int i);
// Checks what holds for all operations together.
void check_whole(Program *program);

// bounds.cc: refuses what would take too much memory or time. Throws BadArtefact.
void bound_operation(Program *program, int i);
void bound_memory(Program *program);

// program.cc: the checked program of an artefact. Throws BadArtefact.
Program read_program(const uint8_t *file, size_t size);

}  // namespace dq
