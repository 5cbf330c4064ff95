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
// numbers and their arrays are those of engine/program.py, which says what they mean.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/safetensors.h"

namespace dq {

enum OpKind {
  kInput,
  kQuantise,
  kConv,
  kWide,
  kAffine,
  kAdd,
  kPool,
  kMaxPool,
  kSubsample,
  kChoose,
  kKinds
};

enum RegisterKind { kCodesRegister, kWideRegister, kPlanRegister };

// Shape (C, H, W), of a plan (layers, columns, choices).
struct Register {
  RegisterKind kind;
  int c, h, w;
  int bits;
  bool is_signed;
  size_t size() const { return size_t(c) * h * w; }
};

// One operation. Only the numbers of its kind are set; one field per name of program.py.
struct Operation {
  int kind = 0;
  int64_t x = -1, y = -1;
  int64_t height = 0, width = 0, bits = 0;  // input
  int64_t c_out = 0, c_in = 0, kernel = 0, stride = 0, padding = 0, groups = 0;
  int64_t slot = -1, column = 0, w_column = 0, a_column = 0;
  int64_t master = 0, odd = 0, shift = 0, relu = 0, is_signed = 0;
  int64_t bins = 0, before = 0, after = 0;
  int64_t layers = 0, columns = 0, choices = 0, shared = 0;

  std::vector<int> w_bits, a_bits;           // of each candidate (conv); a_bits alone (quantise)
  std::vector<std::vector<int8_t>> weights;  // of each variant, (O, c_in, k, k)
  std::vector<int32_t> values;               // table (3, 256), or wide weights (O, c_in, k, k)
  std::vector<int32_t> multiplier;           // (R, V, A, O), (R, C) or (V,)
  std::vector<int64_t> bias;                 // (R, O)
  int variants = 1, inputs = 1;              // V and A of a multiplier

  Register out{};
  std::vector<int> reads() const;
  // Where the multipliers of a row and a pair of choices begin.
  size_t multiplier_at(int row, int w_choice, int a_choice) const;
};

struct Program {
  int rows = 1;
  std::vector<Operation> operations;
  int chooser = -1;
  std::vector<int> slot_of_layer;  // the convolution of each slot
  int64_t image_values = 0;   // of one image, in the registers that are needed at once: the most
  int64_t image_scratch = 0;  // bytes beside them
  int64_t image_work = 0;     // multiplications and values made
  int64_t packed_bytes = 0;   // of all weights, as engine.cc keeps them

  const Register &plan() const { return operations[size_t(chooser)].out; }
  int64_t image_bytes() const { return image_values * int64_t(sizeof(int32_t)) + image_scratch; }
  // Which operations have to run; with a plan from outside, not the controller's.
  std::vector<bool> needed(bool with_plan) const;
  // The last of the needed operations that reads each register; of the logits, one behind all.
  std::vector<int> last_use(const std::vector<bool> &needed) const;
};

// Operation i of a table's row, without arrays. Throws BadArtefact.
Operation operation_of_row(int i, const int64_t *row);

// The checked program of an artefact. Throws BadArtefact.
Program read_program(const uint8_t *file, size_t size);

// Checks operation i of a program and sets its register. Throws BadArtefact.
void check_operation(Program *program, int i);
void check_program(Program *program);

// bounds.cc: refuses what would take too much memory or time. Throws BadArtefact.
void bound_operation(Program *program, int i);
void bound_memory(Program *program);

}  // namespace dq
