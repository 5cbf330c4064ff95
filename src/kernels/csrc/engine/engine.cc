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
// engine.cc: one image after another through a program; images, or the rows of one image, in
// parallel.
#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <new>

#include "threads/threads.h"

namespace dq {

// What one thread holds while it runs an image.
struct Engine::Worker {
  std::vector<std::vector<int32_t>> registers;
  std::vector<std::vector<int32_t>> spare;
  size_t held = 0, budget = 0;  // values in both; the most with spare ones among them
  std::vector<int16_t> codes;
  std::vector<int32_t> padded;
  std::vector<int> plan;
  int columns = 1;            // of it
  int64_t asked = kNoBudget;  // of the call
  bool alone = false;         // the pool's other threads are free
  double *seconds = nullptr;  // of each operation, where somebody asks

  // Room for register i: the spare one that was written last, of those that fit without holding
  // twice what is asked for, else new.
  void give(int i, size_t size) {
    auto fits = [&](const auto &v) { return v.capacity() >= size && v.capacity() / 2 <= size; };
    auto &target = registers[size_t(i)];
    auto found = std::find_if(spare.rbegin(), spare.rend(), fits);
    if (found != spare.rend()) {
      target.swap(*found);
      spare.erase(std::next(found).base());
      target.resize(size);
      return;
    }
    while (!spare.empty() && held + size > budget) {
      held -= spare.front().capacity();
      spare.erase(spare.begin());
    }
    target = std::vector<int32_t>(size);
    held += target.capacity();
  }
  void take_back(int i) {
    auto &used = registers[size_t(i)];
    if (used.capacity() == 0) return;
    spare.emplace_back();
    spare.back().swap(used);
  }
  // given: a plan from outside, or null.
  void begin_plan(const PlanShape &shape, const int64_t *given) {
    columns = shape.columns;
    plan.resize(shape.cells());
    if (given) std::copy_n(given, plan.size(), plan.begin());
  }
  int *part(const Operation &op) { return &plan[size_t(op.slot) * columns]; }  // of a Choose
  int choice(int64_t slot, int64_t column) const {
    return slot < 0 ? 0 : plan[size_t(slot) * columns + size_t(column)];
  }
};

namespace {

constexpr int kAll = -1;                   // instead of a number of operations
constexpr size_t kWorthSharing = 1 << 18;  // values below which other threads are not woken

// Of one image: up to these, threads take an image each; above, they share one.
constexpr int64_t kLightBytes = int64_t(1) << 26, kLightWork = int64_t(1) << 33;
constexpr int64_t kCallWork = int64_t(1)
                              << 31;  // of each thread, in a call that ends within seconds

// A buffer of `size` values and not more, whatever it held.
template <class T>
void fit(std::vector<T> *buffer, size_t size) {
  if (buffer->capacity() < size) std::vector<T>().swap(*buffer);
  buffer->resize(size);
}

// body(first, last) over [0, items), on all threads if `shared`.
template <class Body>
void spread(int items, bool shared, const Body &body) {
  if (!shared || items < 2) return body(0, items);
  struct Job {
    const Body *body;
    int items, parts;
  } job = {&body, items, std::min(items, 4 * pool_threads())};
  pool_run(
      job.parts,
      [](void *ctx, int, int part) {
        const Job &j = *(const Job *)ctx;
        (*j.body)(int(int64_t(j.items) * part / j.parts),
                  int(int64_t(j.items) * (part + 1) / j.parts));
      },
      &job);
}

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

void input(const Operation &op, const uint8_t *pixels, int32_t *y) {
  const size_t area = size_t(op.out.h) * op.out.w;
  for (int c = 0; c < 3; c++)
    for (size_t p = 0; p < area; p++)
      y[p * 3 + c] = op.arrays.table.values[size_t(c) * 256 + pixels[c * area + p]];
}

void pool(const Operation &op, const Register &x, const int32_t *v, int32_t *y) {
  const int bins = int(op.bins), c = x.c;
  std::vector<int64_t> sum(static_cast<size_t>(c));
  for (int i = 0; i < bins; i++)
    for (int j = 0; j < bins; j++) {
      const int top = i * x.h / bins, bottom = ((i + 1) * x.h + bins - 1) / bins;
      const int left = j * x.w / bins, right = ((j + 1) * x.w + bins - 1) / bins;
      const int64_t count = int64_t(bottom - top) * (right - left);
      std::fill(sum.begin(), sum.end(), 0);
      for (int a = top; a < bottom; a++)
        for (int b = left; b < right; b++)
          for (int k = 0; k < c; k++) sum[k] += v[(size_t(a) * x.w + b) * c + k];
      for (int k = 0; k < c; k++) {
        const int64_t numerator = 2 * sum[k] + count, divisor = 2 * count;
        const int64_t quotient = numerator / divisor;  // towards zero; floor is wanted
        y[(size_t(i) * bins + j) * c + k] = int32_t(quotient - (numerator % divisor < 0 ? 1 : 0));
      }
    }
}

void max_pool(const Operation &op, const Register &x, const int32_t *v, int32_t *y) {
  const int k = int(op.kernel), s = int(op.stride), p = int(op.padding), c = x.c;
  for (int i = 0; i < op.out.h; i++)
    for (int j = 0; j < op.out.w; j++) {
      int32_t *out = y + (size_t(i) * op.out.w + j) * c;
      std::fill(out, out + c, INT32_MIN);
      for (int a = std::max(0, i * s - p); a < std::min(x.h, i * s - p + k); a++)
        for (int b = std::max(0, j * s - p); b < std::min(x.w, j * s - p + k); b++) {
          const int32_t *in = v + (size_t(a) * x.w + b) * c;
          for (int n = 0; n < c; n++) out[n] = std::max(out[n], in[n]);
        }
    }
}

void subsample(const Operation &op, const Register &x, const int32_t *v, int32_t *y) {
  std::fill(y, y + op.out.size(), 0);
  for (int i = 0; i < op.out.h; i++)
    for (int j = 0; j < op.out.w; j++) {
      const int32_t *in = v + (size_t(i) * op.stride * x.w + size_t(j) * op.stride) * x.c;
      std::copy(in, in + x.c, y + (size_t(i) * op.out.w + j) * op.out.c + op.before);
    }
}

// plan: of `columns`; asked: the call's budget, kNoBudget: the operation's own.
void mind(const Operation &op, const int *plan, int columns, int64_t asked, const int32_t *v,
          int32_t *y) {
  const auto &prices = op.arrays.prices;
  const int64_t k = prices.shape[1], inputs = prices.shape[2];
  int64_t spent = 0;  // below 2^60
  for (int64_t j = 0; j < op.slot; j++) {
    const int *choice = plan + j * columns;
    const int64_t a = std::min<int64_t>(choice[columns - 1], inputs - 1);
    spent += prices.values[size_t((j * k + choice[0]) * inputs + a)];
  }
  const int64_t above = (asked == kNoBudget ? op.budget : asked) - op.base;
  const int64_t left = std::min(std::max<int64_t>(above, 0), op.range);
  spent = std::min(spent, op.range);
  const int64_t half = (int64_t(1) << op.shift) >> 1;
  for (size_t c = 0; c < size_t(op.out.c); c++) {
    const int64_t weighed = op.arrays.asked.values[c] * left + op.arrays.spent.values[c] * spent;
    const int64_t more = (weighed + half) >> op.shift;
    for (size_t at = c; at < op.out.size(); at += size_t(op.out.c)) {
      const int64_t sum = v[at] + more;
      y[at] = int32_t(std::min<int64_t>(std::max<int64_t>(sum, INT32_MIN), INT32_MAX));
    }
  }
}

// part: of the plan, the slots that the operation decides.
void choose(const Operation &op, const int32_t *v, int *part) {
  const size_t given = size_t(op.shared ? 1 : op.layers) * op.columns;
  for (size_t i = 0; i < size_t(op.layers) * op.columns; i++) {
    const int32_t *values = v + (i % given) * op.choices;
    part[i] = int(std::max_element(values, values + op.choices) - values);
  }
}

// Best minus second-best logit; of a single one, as if the other were the least.
int64_t margin(const std::vector<int32_t> &logits) {
  int64_t best = INT32_MIN, second = INT32_MIN;
  for (const int64_t value : logits) {
    second = std::max(second, std::min(best, value));
    best = std::max(best, value);
  }
  return best - second;
}

Bounds bounds_of(const Operation &op) { return {int32_t(op.low), int32_t(op.high)}; }

// Smallest and largest code of a width.
Bounds limits(int bits, bool is_signed) {
  const int32_t top = 1 << (is_signed ? bits - 1 : bits);
  return {is_signed ? -top : 0, top - 1};
}

std::vector<int16_t> pack(const Operation &op, int choice) {
  const bool nested = op.master > 0;
  const auto &weight = op.arrays.weights[nested ? 0 : size_t(choice)].values;
  const int drop = nested ? int(op.master) - op.w_bits(choice) : 0;
  const int top = nested ? (1 << (op.w_bits(choice) - 1)) - 1 : 127;
  const int groups = int(op.groups), k = int(op.kernel), c_in = int(op.c_in);
  const int channels = int(op.c_out) / groups, pairs = (c_in + 1) / 2;
  const int blocks = (channels + kChannelBlock - 1) / kChannelBlock;
  std::vector<int16_t> out(size_t(groups) * blocks * k * k * pairs * kChannelBlock * 2);
  for (int o = 0; o < op.c_out; o++) {
    const int group = o / channels, block = o % channels / kChannelBlock;
    const int lane = o % channels % kChannelBlock;
    for (int c = 0; c < c_in; c++)
      for (int tap = 0; tap < k * k; tap++) {
        int q = weight[(size_t(o) * c_in + c) * k * k + tap];
        q = std::min((q + ((1 << drop) >> 1)) >> drop, top);  // a child's lower clip cannot bind
        size_t at = ((size_t(group) * blocks + block) * k * k + tap) * pairs + c / 2;
        out[(at * kChannelBlock + lane) * 2 + c % 2] = int16_t(op.odd ? 2 * q + 1 : q);
      }
  }
  return out;
}

// Values of each channel, every group's padded to whole blocks.
template <class T>
std::vector<T> in_blocks(const T *values, int c_out, int groups) {
  const int channels = c_out / groups;
  const int width = (channels + kChannelBlock - 1) / kChannelBlock * kChannelBlock;
  std::vector<T> out(size_t(groups) * width);
  for (int o = 0; o < c_out; o++) out[size_t(o / channels) * width + o % channels] = values[o];
  return out;
}

}  // namespace

Engine::Engine(Program program)
    : program_(std::move(program)),
      layers_(program_.operations.size()),
      needed_{program_.needed(false), program_.needed(true)},
      last_use_{program_.last_use(needed_[0]), program_.last_use(needed_[1])},
      steady_(program_.steady()) {
  for (int i = 0; i < int(layers_.size()); i++) prepare(i);
}

Engine::~Engine() = default;

void Engine::prepare(int i) {
  const Operation &op = program_.operations[size_t(i)];
  Layer &layer = layers_[size_t(i)];
  const int k = int(op.kernel), c_in = int(op.c_in);
  if (op.kind == kConv) {
    layer.packed.reset(new Packed[size_t(op.candidates())]);
    const auto &multiplier = op.arrays.multiplier.values;
    const auto &bias = op.arrays.bias.values;
    for (size_t at = 0; at < multiplier.size(); at += size_t(op.c_out))
      layer.multiplier.push_back(in_blocks(&multiplier[at], int(op.c_out), int(op.groups)));
    for (size_t at = 0; at < bias.size(); at += size_t(op.c_out))
      layer.bias.push_back(in_blocks(&bias[at], int(op.c_out), int(op.groups)));
  } else if (op.kind == kWide) {
    const auto &weight = op.arrays.weight.values;
    layer.wide.resize(weight.size());
    for (size_t o = 0; o < size_t(op.c_out); o++)
      for (int c = 0; c < c_in; c++)
        for (int tap = 0; tap < k * k; tap++)
          layer.wide[(o * k * k + tap) * c_in + c] = weight[(o * c_in + c) * k * k + tap];
  }
}

const int16_t *Engine::packed(const Operation &op, Layer *layer, int choice) {
  Packed &p = layer->packed[choice];
  std::call_once(p.once, [&] { p.weight = pack(op, choice); });
  return p.weight.data();
}

// body(worker, image) for all of n images, on several threads where images are small.
template <class Body>
void Engine::each(int64_t n, const Body &body) {
  const bool many = n > 1 && pool_threads() > 1 && is_light();
  while (int(workers_.size()) < (many ? pool_threads() : 1)) workers_.emplace_back(new Worker);
  for (auto &worker : workers_) worker->alone = !many;
  if (!many) {
    for (int64_t i = 0; i < n; i++) body(workers_[0].get(), i);
    return;
  }
  struct Job {
    const Body *body;
    Engine *engine;
    std::atomic<bool> failed{false};  // an exception must not leave a thread of the pool
  } job{&body, this, {}};
  pool_run(
      int(n),
      [](void *ctx, int thread, int item) {
        Job &j = *(Job *)ctx;
        try {
          (*j.body)(j.engine->workers_[size_t(thread)].get(), item);
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
  each(n, [&](Worker *w, int64_t i) {
    w->asked = budget;
    image(images + i * pixel_count(), plan ? plan + i * cells : nullptr, row, w, false);
    std::copy_n(w->registers.back().data(), classes, logits + i * classes);
    if (plan_out) std::copy_n(w->plan.data(), cells, plan_out + i * cells);
  });
}

void Engine::climb(const uint8_t *images, int64_t n, const Rungs &rungs, int32_t *logits,
                   int64_t *ends) {
  const size_t classes = program_.operations.back().out.size();
  each(n, [&](Worker *w, int64_t i) {
    ends[i] = climb_one(images + i * pixel_count(), rungs, w);
    std::copy_n(w->registers.back().data(), classes, logits + i * classes);
  });
}

int Engine::climb_one(const uint8_t *pixels, const Rungs &rungs, Worker *w) {
  begin(w);
  for (int rung = 0;; rung++) {
    const bool last = rung + 1 == rungs.count;
    w->begin_plan(program_.plan, rungs.plans + size_t(rung) * program_.plan.cells());
    pass(rung ? steady_ : 0, last ? 0 : steady_, pixels, true, int(rungs.rows[rung]), w);
    if (last || margin(w->registers.back()) >= rungs.thresholds[rung]) return rung;
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
  Worker w;
  w.alone = true;
  w.asked = budget;
  image(pixels, plan, row, &w, true);
  for (size_t i = 0; i < program_.operations.size(); i++) {
    const Register &r = program_.operations[i].out;
    const auto &values = w.registers[i];
    if (r.kind == kPlanRegister) {
      const size_t count = size_t(r.c) * r.h;
      if (!plan) std::copy_n(w.part(program_.operations[i]), count, out);
      out += count;
      continue;
    }
    if (!values.empty()) to_first(r, values.data(), out);
    out += r.size();
  }
}

void Engine::times(const uint8_t *pixels, const int64_t *plan, int row, int64_t runs,
                   double *seconds) {
  Worker w;
  w.alone = true;
  image(pixels, plan, row, &w, false);  // packs weights, asks for memory
  for (int64_t i = 0; i < runs; i++) {
    w.seconds = seconds + size_t(i) * program_.operations.size();
    image(pixels, plan, row, &w, false);
  }
}

void Engine::apply(int i, const uint8_t *pixels, const int32_t *const *inputs, const int64_t *plan,
                   int row, int32_t *out) {
  const Operation &op = program_.operations[size_t(i)];
  Worker w;
  w.registers.resize(program_.operations.size());
  w.begin_plan(program_.plan, plan);
  for (int r : op.reads()) {
    const Register &shape = program_.operations[size_t(r)].out;
    w.registers[size_t(r)].resize(shape.size());
    to_last(shape, *inputs++, w.registers[size_t(r)].data());
  }
  step(i, pixels, row, &w);
  if (op.kind == kChoose) {
    std::copy_n(w.part(op), size_t(op.layers) * op.columns, out);
  } else {
    to_first(op.out, w.registers[size_t(i)].data(), out);
  }
}

void Engine::begin(Worker *w) {
  w->registers.resize(program_.operations.size());
  w->budget = 2 * size_t(program_.image_values);
  for (int i = 0; i < int(program_.operations.size()); i++) w->take_back(i);  // of the image before
}

void Engine::image(const uint8_t *pixels, const int64_t *plan, int row, Worker *w, bool keep) {
  begin(w);
  w->begin_plan(program_.plan, plan);
  pass(0, keep ? kAll : 0, pixels, plan != nullptr, row, w);
}

// The operations from `first` on, in the plan of w; given: it is from outside. What the operations
// before `kept` write stays for a pass that begins there; kAll: everything stays.
void Engine::pass(int first, int kept, const uint8_t *pixels, bool given, int row, Worker *w) {
  const auto &needed = needed_[given];
  const auto &last_use = last_use_[given];
  const int count = int(program_.operations.size());
  for (int i = first; i < count; i++) {
    if (!needed[size_t(i)]) continue;
    w->take_back(i);  // of the pass before
    const auto start = std::chrono::steady_clock::now();
    step(i, pixels, row, w);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (w->seconds) w->seconds[i] += took.count();
    if (kept == kAll) continue;
    for (int r : program_.operations[size_t(i)].reads())
      if (last_use[size_t(r)] == i && (r >= kept || i < kept)) w->take_back(r);
  }
}

void Engine::step(int i, const uint8_t *pixels, int row, Worker *w) {
  const Operation &op = program_.operations[size_t(i)];
  const IntegerKernels &k = integer_kernels();
  if (op.kind == kChoose) return choose(op, w->registers[size_t(op.x)].data(), w->part(op));
  w->give(i, op.out.size());
  int32_t *y = w->registers[size_t(i)].data();
  if (op.kind == kInput) return input(op, pixels, y);
  const Register &shape = program_.operations[size_t(op.x)].out;
  const int32_t *x = w->registers[size_t(op.x)].data();
  const bool shared = w->alone && op.out.size() >= kWorthSharing;
  const size_t line = size_t(op.out.w) * op.out.c;
  switch (op.kind) {
    case kQuantise: {
      const int choice = op.candidates() > 1 ? w->choice(op.slot, op.column) : 0;
      const int32_t multiplier = op.arrays.multiplier.values[size_t(choice)];
      const Bounds codes = limits(op.a_bits(choice), op.is_signed);
      return spread(op.out.h, shared, [&](int first, int last) {
        k.quantise(x + first * line, (last - first) * line, multiplier, int(op.shift), codes,
                   y + first * line);
      });
    }
    case kBucketise: {
      const Buckets buckets = {op.arrays.thresholds.values.data(), op.arrays.levels.values.data(),
                               int(op.arrays.levels.values.size())};
      return spread(op.out.h, shared, [&](int first, int last) {
        k.bucketise(x + first * line, (last - first) * line, buckets, y + first * line);
      });
    }
    case kConv:
      return conv(op, &layers_[size_t(i)], row, w, y);
    case kWide:
      return wide(op, layers_[size_t(i)], w, y);
    case kAffine: {
      const size_t at = size_t(row) * op.out.c;
      const Scaling s = {&op.arrays.multiplier.values[at], &op.arrays.bias.values[at], op.out.c,
                         int(op.shift), bounds_of(op)};
      return spread(op.out.h, shared, [&](int first, int last) {
        k.scale(x + first * line, size_t(last - first) * op.out.w, s, y + first * line);
      });
    }
    case kAdd: {
      const int32_t *b = w->registers[size_t(op.y)].data();
      return spread(op.out.h, shared, [&](int first, int last) {
        k.add(x + first * line, b + first * line, (last - first) * line, bounds_of(op),
              y + first * line);
      });
    }
    case kPool:
      return pool(op, shape, x, y);
    case kMaxPool:
      return max_pool(op, shape, x, y);
    case kBudget:
      return mind(op, w->plan.data(), w->columns, w->asked, x, y);
    default:
      return subsample(op, shape, x, y);
  }
}

void Engine::conv(const Operation &op, Layer *layer, int row, Worker *w, int32_t *y) {
  const IntegerKernels &kernels = integer_kernels();
  const Register &x = program_.operations[size_t(op.x)].out;
  const int w_choice = w->choice(op.slot, op.w_column);
  const int a_choice = w->choice(op.slot, op.a_column);
  const int groups = int(op.groups), k = int(op.kernel), padding = int(op.padding);
  const int channels = int(op.c_out) / groups, pairs = (int(op.c_in) + 1) / 2;
  const int blocks = (channels + kChannelBlock - 1) / kChannelBlock;
  const int drop = op.master ? int(op.master) - op.a_bits(a_choice) : 0;
  const int drop_w = op.master ? int(op.master) - op.w_bits(w_choice) : 0;
  const Bounds codes =
      op.master ? limits(op.a_bits(a_choice), x.is_signed) : Bounds{INT16_MIN, INT16_MAX};
  const int height = x.h + 2 * padding, width = x.w + 2 * padding;
  const bool shared = w->alone && op.out.size() * size_t(op.c_in) * k * k >= 16 * kWorthSharing;
  fit(&w->codes, size_t(height) * width * pairs * 2);
  const int16_t *weight = packed(op, layer, w_choice);
  const auto &multiplier =
      layer->multiplier[place_of(op.arrays.multiplier.shape, row, w_choice, a_choice) / op.c_out];
  const auto &bias =
      layer->bias[place_of(op.arrays.bias.shape, row, w_choice, a_choice) / op.c_out];
  for (int g = 0; g < groups; g++) {
    const CodePlane plane = {w->registers[size_t(op.x)].data(),
                             x.h,
                             x.w,
                             x.c,
                             g * int(op.c_in),
                             int(op.c_in),
                             padding,
                             drop,
                             codes,
                             w->codes.data()};
    spread(height, shared, [&](int first, int last) { kernels.code_rows(plane, first, last); });
    const size_t at = size_t(g) * blocks * kChannelBlock;
    const IntegerConv job = {w->codes.data(),
                             width,
                             pairs,
                             k,
                             int(op.stride),
                             op.out.h,
                             op.out.w,
                             weight + size_t(g) * blocks * k * k * pairs * kChannelBlock * 2,
                             channels,
                             drop + drop_w,
                             int(op.shift),
                             &multiplier[at],
                             &bias[at],
                             bounds_of(op),
                             y + size_t(g) * channels,
                             int(op.c_out)};
    spread(op.out.h, shared, [&](int first, int last) { kernels.conv_rows(job, first, last); });
  }
}

void Engine::wide(const Operation &op, const Layer &layer, Worker *w, int32_t *y) {
  const IntegerKernels &kernels = integer_kernels();
  const Register &x = program_.operations[size_t(op.x)].out;
  const int p = int(op.padding), k = int(op.kernel), s = int(op.stride), c_in = int(op.c_in);
  const int width = x.w + 2 * p, channels = int(op.c_out / op.groups);
  const int32_t *in = w->registers[size_t(op.x)].data();
  if (p > 0) {
    fit(&w->padded, size_t(x.h + 2 * p) * width * x.c);
    std::fill(w->padded.begin(), w->padded.end(), 0);
    for (int i = 0; i < x.h; i++)
      std::copy_n(in + size_t(i) * x.w * x.c, size_t(x.w) * x.c,
                  &w->padded[(size_t(i + p) * width + p) * x.c]);
    in = w->padded.data();
  }
  // With one group the pixels of a kernel row follow each other, weights and inputs alike.
  const int runs = op.groups == 1 ? 1 : k, length = op.groups == 1 ? k * c_in : c_in;
  const int64_t half = (int64_t(1) << op.shift) >> 1;
  const bool shared = w->alone && op.out.size() * size_t(c_in) * k * k >= 4 * kWorthSharing;
  spread(op.out.h * op.out.w, shared, [&](int first, int last) {
    for (int pixel = first; pixel < last; pixel++) {
      const size_t top = size_t(pixel / op.out.w) * s, left = size_t(pixel % op.out.w) * s;
      for (int o = 0; o < op.c_out; o++) {
        const int32_t *weight = &layer.wide[size_t(o) * k * k * c_in];
        int64_t sum = 0;
        for (int a = 0; a < k; a++)
          for (int b = 0; b < runs; b++, weight += length)
            kernels.wide_dot(in + ((top + a) * width + left + b) * x.c + o / channels * c_in,
                             weight, size_t(length), &sum);
        sum = (sum + half) >> op.shift;
        y[size_t(pixel) * op.c_out + o] =
            int32_t(std::min<int64_t>(std::max<int64_t>(sum, INT32_MIN), INT32_MAX));
      }
    }
  });
}

}  // namespace dq
