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
// near_line.cc: see near_line.h. Let z be the code before it is rounded down, in units, if values
// were not rounded down before: slope sum + start in real numbers. A value is less than 1 too small
// for that, which is less than `step` units: the code is floor(y) with z - step < y <= z. A kernel
// has z + lead up to an error. With lead >= error it is below a code's first unit only if z is, and
// so is y; with doubt - step - lead >= error it is `doubt` units or more above it only if y has
// reached it, too.
#include "engine/near_line.h"

#include <algorithm>
#include <cmath>

namespace dq {
namespace {

constexpr int64_t kExactSum = 1 << 24;        // floats hold all integers up to it
constexpr double kHeld = 1 << 30;             // units
constexpr double kNearest = 1.0 / (1 << 24);  // the most that rounding to a float takes off 1
constexpr int kLargestDoubt = 1 << 8;         // units
constexpr double kSlack = 1.0 / 8;            // for what is computed here

}  // namespace

bool find_near_line(const Value &value, const CodeSteps &steps, int64_t least, int64_t most,
                    NearLine *near) {
  const CodeOutput &output = steps.output;
  const int code = code_by_value(value, steps, least);
  if (code == code_by_value(value, steps, most)) {  // always
    *near = {{0, std::ldexp(float(code - steps.middle) + 0.5f, kNearBits)}, 1 << (kNearBits - 1)};
    return true;
  }
  const double unit = std::ldexp(1, kNearBits - output.shift), step = output.multiplier * unit;
  const double slope = std::ldexp(double(value.multiplier), value.left - value.right) * step;
  const double start = std::ldexp(double(value.bias), -value.right) * step +
                       double(output.half) * unit - std::ldexp(steps.middle, kNearBits);
  const auto reaches = [&](int64_t sum) { return std::fabs(slope * double(sum) + start); };
  if (std::max(-least, most) > kExactSum || slope == 0 || std::fabs(start) > kHeld ||
      std::max(reaches(least), reaches(most)) > kHeld)
    return false;
  // Sums between which the code changes. Beyond, the code of the last of them stays: both rise, or
  // both fall.
  const auto ends_at = [&](int code) {
    const double sum = (std::ldexp(code - steps.middle, kNearBits) - start) / slope;
    return std::min(std::max(sum, double(least)), double(most));
  };
  const double one = ends_at(steps.low), other = ends_at(steps.high + 1);
  const double first = std::floor(std::min(one, other)), last = std::ceil(std::max(one, other));
  near->line.slope = float(slope);
  const double drift = double(near->line.slope) - slope;
  const double centred = start - drift * (first + last) / 2;
  const double largest = std::ldexp(1, kNearBits + 7) + std::fabs(slope) + kLargestDoubt;
  const double error = std::fabs(drift) * (last - first) / 2 + largest * kNearest + 0.5;
  for (int doubt = 1; doubt <= kLargestDoubt; doubt *= 2) {
    near->line.start = float(centred + (doubt - step) / 2);
    near->sure = (1 << kNearBits) - doubt;
    const double lead = double(near->line.start) - centred;
    if (lead >= error + kSlack && doubt - step - lead >= error + kSlack) return true;
  }
  return false;
}

}  // namespace dq
