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
// steps.cc: an engine runs the steps of a compiled plan, alone or on several threads.
#include <algorithm>
#include <chrono>
#include <cstring>

#include "engine/engine.h"

namespace dq {
namespace {

// Products of a step below which other threads are not woken, and of each part.
constexpr int64_t kWorthSharing = int64_t(1) << 19, kPartWork = int64_t(1) << 23;
constexpr int64_t kValuesWorthSharing = int64_t(1) << 17;  // likewise
constexpr size_t kPooledBytes = size_t(1) << 25;  // of sums that all parts of a step hold at once

// Smallest and largest code of a width.
CodeRange limits(int bits, bool is_signed) {
  const int top = 1 << (is_signed ? bits - 1 : bits);
  return {is_signed ? -top : 0, top - 1};
}

constexpr Bounds kAll = {INT32_MIN, INT32_MAX};

Bounds within(int64_t low, int64_t high, Bounds limits) {
  const auto clip = [&](int64_t v) {
    return int32_t(std::min<int64_t>(std::max<int64_t>(v, limits.low), limits.high));
  };
  return {clip(low), clip(high)};
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
  frame->reach.assign(count, kAll);
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
      plain_.run(step.op, frame);
      return pass_reach(step.op, frame);
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

// What an operation that chooses some of its input, or zeros, can hold; of others, anything.
void Engine::pass_reach(int i, Frame *frame) const {
  const Operation &op = program_.operations[size_t(i)];
  if (op.kind != kSubsample && op.kind != kMaxPool) return;
  const Bounds &x = frame->reach[size_t(op.x)];
  frame->reach[size_t(i)] = {std::min(x.low, 0), std::max(x.high, 0)};
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
  const CodeRange range = codes_read(program_, op, a_choice);
  if (source.kind != kQuantise) {  // codes already: their children
    const int64_t half = drop ? int64_t(1) << (drop - 1) : 0;
    return {codes_of(conv, frame), drop ? 1 : 2, half, drop ? drop : 1, range.low, range.high};
  }
  const int choice = source.candidates() > 1 ? frame.choice(source.slot, source.column) : 0;
  const int shift = int(source.shift) + drop;
  int64_t half = int64_t(1) << (source.shift - 1);
  if (drop) half += int64_t(1) << (shift - 1);
  // Codes end where the quantiser's do, which may be narrower than the master, and where the
  // child's do.
  const CodeRange written = limits(source.a_bits(choice), source.is_signed);
  const auto child = [drop](int code) { return (code + ((1 << drop) >> 1)) >> drop; };
  const int low = std::max(range.low, child(written.low));
  const int high = std::min(range.high, child(written.high));
  const int32_t multiplier = source.arrays.multiplier.values[size_t(choice)];
  return {codes_of(conv, frame), multiplier, half, shift, low, high};
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
  Bounds reach = made.narrow ? within(made.reach.low, made.reach.high, f.bounds) : f.bounds;
  if (step.sum >= 0) {
    const Operation &sum = program_.operations[size_t(step.sum)];
    f.residual = frame->registers[size_t(step.residual)];
    f.sum_bounds = {int32_t(sum.low), int32_t(sum.high)};
    const Bounds &other = frame->reach[size_t(step.residual)];
    const int64_t low = int64_t(reach.low) + other.low, high = int64_t(reach.high) + other.high;
    const bool bound = made.reach.low < f.bounds.low || made.reach.high > f.bounds.high;
    f.roomy = made.narrow && !bound && low >= INT32_MIN && high <= f.sum_bounds.high;
    reach = within(low, high, f.sum_bounds);
  }
  frame->reach[size_t(step.result)] = reach;
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
  // A part computes the sums again that its first row has in common with the part before, and has
  // as many rows of sums as a window, which may be all of them.
  const size_t size = kernel.scratch_bytes(conv);
  const int held = int(std::max<size_t>(1, kPooledBytes / size));
  const int parts = work < kWorthSharing ? 1 : std::min({conv.ho, 2 * frame->threads(), held});
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
