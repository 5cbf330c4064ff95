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
// straight.cc: see straight.h.
#include "engine/straight.h"

#include <algorithm>
#include <cmath>

#include "engine/near_line.h"

namespace dq {
namespace {

using Long = __int128;

constexpr int kNearbySlopes = 6;         // floats to either side of the exact one that are tried
constexpr int kLargestRight = 30;        // of a value's shift, so that 64 bits hold what is divided
constexpr float kLargestCode = 1 << 30;  // before it is clipped, so that 32 bits hold it

int code_of(const CodeOutput &o, int64_t v) {
  const Long code = (Long(v) * o.multiplier + o.half) >> o.shift;
  return int(std::min<Long>(std::max<Long>(code, o.low), o.high));
}

// As kernels compute it: to the nearest float, then to the nearest integer, of halves the even one.
float on(const Line &line, int64_t sum) {
  return std::fmaf(line.slope, float(int32_t(sum)), line.start);
}

// Two neighbouring sums, and the larger code of both, without its middle; the other is smaller.
struct Stair {
  int64_t below, at;
  int code;
};

// The steps of a channel within a range of sums, not all of which have one code.
std::vector<Stair> stairs_of(const Value &v, const CodeSteps &steps, int64_t least, int64_t most) {
  std::vector<Stair> stairs;
  const int64_t m = v.multiplier * (int64_t(1) << v.left), magnitude = m < 0 ? -m : m;
  for (size_t i = 0; i < steps.values.size(); i++) {
    // The first sum with this value, in the direction in which values rise.
    const int64_t wanted = steps.values[i] * (int64_t(1) << v.right) - v.bias;
    const int64_t count = wanted / magnitude + (wanted % magnitude > 0);
    const int64_t at = m < 0 ? -count : count, below = m < 0 ? at + 1 : at - 1;
    if (std::min(at, below) >= least && std::max(at, below) <= most)
      stairs.push_back({below, at, steps.low + 1 + int(i)});
  }
  return stairs;
}

// The steps, and the codes of the least and the largest sum.
struct Staircase {
  std::vector<Stair> stairs;
  int64_t least, most;
  int code_least, code_most;
};

bool ends_at(const Line &line, int64_t sum, int code, const CodeSteps &steps) {
  const float reached = on(line, sum);
  if (!(std::fabs(reached) < kLargestCode)) return false;
  const int64_t rounded = std::lrintf(reached) + steps.middle;
  return std::min<int64_t>(std::max<int64_t>(rounded, steps.low), steps.high) == code;
}

bool fits(const Line &line, const Staircase &s, const CodeSteps &steps) {
  for (const Stair &stair : s.stairs)
    if (std::lrintf(on(line, stair.at)) < stair.code - steps.middle ||
        std::lrintf(on(line, stair.below)) >= stair.code - steps.middle)
      return false;
  return ends_at(line, s.least, s.code_least, steps) && ends_at(line, s.most, s.code_most, steps);
}

}  // namespace

CodeSteps::CodeSteps(const CodeOutput &o, const Bounds &bounds)
    : output(o),
      low(code_of(o, bounds.low)),
      high(code_of(o, bounds.high)),
      middle((o.low + o.high + 1) / 2) {
  for (int code = low + 1; code <= high; code++) {
    const Long product = Long(code) * (Long(1) << o.shift) - o.half, m = o.multiplier;
    values.push_back(int64_t(product / m + (product % m > 0)));
  }
}

int code_by_value(const Value &v, const CodeSteps &steps, int64_t sum) {
  const int64_t value = (sum * (int64_t(1) << v.left) * v.multiplier + v.bias) >> v.right;
  return code_of(steps.output,
                 std::min<int64_t>(std::max<int64_t>(value, v.bounds.low), v.bounds.high));
}

bool find_line(const Value &value, const CodeSteps &steps, int64_t least, int64_t most,
               Line *line) {
  if (value.right > kLargestRight) return false;
  const CodeOutput &output = steps.output;
  Staircase s{
      {}, least, most, code_by_value(value, steps, least), code_by_value(value, steps, most)};
  if (s.code_least == s.code_most) {
    *line = {0, float(s.code_least - steps.middle)};
    return true;
  }
  s.stairs = stairs_of(value, steps, least, most);
  const double slope = std::ldexp(double(value.multiplier) * output.multiplier,
                                  value.left - value.right - output.shift);
  for (int away = 0; away <= 2 * kNearbySlopes; away++) {
    float a = float(slope);
    for (int i = 0; i < (away + 1) / 2; i++)
      a = std::nextafterf(a, away % 2 ? HUGE_VALF : -HUGE_VALF);
    double low = -HUGE_VAL, high = HUGE_VAL;  // between which the start has to be
    for (const Stair &stair : s.stairs) {
      const double edge = stair.code - steps.middle - 0.5;
      low = std::max(low, edge - double(a) * double(stair.at));
      high = std::min(high, edge - double(a) * double(stair.below));
    }
    for (double share : {0.5, 0.25, 0.75}) {
      *line = {a, float(low + share * (high - low))};
      if (low < high && fits(*line, s, steps)) return true;
    }
  }
  return false;
}

struct StraightCodes::Made {
  CodeOutput output;
  std::vector<float> slope, start;
  std::vector<int32_t> sure;
  Lines lines;
  bool found;
  Made *next;

