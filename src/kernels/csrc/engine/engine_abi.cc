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
// engine_abi.cc: the engine for C callers: the functions of dynquant.h, and more for Python
// (engine/native.py). A program is known by a number that is given once, so that calls on other
// threads may be running when it is closed, or begin later.
#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <shared_mutex>

#include "dynquant.h"
#include "abi/codes.h"
#include "simd/kernels.h"
#include "threads/threads.h"
#include "engine/engine.h"

namespace {

static_assert(int{DQ_MEMORY} == dq::kMemory && int{DQ_UNKNOWN_ISA} == dq::kIsa &&
              int{DQ_INTERNAL} == dq::kInternal && int{DQ_ARTEFACT} == dq::kArtefact &&
              int{DQ_PLAN} == dq::kPlan && int{DQ_CLOSED} == dq::kClosed);

std::mutex g_mutex;
// Never destroyed: threads may outlive static destructors.
auto &g_open = *new std::map<int64_t, std::shared_ptr<dq::Engine>>;
int64_t g_given = 0;
std::shared_mutex *g_calls = new std::shared_mutex;  // held by all that run
std::mutex g_gate;  // on the way to it: while a fork waits, no other call begins

// A fork waits for the calls that run, so that its child finds the programs as they are between
// two.
void before_fork() {
  g_gate.lock();
  g_calls->lock();
  g_mutex.lock();
}
void after_fork_in_parent() {
  g_mutex.unlock();
  g_calls->unlock();
  g_gate.unlock();
}
void after_fork_in_child() {
  g_mutex.unlock();
  g_calls = new std::shared_mutex;  // the old one is held by a thread of the parent
  g_gate.unlock();
}
[[maybe_unused]] const int g_watches_forks =
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);

int64_t keep(std::shared_ptr<dq::Engine> engine) {
  std::lock_guard<std::mutex> hold(g_mutex);
  g_open[++g_given] = std::move(engine);
  return g_given;
}

// null: closed, or never there. What is found lives until the call that asked for it ends.
std::shared_ptr<dq::Engine> find(int64_t program) {
  std::lock_guard<std::mutex> hold(g_mutex);
  auto found = g_open.find(program);
  return found == g_open.end() ? nullptr : found->second;
}

// Whether a plan's values, the row and the budget are in range, and the program has what they need.
bool fits(const dq::Program &program, int64_t n, const int64_t *plan, int row, int64_t budget) {
  if (row < 0 || row >= program.rows) return false;
  if (budget != dq::kNoBudget &&
      (program.budget == dq::kNoBudget || budget < 0 || budget > dq::kLargestBitops))
    return false;
  if (!plan) return true;
  if (!program.has_plan()) return false;
  const int64_t count = n * int64_t(program.plan.cells());
  for (int64_t i = 0; i < count; i++)
    if (plan[i] < 0 || plan[i] >= program.plan.choices) return false;
  return true;
}

// Runs body(engine); turns every failure into a code.
template <class Body>
int guarded(int64_t program, int64_t n, const int64_t *plan, int row, int64_t budget, Body &&body) {
  const std::shared_ptr<dq::Engine> engine = find(program);
  if (!engine) return dq::kClosed;
  if (!fits(engine->program(), n, plan, row, budget)) return dq::kPlan;
  if (!dq::active_kernels()) return dq::kIsa;
  try {
    std::unique_lock<std::mutex> gate(g_gate);
    std::shared_lock<std::shared_mutex> hold(*g_calls);
    gate.unlock();
    body(engine.get());
    return dq::kOk;
  } catch (const std::bad_alloc &) {
    return dq::kMemory;
  } catch (...) {
    return dq::kInternal;
  }
}

}  // namespace

