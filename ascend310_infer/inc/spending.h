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

// spending.h: what a controller that minds a budget spends on average, by the budget that it is given; as
// cost/spending.py.
#pragma once
#include <cstdint>
#include <vector>

namespace infer {

struct Spending {
  std::vector<int64_t> given;  // BitOPs of an image, rising; empty: not known
  std::vector<double> spent;   // mean BitOPs of an image at each

  // The least budget at which a mean of `asked` BitOPs is to be expected. Throws Error: less than it ever
  // spends.
  int64_t Give(double asked) const;
};

}  // namespace infer
