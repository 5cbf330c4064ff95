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
// operation_aot.cc: one operation of an integer program as a MindSpore operator. The engine runs
// it, so that a graph made of these gives the engine's integers.
#include <algorithm>
#include <cstring>
#include <new>

#include "abi/codes.h"
#include "simd/kernels.h"
#include "threads/threads.h"
#include "engine/engine.h"

namespace dq {
namespace {

// numbers int64: a row of the program's table, then rows, row, bits and sign of the codes read, and
// the plan's choices.
constexpr int kTableRow = 15;
constexpr int kNumbers = kTableRow + 5;

struct Arguments {
  int count;
  void **data;
  const int *ndims;
  int64_t *const *shapes;
  const char *const *dtypes;

  bool is(int i, const char *dtype, int rank) const {
    return i < count && !std::strcmp(dtypes[i], dtype) && ndims[i] == rank;
  }
  size_t size(int i) const {
    size_t total = 1;
    for (int a = 0; a < ndims[i]; a++) total *= size_t(shapes[i][a]);
    return total;
  }
  template <class T>
  std::vector<T> values(int i) const {
    const T *begin = (const T *)data[i];
    return std::vector<T>(begin, begin + size(i));
  }
  const int64_t *i64(int i) const { return (const int64_t *)data[i]; }
};

void need(bool condition) {
  if (!condition) throw BadArtefact("the arguments of an operation do not fit together");
}

// A stand-in for the operation that wrote a register.
Operation writer(const Arguments &a, int i, RegisterKind kind, int bits, bool is_signed) {
  need(a.is(i, "int32", 4));
  Operation op;
  const int64_t *s = a.shapes[i];
  op.out = Register{kind, int(s[1]), int(s[2]), int(s[3]), bits, is_signed};
  return op;
}

std::vector<int> widths(const int64_t *begin, int64_t count) {
  for (int64_t i = 0; i < count; i++) need(begin[i] >= 1 && begin[i] <= 8);
  return std::vector<int>(begin, begin + count);
}

void take_conv(const Arguments &a, int first, Operation *op) {
  need(a.is(first, "int64", 2) && a.is(first + 1, "int32", 4) && a.is(first + 2, "int64", 2));
  const int64_t choices = a.shapes[first][1];
  need(a.shapes[first][0] == 2);
  op->w_bits = widths(a.i64(first), choices);
  op->a_bits = widths(a.i64(first) + choices, choices);
  op->multiplier = a.values<int32_t>(first + 1);
  op->bias = a.values<int64_t>(first + 2);
  op->variants = op->master ? 1 : int(choices);
  op->inputs = int(a.shapes[first + 1][2]);
  need(a.shapes[first + 1][1] == op->variants && a.shapes[first + 1][3] == op->c_out);
  need(a.shapes[first + 2][0] == a.shapes[first + 1][0] && a.shapes[first + 2][1] == op->c_out);
  for (int v = 0; v < op->variants; v++) {
    const int at = first + 3 + v;
    need(a.is(at, "int8", 4) && a.shapes[at][0] == op->c_out && a.shapes[at][1] == op->c_in &&
         a.shapes[at][2] == op->kernel && a.shapes[at][3] == op->kernel);
    op->weights.push_back(a.values<int8_t>(at));
  }
}

void take_arrays(const Arguments &a, int first, Operation *op) {
  if (op->kind == kInput) {
    need(a.is(first, "int32", 2) && a.size(first) == 768);
    op->values = a.values<int32_t>(first);
  } else if (op->kind == kQuantise) {
    need(a.is(first, "int64", 1) && a.is(first + 1, "int32", 1));
    op->a_bits = widths(a.i64(first), int64_t(a.size(first)));
    op->multiplier = a.values<int32_t>(first + 1);
  } else if (op->kind == kConv) {
    take_conv(a, first, op);
  } else if (op->kind == kWide) {
    need(a.is(first, "int32", 4) && a.shapes[first][0] == op->c_out &&
         a.shapes[first][2] == op->kernel && a.shapes[first][3] == op->kernel);
    op->c_in = a.shapes[first][1];
    op->values = a.values<int32_t>(first);
  } else if (op->kind == kAffine) {
    need(a.is(first, "int32", 2) && a.is(first + 1, "int64", 2) &&
         a.size(first) == a.size(first + 1));
    op->c_out = a.shapes[first][1];
    op->multiplier = a.values<int32_t>(first);
    op->bias = a.values<int64_t>(first + 1);
  }
}

struct Call {
  Program program;
  int registers;  // how many it reads
  int row;
  int64_t images;
  bool has_plan;
};

// numbers, registers (of an Input: pixels), plan, arrays
Call read_call(const Arguments &a) {
  need(a.is(0, "int64", 1) && a.size(0) == kNumbers);
  const int64_t *numbers = a.i64(0), *more = numbers + kTableRow;
  Call call;
  Operation op = operation_of_row(0, numbers);
  call.registers = op.kind == kInput ? 0 : op.kind == kAdd ? 2 : 1;
  call.program.rows = int(more[0]);
  call.row = int(more[1]);
  need(more[0] >= 1 && more[0] <= 64 && more[1] >= 0 && more[1] < more[0]);
  const RegisterKind kind = op.kind == kConv ? kCodesRegister : kWideRegister;
  for (int r = 0; r < call.registers; r++)
    call.program.operations.push_back(writer(a, 1 + r, kind, int(more[2]), more[3] != 0));
  const int plan = 1 + std::max(1, call.registers);
  need(a.is(plan, "int64", 3));
  call.images = a.shapes[1][0];
  call.has_plan = more[4] > 0 && op.kind != kChoose;
  if (call.has_plan) {
    need(a.shapes[plan][0] == call.images && more[4] <= 16);
    const int64_t cells = a.size(plan);
    for (int64_t i = 0; i < cells; i++) need(a.i64(plan)[i] >= 0 && a.i64(plan)[i] < more[4]);
    Operation chooser;
    chooser.out = Register{
        kPlanRegister, int(a.shapes[plan][1]), int(a.shapes[plan][2]), int(more[4]), 0, false};
    call.program.chooser = int(call.program.operations.size());
    call.program.slot_of_layer.assign(size_t(a.shapes[plan][1]), -1);
    call.program.operations.push_back(chooser);
  }
  op.x = 0;
  op.y = 1;
  take_arrays(a, plan + 1, &op);
  const bool is_first = op.kind == kInput;
  if (is_first) call.program.operations.clear();  // its image is its own
  call.program.operations.push_back(op);
  check_operation(&call.program, int(call.program.operations.size()) - 1);
  return call;
}

int run(const Arguments &a) {
  Call call = read_call(a);
  const int last = a.count - 1, plan = 1 + std::max(1, call.registers);
  const int i = int(call.program.operations.size()) - 1;
  const Register shape = call.program.operations[size_t(i)].out;
  const bool chooses = shape.kind == kPlanRegister;
  const size_t size = chooses ? size_t(shape.c) * shape.h : shape.size();
  need(a.is(last, "int32", chooses ? 3 : 4) && a.size(last) == size * size_t(call.images));
  const bool is_input = call.registers == 0;
  if (is_input)
    need(a.is(1, "uint8", 4) && a.size(1) == 3 * size_t(call.images) * shape.h * shape.w);
  const size_t cells = call.has_plan ? a.size(plan) / size_t(call.images) : 0;
  Engine engine(std::move(call.program));
  PoolLock lock;
  for (int64_t n = 0; n < call.images; n++) {
    const int32_t *inputs[2] = {nullptr, nullptr};
    for (int r = 0; r < call.registers; r++)
      inputs[r] = (const int32_t *)a.data[1 + r] + n * (a.size(1 + r) / size_t(call.images));
    const uint8_t *pixels =
        is_input ? (const uint8_t *)a.data[1] + n * 3 * shape.h * shape.w : nullptr;
    engine.apply(i, pixels, inputs, call.has_plan ? a.i64(plan) + n * cells : nullptr, call.row,
                 (int32_t *)a.data[last] + n * size);
  }
  return kOk;
}

}  // namespace
}  // namespace dq

extern "C" int dq_operation(int nparam, void **params, int *ndims, int64_t **shapes,
                            const char **dtypes, void *, void *) {
  if (!dq::active_kernels()) return dq::kIsa;
  try {
    return dq::run({nparam, params, ndims, shapes, dtypes});
  } catch (const dq::BadArtefact &) {
    return dq::kArtefact;
  } catch (const std::bad_alloc &) {
    return dq::kMemory;
  } catch (...) {
    return dq::kInternal;
  }
}
