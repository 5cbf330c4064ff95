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
// near_line.h: where single precision has no line that gives every code (straight.h), as with fine
// steps of 8 bits, it has one that is near. It counts in 2^-kNearBits codes, and is never off by
// more than some of these units: what is above the fraction is the code, unless the fraction is
// below `doubt`. One sum in some thousands is in doubt, and takes the two multiplications and
// shifts.
#pragma once
#include "engine/straight.h"

namespace dq {

constexpr int kNearBits = 16;

// code = clip((round(slope sum + start) >> kNearBits) + middle), of one channel, where the result
// of round() has a bit of `sure`: the bits of its fraction that count `doubt` units or more.
struct NearLine {
  Line line;
  int32_t sure;
};

// The line for sums from `least` to `most`; false where too many would be in doubt, or 32 bits do
// not hold what is rounded.
bool find_near_line(const Value &value, const CodeSteps &steps, int64_t least, int64_t most,
                    NearLine *line);

}  // namespace dq
