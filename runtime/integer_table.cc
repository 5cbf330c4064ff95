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
// integer_table.cc: stands for the core's table.cc, once per instruction set: inference on integers
// needs its integer kernels only, so that training's kernels need not be compiled.
#include "engine/integer_ops.h"
#include "simd/kernels.h"

#define DQ_TEXT2(x) #x
#define DQ_TEXT(x) DQ_TEXT2(x)

namespace DQ_NS {

extern const dq::IntegerKernels kIntegerTable;
extern const dq::Kernels kTable;
constexpr dq::Kernels OnlyIntegers() {
  dq::Kernels table = {};
  table.name = DQ_TEXT(DQ_NAME);
  table.integer = &kIntegerTable;
  return table;
}
const dq::Kernels kTable = OnlyIntegers();

}  // namespace DQ_NS
