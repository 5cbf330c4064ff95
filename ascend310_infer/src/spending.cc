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

#include "inc/spending.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "inc/error.h"
#include "inc/text.h"

namespace infer {

int64_t Spending::Give(double asked) const {
  std::vector<double> rising = spent;
  for (size_t i = 1; i < rising.size(); i++) {
    rising[i] = std::max(rising[i], rising[i - 1]);
  }
  if (asked < rising.front()) {
    throw Error(
      Format("--budget: %.4g M BitOPs; the least that this network's agent spends on an image is %.4g M on "
             "average, allow at least that",
             asked / 1e6, rising.front() / 1e6));
  }
  const double mean = std::min(asked, rising.back());
  const auto after = static_cast<size_t>(std::lower_bound(rising.begin(), rising.end(), mean) - rising.begin());
  if (after == 0) {
    return given.front();
  }
  const double share = (mean - rising[after - 1]) / (rising[after] - rising[after - 1]);
  const auto step = static_cast<double>(given[after] - given[after - 1]);
  return given[after - 1] + static_cast<int64_t>(std::floor(share * step + 0.5));
}

}  // namespace infer
