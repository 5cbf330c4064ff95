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
// straight.h: codes straight from sums. A value that is only ever quantised rises (or falls) with
// its sum, and so does its code: a staircase of at most 255 steps, which a line in single
// precision, rounded, nearly always has at the same places. Whether it has is looked up at both
// sides of every step, with the very operations that the kernels do; as both rise, they are equal
// everywhere then. Where a channel has no such line, all of its convolution take lines that are
// near (near_line.h), and where one has none of these, the two multiplications and shifts.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/conv_step.h"

namespace dq {

// What sums become, of one channel: ((sum << left) multiplier + bias) >> right, clipped.
struct Value {
  int64_t multiplier, bias;
  int left, right;
  Bounds bounds;
};

// The codes that values within bounds become, by a multiplier above 0, and the least value of each
// but the first. Single precision counts from the one in the middle of the width: it is finest
// around zero.
struct CodeSteps {
  CodeSteps(const CodeOutput &output, const Bounds &bounds);
  CodeOutput output;
  int low, high, middle;
  std::vector<int64_t> values;
};

// The code of a sum, by the long way.
int code_by_value(const Value &value, const CodeSteps &steps, int64_t sum);

// code = clip(round(slope sum + start) + middle), of one channel.
struct Line {
  float slope, start;
};

// The line for sums from `least` to `most`; false where none was found.
bool find_line(const Value &value, const CodeSteps &steps, int64_t least, int64_t most, Line *line);

// The lines of a convolution, for each kind of codes that is asked for. Any thread may ask.
class StraightCodes {
 public:
  ~StraightCodes();
  // f: a Finish of it without a residual and int32 results; least, most: of the sums of its
  // conv.c_out channels. The same lines for outputs that differ in their place alone; null where
  // there are none.
  const Lines *get(const CodeConv &conv, const Finish &f, const int64_t *least,
                   const int64_t *most);

 private:
  struct Made;
  const Made *find(const CodeOutput &output) const;
  const Made *make(const CodeConv &conv, const Finish &f, const int64_t *least,
                   const int64_t *most);
  std::mutex making_;
  std::atomic<Made *> first_{nullptr};
};

}  // namespace dq
