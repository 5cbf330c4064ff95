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

#include "inc/ladder_text.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "inc/error.h"

namespace infer {
namespace {

constexpr double kMostBitOps = 1e18;
constexpr int64_t kMostRows = 4096;

// Its numbers, one for each width.
void ReadPrices(const Fields &fields, Ladder *ladder) {
  const auto count = static_cast<int64_t>(ladder->bits.size());
  ladder->costs = fields.Integers("costs", {count, count}, {0, INT64_MAX});
  ladder->again = fields.Integers("again", {count, count}, {0, INT64_MAX});
  fields.Numbers("top1", ladder->bits.size());  // for readers
}

Row ReadRow(const Fields &fields, const Ladder &ladder) {
  Row row;
  for (int64_t width : fields.Integers("bits", {1, static_cast<int64_t>(ladder.bits.size())}, {1, INT32_MAX})) {
    const bool known = std::count(ladder.bits.begin(), ladder.bits.end(), width) > 0;
    if (!known || (!row.bits.empty() && row.bits.back() >= width)) {
      fields.Fail("bits", "rising widths of the bundle's bits= are allowed");
    }
    row.bits.push_back(static_cast<int>(width));
  }
  if (row.bits.size() > 1) {
    row.margins = fields.Numbers("margins", row.bits.size() - 1);
  }
  row.bitops = fields.Number("bitops", 0, kMostBitOps);
  row.top1 = fields.Number("top1", 0, 1);
  return row;
}

}  // namespace

Ladder ReadLadder(const std::vector<Section> &sections, const std::string &path, const std::vector<int> &bits) {
  Ladder ladder;
  ladder.bits = bits;
  int64_t usual = 0;
  const Section *head = nullptr;
  for (const Section &section : sections) {
    if (section.kind == "ladder") {
      const Fields fields(path, section, "costs again top1 usual");
      ReadPrices(fields, &ladder);
      usual = fields.Integer("usual", 0, kMostRows - 1);
      head = &section;
    } else if (section.kind == "row") {
      const Fields fields(path, section, "bits margins bitops top1");
      Row row = ReadRow(fields, ladder);
      if (!ladder.rows.empty() && ladder.rows.back().bitops >= row.bitops) {
        fields.Fail("bitops", "rows must rise");
      }
      ladder.rows.push_back(std::move(row));
    }
  }
  if (head == nullptr && ladder.rows.empty()) {
    return {};
  }
  if (head == nullptr || static_cast<size_t>(usual) >= ladder.rows.size()) {
    throw Error(path + ": a network that escalates has one [ladder] and a [row] number usual= (counted from 0) among " +
                std::to_string(ladder.rows.size()) + "; export the bundle again");
  }
  ladder.usual = static_cast<size_t>(usual);
  return ladder;
}

}  // namespace infer