extern "C" {

// The sentences of errors.py, which has those of training's functions too.
const char *dq_error(int code) {
  switch (code) {
    case DQ_OK:
      return "all is well";
    case DQ_MEMORY:
      return "out of memory for scratch buffers";
    case DQ_UNKNOWN_ISA:
      return "DYNQUANT_ISA names an instruction set that this machine lacks";
    case DQ_INTERNAL:
      return "internal error";
    case DQ_ARTEFACT:
      return "the artefact is damaged, or not one";
    case DQ_PLAN:
      return "a candidate of the plan, the row of statistics or the budget is out of range";
    case DQ_CLOSED:
      return "the engine has been closed";
    default:
      return "unknown return code";
  }
}

int dq_program_open(const uint8_t *file, int64_t size, int64_t *program, char *text,
                    int text_size) {
  const auto failed = [&](int code, const char *what) {
    if (text && text_size > 0) std::snprintf(text, size_t(text_size), "%s", what);
    return code;
  };
  *program = 0;
  if (!dq::active_kernels()) return failed(dq::kIsa, dq_error(dq::kIsa));
  try {
    *program = keep(std::make_shared<dq::Engine>(dq::read_program(file, size_t(size))));
    return dq::kOk;
  } catch (const dq::BadArtefact &bad) {
    return failed(dq::kArtefact, bad.what());
  } catch (const std::bad_alloc &) {
    return failed(dq::kMemory, dq_error(dq::kMemory));
  } catch (...) {
    return failed(dq::kInternal, dq_error(dq::kInternal));
  }
}

void dq_program_close(int64_t program) {
  std::shared_ptr<dq::Engine> last;  // freed, if nothing runs it, without the lock
  std::lock_guard<std::mutex> hold(g_mutex);
  auto found = g_open.find(program);
  if (found == g_open.end()) return;
  last.swap(found->second);
  g_open.erase(found);
}

int dq_program_sizes(int64_t program, dq_sizes *sizes) {
  const std::shared_ptr<dq::Engine> engine = find(program);
  if (!engine) return dq::kClosed;
  const dq::Program &p = engine->program();
  const dq::Register &image = p.operations[0].out;
  *sizes = {
      image.h,        image.w, p.operations.back().out.c,         p.plan.layers,   p.plan.columns,
      p.plan.choices, p.rows,  int64_t(engine->register_total()), p.image_bytes(), p.image_work,
      p.packed_bytes, p.budget};
  return dq::kOk;
}

int64_t dq_program_batch(int64_t program) {
  const std::shared_ptr<dq::Engine> engine = find(program);
  if (!engine) return 0;
  try {
    dq::PoolTryLock lock;  // gives it its threads
    return engine->batch();
  } catch (...) {  // no memory for a pool
    return 1;
  }
}

int dq_program_run(int64_t program, const uint8_t *images, int64_t n, const int64_t *plan, int row,
                   int64_t budget, int32_t *logits, int64_t *plan_out) {
  return guarded(program, n, plan, row, budget, [&](dq::Engine *engine) {
    engine->run(images, n, plan, row, logits, plan_out, budget);
  });
}

int dq_program_climb(int64_t program, const uint8_t *images, int64_t n, const int64_t *plans,
                     const int64_t *rows, const int64_t *thresholds, int rungs, int32_t *logits,
                     int64_t *ends) {
  if (rungs < 1) return dq::kPlan;
  const auto [least, most] = std::minmax_element(rows, rows + rungs);
  if (*least < 0 || *most > INT32_MAX) return dq::kPlan;
  return guarded(program, rungs, plans, int(*most), dq::kNoBudget, [&](dq::Engine *engine) {
    engine->climb(images, n, {rungs, plans, rows, thresholds}, logits, ends);
  });
}

// Every register of one image, (C, H, W) each, one behind the other.
int dq_program_trace(int64_t program, const uint8_t *image, const int64_t *plan, int row,
                     int64_t budget, int32_t *registers) {
  return guarded(program, 1, plan, row, budget,
                 [&](dq::Engine *engine) { engine->trace(image, plan, row, registers, budget); });
}

// Engine::times: seconds float64 [runs, operations], zeros.
int dq_program_times(int64_t program, const uint8_t *image, const int64_t *plan, int row,
                     int64_t runs, double *seconds) {
  return guarded(program, 1, plan, row, dq::kNoBudget,
                 [&](dq::Engine *engine) { engine->times(image, plan, row, runs, seconds); });
}

// Engine::kernel_of, cut to `size` bytes with the 0 at the end. plan: null where a program has
// none.
int dq_program_kernel(int64_t program, int64_t operation, const int64_t *plan, int row, char *name,
                      int64_t size) {
  return guarded(program, 1, plan, row, dq::kNoBudget, [&](dq::Engine *engine) {
    const bool is_one = operation >= 0 && size_t(operation) < engine->program().operations.size();
    std::snprintf(name, size_t(size), "%s",
                  is_one ? engine->kernel_of(int(operation), plan, row) : "");
  });
}

// Engine::choice_key, likewise.
int dq_program_choice_key(int64_t program, int64_t operation, const int64_t *plan, char *key,
                          int64_t size) {
  return guarded(program, 1, plan, 0, dq::kNoBudget, [&](dq::Engine *engine) {
    const bool is_one = operation >= 0 && size_t(operation) < engine->program().operations.size();
    std::snprintf(key, size_t(size), "%s",
                  is_one ? engine->choice_key(int(operation), plan).c_str() : "");
  });
}

// Name of a kernel for convolutions of codes, by its place among those of the instruction set; null
// behind the last one. Static.
const char *dq_kernel_name(int place) {
  if (!dq::active_kernels()) return nullptr;
  const dq::ConvKernel *const *kernels = dq::integer_kernels().convs;
  for (int i = 0; *kernels; kernels++, i++)
    if (i == place) return (*kernels)->name;
  return nullptr;
}

int dq_use_kernels(const char *text) {
  try {
    dq::use_choice(std::make_shared<const dq::KernelChoice>(text ? text : ""));
    return dq::kOk;
  } catch (const std::bad_alloc &) {
    return dq::kMemory;
  } catch (...) {
    return dq::kInternal;
  }
}
}
