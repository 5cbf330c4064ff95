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

// profile.h: time per kind of kernel, and the count of finished training steps.
#pragma once
#include <chrono>

namespace dq {

class Timer {
 public:
  enum Kind {
    kConvForward,
    kConvBackward,
    kConvInner,
    kNormForward,
    kNormBackward,
    kQuantForward,
    kQuantBackward,
    kPool,
    kUpdate,
    kKinds
  };
  explicit Timer(Kind kind) : kind_(kind), start_(std::chrono::steady_clock::now()) {}
  ~Timer();
  Timer(const Timer &) = delete;
  Timer &operator=(const Timer &) = delete;

 private:
  Kind kind_;
  std::chrono::steady_clock::time_point start_;
};

void step_done();

}  // namespace dq
