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

#include "inc/ladder.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "inc/error.h"
#include "inc/text.h"

namespace infer {

const Row &Ladder::At(double budget) const {
  if (budget <= 0) {
    return rows[usual];
  }
  const auto dearer = std::find_if(rows.begin(), rows.end(), [budget](const Row &row) { return row.bitops > budget; });
  if (dearer == rows.begin()) {
    throw Error(
      Format("--budget: %.4g M BitOPs; the cheapest setting of this network (all images at %d bits) costs "
             "%.4g M, allow at least that",
             budget / 1e6, rows[0].bits[0], rows[0].bitops / 1e6));
  }
  return *(dearer - 1);
}

int Ladder::PlaceOf(int width) const {
  return static_cast<int>(std::find(bits.begin(), bits.end(), width) - bits.begin());
}

int64_t Ladder::PriceOf(const Row &row, size_t rung) const {
  return (rung == 0 ? costs : again).at(static_cast<size_t>(PlaceOf(row.bits[rung])));
}

std::string TextOf(const Row &row) {
  std::string text = Format("%d bits", row.bits[0]);
  for (size_t rung = 1; rung < row.bits.size(); rung++) {
    text += Format(", %d bits where the margin is below %.6g", row.bits[rung], row.margins[rung - 1]);
  }
  return text + Format(" (on held-out images %.1f M BitOPs, top-1 %.2f %%)", row.bitops / 1e6, 100 * row.top1);
}

double MarginOf(const std::vector<float> &logits) {
  std::vector<float> best(2);
  std::partial_sort_copy(logits.begin(), logits.end(), best.begin(), best.end(), std::greater<float>());
  return static_cast<double>(best[0]) - static_cast<double>(best[1]);
}

}  // namespace infer
