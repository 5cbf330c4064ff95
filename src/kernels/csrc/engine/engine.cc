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
// engine.cc: calls of an engine: the memory and threads they take, and what they ask of each image.
// steps.cc runs the steps of one.
#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <new>

namespace dq {

struct Engine::Compiled {
  std::once_flag once;
  CompiledPlan plan;
};

// What a call takes: the pool, if nobody has it, and a frame for each thread that may take an
// image.
class Engine::Lease {
 public:
  Lease(Engine *engine, int64_t images) : engine_(engine) {
    many_ = pool_.held() && images > 1 && pool_threads() > 1 && engine->is_light();
    const int count = many_ ? pool_threads() : 1;
    {
      std::lock_guard<std::mutex> hold(engine->idle_);
      for (; int(frames_.size()) < count && !engine->frames_.empty(); engine->frames_.pop_back())
        frames_.push_back(std::move(engine->frames_.back()));
    }
    while (int(frames_.size()) < count) frames_.push_back(std::make_unique<Frame>());
    for (auto &frame : frames_) {
      frame->alone = pool_.held() && !many_;
      frame->seconds = nullptr;  // a call that failed may have left its own
    }
  }
  ~Lease() {
    std::lock_guard<std::mutex> hold(engine_->idle_);
    try {
      for (auto &frame : frames_) engine_->frames_.push_back(std::move(frame));
    } catch (const std::bad_alloc &) {}  // what is not given back is freed
  }
  bool many() const { return many_; }  // threads take an image each
  Frame *frame(int thread) { return frames_[size_t(thread)].get(); }

