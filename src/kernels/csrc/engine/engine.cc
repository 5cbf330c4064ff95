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
// engine.cc: images through compiled plans; images, or the parts of one image's steps, in parallel.
#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
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
    while (int(frames_.size()) < count) frames_.emplace_back(new Frame);
    for (auto &frame : frames_) frame->alone = pool_.held() && !many_;
  }
  ~Lease() {
    std::lock_guard<std::mutex> hold(engine_->idle_);
    for (auto &frame : frames_) engine_->frames_.push_back(std::move(frame));
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
// Products of a step below which other threads are not woken, and of each part.
constexpr int64_t kWorthSharing = int64_t(1) << 19, kPartWork = int64_t(1) << 23;
constexpr int64_t kValuesWorthSharing = int64_t(1) << 17;  // likewise

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

// Smallest and largest code of a width.
CodeRange limits(int bits, bool is_signed) {
  const int top = 1 << (is_signed ? bits - 1 : bits);
  return {is_signed ? -top : 0, top - 1};
}

bool is_never_negative(const Program &program, int r) {
  const Operation &op = program.operations[size_t(r)];
  switch (op.kind) {
    case kConv:
    case kAffine:
    case kAdd:
      return op.low >= 0;
    case kMaxPool:
    case kSubsample:
      return is_never_negative(program, int(op.x));
    default:
      return false;
  }
}

void fill_border(const CodeTensor &t) {
  if (!t.border) return;
  const size_t ends = size_t(t.row()) * t.border, side = size_t(t.border) * t.c;
  std::memset(t.begin(), t.zero, ends + side);
  uint8_t *right = t.data + size_t(t.w) * t.c;
  for (int y = 0; y + 1 < t.h; y++, right += t.row()) std::memset(right, t.zero, 2 * side);
  std::memset(right, t.zero, ends + side);
}

// A piece of the values of the image: table[c][p], of 16 bits.
void write_pieces(const uint8_t *pixels, const int16_t *table, const CodeTensor &to, int first,
                  int last) {
  const size_t area = size_t(to.h) * to.w;
  for (int y = first; y < last; y++) {
    int16_t *out = (int16_t *)(to.data + y * to.row());
    const uint8_t *in = pixels + size_t(y) * to.w;
    for (int x = 0; x < to.w; x++, in++, out += 3) {
      out[0] = table[in[0]];
      out[1] = table[256 + in[area]];
      out[2] = table[512 + in[2 * area]];
    }
  }
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
      convs_[size_t(i)].reset(new PreparedConvs(program_, i));
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
    const Body *body;
    Lease *lease;
    std::atomic<bool> failed{false};  // an exception must not leave a thread of the pool
  } job{&body, &lease, {}};
  pool_run(
      int(n),
      [](void *ctx, int thread, int item) {
        Job &j = *(Job *)ctx;
        try {
          (*j.body)(j.lease->frame(thread), item);
        } catch (const std::bad_alloc &) {
          j.failed.store(true);
        }
      },
      &job);
  if (job.failed.load()) throw std::bad_alloc();
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

// An image, and memory for a plan.
void Engine::begin(const CompiledPlan &plan, const uint8_t *pixels, int row, int64_t budget,
                   Frame *frame) {
  frame->pixels = pixels;
  frame->row = row;
  frame->asked = budget;
  const Places &places = plan.places;
  if (frame->arena.size() < places.bytes) frame->arena = AlignedBytes(places.bytes);
  const size_t count = program_.operations.size();
  frame->registers.resize(count);
  frame->codes.resize(count);
  uint8_t *arena = frame->arena.data();
  for (size_t i = 0; i < count; i++) {
    const size_t wide = places.wide[i], codes = places.codes[i];
    frame->registers[i] = wide == Places::kNone ? nullptr : (int32_t *)(arena + wide);
    frame->codes[i] = codes == Places::kNone ? nullptr : arena + codes;
  }
}

void Engine::run_steps(const CompiledPlan &plan, int first, Frame *frame) {
  using Clock = std::chrono::steady_clock;
  for (size_t s = size_t(first); s < plan.steps.size(); s++) {
    const Step &step = plan.steps[s];
    if (!frame->seconds) {
      run_step(step, frame);
      continue;
    }
    const Clock::time_point start = Clock::now();
    run_step(step, frame);
    frame->seconds[step.op] += std::chrono::duration<double>(Clock::now() - start).count();
  }
}

void Engine::run_step(const Step &step, Frame *frame) {
  switch (step.kind) {
    case Step::kPlain:
      return plain_.run(step.op, frame);
    case Step::kConv:
      return run_conv(step, frame);
    case Step::kImage:
      return run_image(step, frame);
    case Step::kCodes:
      return codes_from_wide(step.op, frame);
    default:
      return codes_from_pixels(step.op, frame);
  }
}

void Engine::codes_from_pixels(int conv, Frame *frame) {
  const Operation &op = program_.operations[size_t(conv)];
  const auto &values = program_.operations[size_t(op.x)].arrays.table.values;
  const int a_choice = frame->choice(op.slot, op.a_column), drop = child_shift(op, a_choice);
  const CodeRange range = codes_read(program_, op, a_choice);
  const CodeTensor to = codes_of(conv, *frame);
  fill_border(to);
  const IntegerKernels &kernel = integer_kernels();
  uint8_t table[3][256];
  for (int i = 0; i < 3 * 256; i++) {
    const int code = (values[size_t(i)] + ((1 << drop) >> 1)) >> drop;
    table[i / 256][i % 256] = uint8_t(std::min(std::max(code, range.low), range.high) + to.zero);
  }
  spread(*frame, to.h, int64_t(to.h) * to.w >= kValuesWorthSharing / 4,
         [&](int first, int last) { kernel.pixels(frame->pixels, table, to, first, last); });
}

void Engine::codes_from_wide(int conv, Frame *frame) {
  const Operation &op = program_.operations[size_t(conv)];
  const CodeOutput output = output_of(conv, *frame);
  fill_border(output.to);
  const int32_t *from = frame->registers[size_t(coded_register(program_, op))];
  const bool shared = int64_t(program_.operations[size_t(op.x)].out.size()) >= kValuesWorthSharing;
  spread(*frame, output.to.h, shared,
         [&](int first, int last) { integer_kernels().codes(from, output, first, last); });
}

CodeTensor Engine::codes_of(int conv, const Frame &frame) const {
  const Operation &op = program_.operations[size_t(conv)];
  CodeTensor t = tensor_of(program_, op, frame.choice(op.slot, op.a_column));
  t.data = frame.codes[size_t(conv)] + kCodeSlack + (t.row() + t.c) * t.border;
  return t;
}

CodeOutput Engine::output_of(int conv, const Frame &frame) const {
  const Operation &op = program_.operations[size_t(conv)];
  const Operation &source = program_.operations[size_t(op.x)];
  const int a_choice = frame.choice(op.slot, op.a_column), drop = child_shift(op, a_choice);
  CodeRange range = codes_read(program_, op, a_choice);
  if (source.kind != kQuantise) {  // codes already: their children
    const int64_t half = drop ? int64_t(1) << (drop - 1) : 0;
    return {codes_of(conv, frame), drop ? 1 : 2, half, drop ? drop : 1, range.low, range.high};
  }
  const int choice = source.candidates() > 1 ? frame.choice(source.slot, source.column) : 0;
  const int shift = int(source.shift) + drop;
  int64_t half = int64_t(1) << (source.shift - 1);
  if (drop) half += int64_t(1) << (shift - 1);
  if (!op.master) range = limits(source.a_bits(choice), source.is_signed);
  const int32_t multiplier = source.arrays.multiplier.values[size_t(choice)];
  return {codes_of(conv, frame), multiplier, half, shift, range.low, range.high};
}

void Engine::run_conv(const Step &step, Frame *frame) {
  const Operation &op = program_.operations[size_t(step.op)];
  const PreparedConv &made = convs_[size_t(step.op)]->get(
      frame->row, frame->choice(op.slot, op.w_column), frame->choice(op.slot, op.a_column));
  ConvJob job{made.conv, codes_of(step.op, *frame), made.packed, {}};
  Finish &f = job.finish;
  f.c = int(op.c_out);
  f.left = made.left;
  f.right = made.right;
  f.multiplier = made.multiplier.data();
  f.bias = made.bias.data();
  f.bounds = {int32_t(op.low), int32_t(op.high)};
  f.narrow = made.narrow;
  if (step.sum >= 0) {
    const Operation &sum = program_.operations[size_t(step.sum)];
    f.residual = frame->registers[size_t(step.residual)];
    f.sum_bounds = {int32_t(sum.low), int32_t(sum.high)};
    f.rectified = op.low == INT32_MIN && op.high == INT32_MAX && sum.low == 0 &&
                  sum.high == INT32_MAX && is_never_negative(program_, step.residual);
  }
  add_outputs(step, *frame, &f);
  if (f.outputs == 1 && f.output[0].multiplier > 0 && !f.residual && !f.wide)
    f.lines = made.straight.get(made.conv, f, made.least, made.most);
  const int64_t work = int64_t(op.out.size()) * op.c_in * op.kernel * op.kernel;
  if (step.pool >= 0) return run_pooled(step, *made.kernel, job, work, frame);
  const int64_t threads = work < kWorthSharing ? 1 : frame->threads();
  const int parts = int(std::min(4 * threads, std::max(threads, work / kPartWork)));
  const int count = threads == 1 ? 1 : parts;
  const size_t size = made.kernel->scratch_bytes(made.conv);
  uint8_t *scratch = size ? frame->room(size * count) : nullptr;
  in_parts(*frame, count,
           [&](int part) { made.kernel->run(job, part, count, scratch + part * size); });
}

void Engine::run_pooled(const Step &step, const ConvKernel &of_sums, const ConvJob &job,
                        int64_t work, Frame *frame) {
  const Operation &pool = program_.operations[size_t(step.pool)];
  const PooledConv conv = {&of_sums,          job,        int(pool.kernel), int(pool.stride),
                           int(pool.padding), pool.out.h, pool.out.w};
  const PooledKernel &kernel = *integer_kernels().pooled;
  // A part computes the sums again that its first row has in common with the part before.
  const int parts = work < kWorthSharing ? 1 : std::min(conv.ho, 2 * frame->threads());
  const size_t size = kernel.scratch_bytes(conv);
  uint8_t *scratch = frame->room(size * size_t(parts));
  in_parts(*frame, parts, [&](int part) {
    kernel.run(conv, conv.ho * part / parts, conv.ho * (part + 1) / parts, scratch + part * size);
  });
}

void Engine::run_image(const Step &step, Frame *frame) {
  const PreparedImage &made = *images_[size_t(step.op)];
  const ImageConv &c = made.conv;
  const Operation *affine = step.affine < 0 ? nullptr : &program_.operations[size_t(step.affine)];
  const PreparedAffine after(affine, frame->row, made.largest);
  ImageJob job{c, {}, made.packed.data(), {}};
  job.finish.c = c.c_out;
  job.finish.right = after.right;
  job.finish.multiplier = after.multiplier.data();
  job.finish.bias = after.bias.data();
  job.finish.bounds = after.bounds;
  job.finish.narrow = after.narrow;
  add_outputs(step, *frame, &job.finish);
  CodeTensor t{nullptr, c.h, c.w, 2 * kImageChannels, c.padding, 0};
  const size_t size = t.bytes() + 2 * kCodeSlack + 2 * size_t(t.row());
  uint8_t *memory = frame->room(size * size_t(c.x_pieces));
  for (int i = 0; i < c.x_pieces; i++) {
    t.data = memory + size_t(i) * size + kCodeSlack + (t.row() + t.c) * t.border;
    job.x[i] = t;
    fill_border(t);
  }
  const int64_t work = int64_t(c.ho) * c.wo * c.c_out * kImageChannels * c.kernel * c.kernel;
  spread(*frame, c.h, work >= kWorthSharing, [&](int first, int last) {
    for (int i = 0; i < c.x_pieces; i++)
      write_pieces(frame->pixels, &made.table[size_t(i) * kImageChannels * 256], job.x[i], first,
                   last);
  });
  spread(*frame, c.ho * c.wo, work >= kWorthSharing,
         [&](int first, int last) { integer_kernels().image->run(job, first, last); });
}

// What a step writes besides its sums.
void Engine::add_outputs(const Step &step, const Frame &frame, Finish *f) const {
  f->wide = step.wide ? frame.registers[size_t(step.result)] : nullptr;
  for (int conv : step.codes) {
    CodeOutput &output = f->output[f->outputs++];
    output = output_of(conv, frame);
    fill_border(output.to);
  }
}

}  // namespace dq
