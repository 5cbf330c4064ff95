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
// engine_abi.cc: the engine for C callers (Python's ctypes). Functions give 0, or a code and, where
// there is room for one, a text.
#include <cstdio>
#include <new>

#include "../codes.h"
#include "../kernels.h"
#include "../pool.h"
#include "engine.h"

namespace {

void say(const char *what, char *text, int size) {
  if (text && size > 0) std::snprintf(text, size_t(size), "%s", what);
}

// Whether a plan's values and the row are in range, and the program has what they need.
bool fits(const dq::Program &program, int64_t n, const int64_t *plan, int row) {
  if (row < 0 || row >= program.rows) return false;
  if (!plan) return true;
  if (program.chooser < 0) return false;
  const dq::Register &shape = program.plan();
  const int64_t count = n * shape.c * shape.h;
  for (int64_t i = 0; i < count; i++)
    if (plan[i] < 0 || plan[i] >= shape.w) return false;
  return true;
}

template <class Body>
int guarded(Body &&body) {
  if (!dq::active_kernels()) return dq::kIsa;
  try {
    dq::PoolLock lock;
    return body();
  } catch (const std::bad_alloc &) {
    return dq::kMemory;
  } catch (...) {
    return dq::kInternal;
  }
}

}  // namespace

extern "C" {

// Reads and checks an artefact held in memory, which need not outlive the call.
int dq_program_open(const uint8_t *file, int64_t size, void **handle, char *text, int text_size) {
  *handle = nullptr;
  try {
    *handle = new dq::Engine(dq::read_program(file, size_t(size)));
    return dq::kOk;
  } catch (const dq::BadArtefact &bad) {
    say(bad.what(), text, text_size);
    return dq::kArtefact;
  } catch (const std::bad_alloc &) {
    return dq::kMemory;
  } catch (...) {
    return dq::kInternal;
  }
}

void dq_program_close(void *handle) { delete (dq::Engine *)handle; }

// sizes: height, width, classes, layers, columns, choices (0 without a plan), rows, registers'
// total
void dq_program_sizes(void *handle, int64_t *sizes) {
  const dq::Engine &engine = *(dq::Engine *)handle;
  const dq::Program &p = engine.program();
  const bool chooses = p.chooser >= 0;
  const int64_t values[8] = {p.operations[0].out.h,
                             p.operations[0].out.w,
                             p.operations.back().out.c,
                             chooses ? p.plan().c : 0,
                             chooses ? p.plan().h : 0,
                             chooses ? p.plan().w : 0,
                             p.rows,
                             int64_t(engine.register_total())};
  for (int i = 0; i < 8; i++) sizes[i] = values[i];
}

// images uint8 [n, 3, h, w]; plan, plan_out int64 [n, layers, columns] or null; logits [n, classes]
int dq_program_run(void *handle, const uint8_t *images, int64_t n, const int64_t *plan, int row,
                   int32_t *logits, int64_t *plan_out) {
  dq::Engine &engine = *(dq::Engine *)handle;
  if (!fits(engine.program(), n, plan, row)) return dq::kPlan;
  return guarded([&] {
    engine.run(images, n, plan, row, logits, plan_out);
    return int(dq::kOk);
  });
}

// Every register of one image, (C, H, W) each, one behind the other.
int dq_program_trace(void *handle, const uint8_t *image, const int64_t *plan, int row,
                     int32_t *registers) {
  dq::Engine &engine = *(dq::Engine *)handle;
  if (!fits(engine.program(), 1, plan, row)) return dq::kPlan;
  return guarded([&] {
    engine.trace(image, plan, row, registers);
    return int(dq::kOk);
  });
}
}