  void put(int at, const NearLine &near) {
    slope[size_t(at)] = near.line.slope;
    start[size_t(at)] = near.line.start;
    sure[size_t(at)] = near.sure;
  }
};

StraightCodes::~StraightCodes() {
  for (Made *made = first_; made;) {
    Made *next = made->next;
    delete made;
    made = next;
  }
}

const StraightCodes::Made *StraightCodes::find(const CodeOutput &o) const {
  for (const Made *made = first_.load(std::memory_order_acquire); made; made = made->next) {
    const CodeOutput &has = made->output;
    if (has.multiplier == o.multiplier && has.half == o.half && has.shift == o.shift &&
        has.low == o.low && has.high == o.high && has.to.zero == o.to.zero)
      return made;
  }
  return nullptr;
}

const Lines *StraightCodes::get(const CodeConv &conv, const Finish &f, const int64_t *least,
                                const int64_t *most) {
  const CodeOutput &output = f.output[0];
  const Made *found = find(output);
  if (!found) {
    std::lock_guard<std::mutex> hold(making_);
    found = find(output);
    if (!found) found = make(conv, f, least, most);
  }
  return found->found ? &found->lines : nullptr;
}

const StraightCodes::Made *StraightCodes::make(const CodeConv &conv, const Finish &f,
                                               const int64_t *least, const int64_t *most) {
  const CodeSteps steps(f.output[0], f.bounds);
  const size_t count = size_t(conv.blocks()) * kChannelBlock;
  std::unique_ptr<Made> made(new Made);
  made->output = f.output[0];
  const int half = 1 << (kNearBits - 1);  // of lanes without a channel: never in doubt
  made->slope.assign(count, 0);
  made->start.assign(count, half);
  made->sure.assign(count, half);
  // Whether find(value, sums from, to, line) has a line for every channel.
  const auto all = [&](const auto &find) {
    for (int o = 0; o < conv.c_out; o++) {
      const int at = conv.place_of(o), of_finish = even_first(at);
      const Value value = {f.multiplier[of_finish], f.bias[of_finish], f.left, f.right, f.bounds};
      NearLine near = {};
      if (!find(value, least[o], most[o], &near)) return false;
      made->put(at, near);
    }
    return true;
  };
  const bool exact = all([&](const Value &value, int64_t from, int64_t to, NearLine *near) {
    return find_line(value, steps, from, to, &near->line);
  });
  made->found = exact || all([&](const Value &value, int64_t from, int64_t to, NearLine *near) {
                  return find_near_line(value, steps, from, to, near);
                });
  made->lines = {exact,
                 made->slope.data(),
                 made->start.data(),
                 made->sure.data(),
                 steps.low - steps.middle,
                 steps.high - steps.middle,
                 steps.middle + f.output[0].to.zero};
  made->next = first_;
  first_.store(made.get(), std::memory_order_release);
  return made.release();
}

}  // namespace dq

// For tests (tests/engine/conv_kernels.py). steps: low, high and middle.
extern "C" bool dq_find_line(const dq::Value *value, const dq::CodeOutput *output, int64_t least,
                             int64_t most, dq::Line *line, int *steps) {
  const dq::CodeSteps made(*output, value->bounds);
  steps[0] = made.low;
  steps[1] = made.high;
  steps[2] = made.middle;
  return dq::find_line(*value, made, least, most, line);
}

extern "C" bool dq_find_near_line(const dq::Value *value, const dq::CodeOutput *output,
                                  int64_t least, int64_t most, dq::NearLine *line) {
  return dq::find_near_line(*value, dq::CodeSteps(*output, value->bounds), least, most, line);
}
