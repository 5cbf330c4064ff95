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
// price.cc: what the program says of given choices, for a test that compares it with the cost model.

#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "check.h"
#include "inc/bundle.h"
#include "inc/files.h"
#include "inc/report.h"
#include "inc/text.h"

// BitOPs of each image, one a line, then the report. The choices are read from stdin as numbers:
// how many images, then layers x columns for each. The bundle's MINDIR files need not be there.
void Price(const std::string &path) {
  const infer::Bytes table = infer::ReadFile(path);
  const infer::Bundle bundle = infer::ParseBundle(std::string(table.begin(), table.end()), path);
  infer::PlanShape shape{bundle.layers, bundle.columns, {}};
  for (int bits : bundle.bits) {
    shape.candidates.push_back(infer::Format("%d bits", bits));
  }
  infer::Report report(shape);
  size_t images = 0;
  std::cin >> images;
  for (size_t n = 0; n < images; n++) {
    std::vector<int32_t> choices(static_cast<size_t>(bundle.layers) * bundle.columns);
    for (int32_t &choice : choices) {
      std::cin >> choice;
    }
    const double bitops = bundle.BitOps(choices);
    std::printf("%.0f\n", bitops);
    report.Add(1, choices, bitops);
  }
  std::fputs(report.Text({}, 0, {}).c_str(), stdout);
}
