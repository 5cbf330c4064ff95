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

// running.cc: a few values per layer; it is there because every plain operator costs a launch.
#include "pointwise/running.h"

#include <cstddef>

namespace dq {

void move_running(const Running &s, const float *value, float factor, float *moving) {
  for (int r = 0; r < s.rows; r++) {
    const float share = s.share[r], kept = 1 - share;
    for (int c = 0; c < s.channels; c++) {
      float *const at = moving + (size_t)r * s.channels + c;
      *at = *at * kept + value[c] * factor * share;
    }
  }
}

}  // namespace dq
