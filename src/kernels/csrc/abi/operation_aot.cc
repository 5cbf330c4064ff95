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
#include <map>
#include <new>
#include <string>
#include <utility>

#include "abi/codes.h"
#include "simd/kernels.h"
#include "threads/threads.h"
#include "engine/engine.h"

namespace dq {
namespace {

// numbers int64: a row of the program's table, then rows, row, bits and sign of the codes read, and
// the plan's choices. The plan may be a part of the program's, in which the row's slot counts.
constexpr int kNumbers = kFieldsPerOperation + 5;
constexpr int64_t kLargestBits = 8;  // of codes; 0: a wide register

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
  StoredTensor tensor(int i) const {
    if (i >= count) throw BadArtefact("an array is missing");
    const std::map<std::string, std::pair<const char *, size_t>> types = {
        {"int8", {"I8", 1}}, {"int32", {"I32", 4}}, {"int64", {"I64", 8}}};
    const auto type = types.find(dtypes[i]);
    if (type == types.end()) throw BadArtefact("an array of another type");
    return {type->second.first, std::vector<int64_t>(shapes[i], shapes[i] + ndims[i]),
            (const uint8_t *)data[i], size(i) * type->second.second};
  }
  const int64_t *i64(int i) const { return (const int64_t *)data[i]; }
};

void need(bool condition) {
  if (!condition) throw BadArtefact("the arguments of an operation do not fit together");
}

bool within(int64_t low, int64_t v, int64_t high) { return low <= v && v <= high; }

// A stand-in for the operation that wrote a register of `images`.
Operation writer(const Arguments &a, int i, int64_t images, RegisterKind kind, int64_t bits,
                 bool is_signed) {
  need(a.is(i, "int32", 4));
  Operation op;
  const int64_t *s = a.shapes[i];
  need(s[0] == images && within(1, s[1], kLargestChannels) && within(1, s[2], kLargestSide) &&
       within(1, s[3], kLargestSide) && within(0, bits, kLargestBits));
  op.out = Register{kind, int(s[1]), int(s[2]), int(s[3]), int(bits), is_signed};
  return op;
}

// Arrays as the operator's inputs, in the order of their declaration.
class InputArrays : public ArraySource {
 public:
  InputArrays(const Arguments &a, int first) : a_(a), next_(first) {}
  StoredTensor take(const std::string &) override { return a_.tensor(next_++); }
  bool has(const std::string &) const override {
    return next_ < a_.count - 1;
  }  // behind: the result
  bool packs() const override { return false; }

 private:
  const Arguments &a_;
  int next_;
};

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
  const int64_t *numbers = a.i64(0), *more = numbers + kFieldsPerOperation;
  Call call;
  Operation op = operation_of_row(numbers);
  call.registers = int(op.reads().size());
  call.program.rows = int(more[0]);
  call.row = int(more[1]);
  need(within(1, more[0], kLargestRows) && within(0, more[1], more[0] - 1));
  need(a.is(1, call.registers ? "int32" : "uint8", 4));
  call.images = a.shapes[1][0];
  need(call.images >= 1);
  const RegisterKind kind = op.kind == kConv ? kCodesRegister : kWideRegister;
  for (int r = 0; r < call.registers; r++)
    call.program.operations.push_back(writer(a, 1 + r, call.images, kind, more[2], more[3] != 0));
  const int plan = 1 + std::max(1, call.registers);
  need(a.is(plan, "int64", 3));
  call.has_plan = more[4] > 0 && op.kind != kChoose;
  if (call.has_plan) {
    need(a.shapes[plan][0] == call.images && more[4] <= kLargestChoices &&
         a.shapes[plan][1] <= kLargestLayers && a.shapes[plan][2] <= 2);
    const int64_t cells = a.size(plan);
    for (int64_t i = 0; i < cells; i++) need(within(0, a.i64(plan)[i], more[4] - 1));
    call.program.plan = {int(a.shapes[plan][1]), int(a.shapes[plan][2]), int(more[4])};
    call.program.slots.assign(size_t(a.shapes[plan][1]), kUnused);
  }
  op.x = 0;
  op.y = 1;
  call.program.operations.push_back(op);
  const int last = int(call.program.operations.size()) - 1;
  InputArrays arrays(a, plan + 1);
  take_arrays(&call.program, last, &arrays);
  check_operation(&call.program, last);
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
  if (is_input) need(a.size(1) == 3 * size_t(call.images) * shape.h * shape.w);
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
