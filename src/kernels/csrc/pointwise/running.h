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

// running.h: running statistics of a batch normalisation follow those of a batch.
#pragma once

namespace dq {

// moving[r][c] = moving[r][c] * (1 - share[r]) + value[c] * factor * share[r]
struct Running {
  int rows, channels;  // a bank holds several rows of statistics
  const float *share;
};

void move_running(const Running &, const float *value, float factor, float *moving);

}  // namespace dq