 private:
  Engine *engine_;
  PoolTryLock pool_;
  bool many_;
  std::vector<std::unique_ptr<Frame>> frames_;
};

namespace {

// Of one image: up to these, threads take an image each; above, they share one.
constexpr int64_t kLightBytes = int64_t(1) << 26, kLightWork = int64_t(1) << 33;
// Of each thread, in a call that ends within seconds.
constexpr int64_t kCallWork = int64_t(1) << 33;
// Images that the pool is handed at once: its items are numbered by an int.
constexpr int64_t kMostItems = int64_t(1) << 30;

// [h][w][c] to (C, H, W)
void to_first(const Register &r, const int32_t *values, int32_t *out) {
  const size_t area = size_t(r.h) * r.w;
  for (size_t p = 0; p < area; p++)
    for (int c = 0; c < r.c; c++) out[c * area + p] = values[p * r.c + c];
}

// ... and back
void to_last(const Register &r, const int32_t *values, int32_t *out) {
  const size_t area = size_t(r.h) * r.w;
  for (size_t p = 0; p < area; p++)
    for (int c = 0; c < r.c; c++) out[p * r.c + c] = values[c * area + p];
}

// Best minus second-best logit; of a single one, as if the other were the least.
int64_t margin(const int32_t *logits, size_t count) {
  int64_t best = INT32_MIN, second = INT32_MIN;
  for (size_t i = 0; i < count; i++) {
    const int64_t value = logits[i];
    second = std::max(second, std::min(best, value));
    best = std::max(best, value);
  }
  return best - second;
}

}  // namespace

Engine::Engine(Program program)
    : program_(std::move(program)),
      plain_(program_),
      convs_(program_.operations.size()),
      images_(program_.operations.size()),
      compiled_(new Compiled[size_t(Purpose::kPurposes)]) {
  for (int i = 0; i < int(convs_.size()); i++)
    if (program_.operations[size_t(i)].kind == kConv && runs_on_bytes(program_, i))
      convs_[size_t(i)].reset(new PreparedConvs(program_, i, *choice_, &weights_));
  for (int i = 0; i < int(images_.size()); i++)
    if (std::optional<PreparedImage> image = PreparedImage::of(program_, i))
      images_[size_t(i)].reset(new PreparedImage(std::move(*image)));
}

Engine::~Engine() = default;

const CompiledPlan &Engine::compiled(Purpose purpose) {
  Compiled &made = compiled_[size_t(purpose)];
  std::call_once(made.once, [&] {
    std::vector<bool> on_pieces;
    for (const auto &image : images_) on_pieces.push_back(image != nullptr);
    made.plan = compile(program_, purpose, on_pieces);
  });
  return made.plan;
}

// body(frame, image) for all of n images, on several threads where images are small.
template <class Body>
void Engine::each(int64_t n, const Body &body) {
  Lease lease(this, n);
  if (!lease.many()) {
    for (int64_t i = 0; i < n; i++) body(lease.frame(0), i);
    return;
  }
  struct Job {
    const Body &body;
    Lease &lease;
    int64_t first = 0;
    std::atomic_flag failed = ATOMIC_FLAG_INIT;
    std::exception_ptr failure = nullptr;  // must not leave a thread of the pool
  } job{body, lease};
  for (; job.first < n; job.first += kMostItems) {
    pool_run(
        int(std::min(n - job.first, kMostItems)),
        [](void *ctx, int thread, int item) {
          Job &j = *(Job *)ctx;
          try {
            j.body(j.lease.frame(thread), j.first + item);
          } catch (...) {
            if (!j.failed.test_and_set()) j.failure = std::current_exception();
          }
        },
        &job);
    if (job.failure) std::rethrow_exception(job.failure);
  }
}

void Engine::run(const uint8_t *images, int64_t n, const int64_t *plan, int row, int32_t *logits,
                 int64_t *plan_out, int64_t budget) {
  const size_t classes = program_.operations.back().out.size();
  const size_t cells = program_.plan.cells();
  const CompiledPlan &steps = compiled(plan ? Purpose::kGiven : Purpose::kChoosing);
  each(n, [&](Frame *frame, int64_t i) {
    begin(steps, images + i * pixel_count(), row, budget, frame);
    frame->begin_plan(program_.plan, plan ? plan + i * cells : nullptr);
    run_steps(steps, 0, frame);
    std::copy_n(frame->registers.back(), classes, logits + i * classes);
    if (plan_out) std::copy_n(frame->plan.data(), cells, plan_out + i * cells);
  });
}

void Engine::climb(const uint8_t *images, int64_t n, const Rungs &rungs, int32_t *logits,
                   int64_t *ends) {
  const size_t classes = program_.operations.back().out.size();
  const CompiledPlan &steps = compiled(Purpose::kPasses);
  each(n, [&](Frame *frame, int64_t i) {
    begin(steps, images + i * pixel_count(), 0, kNoBudget, frame);
    ends[i] = climb_one(steps, rungs, frame);
    std::copy_n(frame->registers.back(), classes, logits + i * classes);
  });
}

int Engine::climb_one(const CompiledPlan &steps, const Rungs &rungs, Frame *frame) {
  const size_t classes = program_.operations.back().out.size();
  for (int rung = 0;; rung++) {
    frame->begin_plan(program_.plan, rungs.plans + size_t(rung) * program_.plan.cells());
    frame->row = int(rungs.rows[rung]);
    run_steps(steps, rung ? steps.first_again : 0, frame);
    const bool last = rung + 1 == rungs.count;
    if (last || margin(frame->registers.back(), classes) >= rungs.thresholds[rung]) return rung;
  }
}

size_t Engine::pixel_count() const {
  return size_t(program_.operations[0].out.h) * program_.operations[0].out.w * 3;
}

bool Engine::is_light() const {
  return program_.image_bytes() <= kLightBytes && program_.image_work <= kLightWork;
}

int64_t Engine::batch() const {
  const int64_t images =
      std::max<int64_t>(1, kCallWork / std::max<int64_t>(1, program_.image_work));
  return is_light() ? images * pool_threads() : images;
}

size_t Engine::register_total() const {
  size_t total = 0;
  for (const Operation &op : program_.operations)
    total += op.kind == kChoose ? size_t(op.out.c) * op.out.h : op.out.size();
  return total;
}

void Engine::trace(const uint8_t *pixels, const int64_t *plan, int row, int32_t *out,
                   int64_t budget) {
  const CompiledPlan &steps = compiled(plan ? Purpose::kTraceGiven : Purpose::kTrace);
  Lease lease(this, 1);
  Frame &frame = *lease.frame(0);
  begin(steps, pixels, row, budget, &frame);
  frame.begin_plan(program_.plan, plan);
  run_steps(steps, 0, &frame);
  for (size_t i = 0; i < program_.operations.size(); i++) {
    const Register &r = program_.operations[i].out;
    if (r.kind == kPlanRegister) {
      const size_t count = size_t(r.c) * r.h;
      if (!plan) std::copy_n(frame.part(program_.operations[i]), count, out);
      out += count;
      continue;
    }
    if (frame.registers[i]) to_first(r, frame.registers[i], out);
    out += r.size();
  }
}

void Engine::times(const uint8_t *pixels, const int64_t *plan, int row, int64_t runs,
                   double *seconds) {
  const CompiledPlan &steps = compiled(plan ? Purpose::kGiven : Purpose::kChoosing);
  Lease lease(this, 1);
  Frame &frame = *lease.frame(0);
  for (int64_t i = -1; i < runs; i++) {  // the first run packs weights and asks for memory
    begin(steps, pixels, row, kNoBudget, &frame);
    frame.begin_plan(program_.plan, plan);
    frame.seconds = i < 0 ? nullptr : seconds + size_t(i) * program_.operations.size();
    run_steps(steps, 0, &frame);
  }
  frame.seconds = nullptr;
}

const char *Engine::kernel_of(int i, const int64_t *plan, int row) {
  if (images_[size_t(i)]) return "image";
  if (!convs_[size_t(i)]) return "";
  Frame frame;
  frame.begin_plan(program_.plan, plan);
  const Operation &op = program_.operations[size_t(i)];
  return convs_[size_t(i)]
      ->get(row, frame.choice(op.slot, op.w_column), frame.choice(op.slot, op.a_column))
      .kernel->name;
}

std::string Engine::choice_key(int i, const int64_t *plan) {
  if (!convs_[size_t(i)]) return "";
  Frame frame;
  frame.begin_plan(program_.plan, plan);
  const Operation &op = program_.operations[size_t(i)];
  return convs_[size_t(i)]->key(frame.choice(op.slot, op.w_column),
                                frame.choice(op.slot, op.a_column));
}

void Engine::apply(int i, const uint8_t *pixels, const int32_t *const *inputs, const int64_t *plan,
                   int row, int32_t *out) {
  const Operation &op = program_.operations[size_t(i)];
  Frame frame;
  frame.alone = true;
  frame.registers.assign(program_.operations.size(), nullptr);
  frame.begin_plan(program_.plan, plan);
  frame.row = row;
  frame.pixels = pixels;
  std::vector<std::vector<int32_t>> held;
  for (int r : op.reads()) {
    const Register &shape = program_.operations[size_t(r)].out;
    held.emplace_back(shape.size());
    frame.registers[size_t(r)] = held.back().data();
    to_last(shape, *inputs++, held.back().data());
  }
  held.emplace_back(op.kind == kChoose ? 0 : op.out.size());
  frame.registers[size_t(i)] = held.back().data();
  plain_.run(i, &frame);
  if (op.kind == kChoose) {
    std::copy_n(frame.part(op), size_t(op.layers) * op.columns, out);
  } else {
    to_first(op.out, held.back().data(), out);
  }
}

}  // namespace dq
