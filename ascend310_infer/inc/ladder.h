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
// ladder.h: escalation. A network that runs at several widths answers at its lowest rung first, and
// again at the next one where the two best logits of that answer are closer than a threshold.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace infer {

// A setting: the widths of its rungs, rising, and the thresholds of all of them but the last.
struct Row {
  std::vector<int> bits;
  std::vector<double> margins;  // units of the logits; an image whose margin is below goes on
  double bitops = 0;            // mean over the images that the thresholds were set on
  double top1 = 0;              // share of them, 0..1
};

// The settings from the cheapest to the best; none: the network does not escalate.
struct Ladder {
  std::vector<int> bits;       // the widths at which the network can run
  std::vector<int64_t> costs;  // BitOPs of a first pass at each
  std::vector<int64_t> again;  // of a later pass
  std::vector<Row> rows;
  size_t usual = 0;  // the row that runs where no budget is given

  bool empty() const { return rows.empty(); }
  // The dearest row of at most `budget` BitOPs, a mean over images; 0: the usual one. Throws Error.
  const Row &At(double budget) const;
  // Where in `bits` a width stands.
  int PlaceOf(int width) const;
  // BitOPs of pass number `rung` at the width of that rung of a row.
  int64_t PriceOf(const Row &row, size_t rung) const;
};

// "2 bits, 4 bits where the margin is below 1.25 (on held-out images 123.4 M BitOPs, top-1 91.00 %)".
std::string TextOf(const Row &row);

// Best minus second best; of at least two logits.
double MarginOf(const std::vector<float> &logits);

}  // namespace infer
