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
// plan.h: a program compiled into steps. A convolution takes along what follows it: the sum with a
// residual, a max pool, the quantisers of the layers behind it, so that a register is written as
// int32 only where something reads it as such. What no kernel knows is a step of its own, in the
// plain way.
#pragma once
#include <vector>

#include "engine/conv_step.h"
#include "engine/program.h"

namespace dq {

// For whom a program is compiled.
enum class Purpose {
  kChoosing,  // the controller makes the plan
  kGiven,     // the plan comes from outside
  kPasses,    // ... of several passes: what comes before Program::steady() stays between them
  kTrace,     // as kChoosing, and every register is wanted
  kTraceGiven,
  kPurposes
};

struct Step {
  enum Kind {
    kPlain,   // operation `op` on int32 registers
    kConv,    // convolution `op` of codes, and what follows it
    kCodes,   // codes for convolution `op` from an int32 register
    kPixels,  // ... from the image, through a table
    kImage,   // a Wide `op` of the image, and what follows it
  };
  Kind kind;
  int op;
  int result;                   // the register that ends it
  int affine = -1;              // of a kImage: an Affine that it does, too
  int sum = -1;                 // of a kConv: an Add likewise
  int residual = -1;            // the other register of that
  int pool = -1;                // of a kConv: a MaxPool likewise
  bool wide = false;            // whether the result is wanted as int32
  std::vector<int> codes = {};  // convolutions whose codes it writes
};

// Memory of one image: offsets into an arena, of registers as int32 and of the codes of
// convolutions. What is not needed at once may share a place.
struct Places {
  static constexpr size_t kNone = size_t(-1);
  std::vector<size_t> wide, codes;  // by register, by convolution; kNone: not held
  size_t bytes = 0;
};

struct CompiledPlan {
  std::vector<Step> steps;
  int first_again = -1;  // of kPasses: the step that a later pass begins with
  Places places;
};

// on_pieces: which operations can be a kImage.
CompiledPlan compile(const Program &program, Purpose purpose, const std::vector<bool> &on_pieces);

// Whether convolution i runs on codes as bytes: else it is a plain operation.
bool runs_on_bytes(const Program &program, int i);

// The int32 register that its codes are made of: what its quantiser reads, or codes of another
// kind.
int coded_register(const Program &program, const Operation &conv);

// The codes that convolution i reads: its own child's where there is a master, of its choice of
// inputs; else what the quantiser of that choice writes.
struct CodeRange {
  int low, high;
};
CodeRange codes_read(const Program &program, const Operation &conv, int a_choice);
int child_shift(const Operation &conv, int a_choice);  // of the master's codes

// Its codes, with the border that it pads with; data is null.
CodeTensor tensor_of(const Program &program, const Operation &conv, int a_choice);

}  // namespace dq
