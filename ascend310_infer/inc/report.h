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
// report.h: what a run took and chose, as the text of test_perform_static.txt.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "inc/classifier.h"
#include "inc/flags.h"

namespace infer {

// Collects what happens to the images of a run.
class Report {
 public:
  explicit Report(const PlanShape &plan);

  // bitops below 0: not known.
  void Add(double ms, const std::vector<int32_t> &choices, double bitops);

  size_t images() const { return times_.size(); }
  double median() const;
  std::string Text(const Flags &flags, double load_ms, const std::vector<Step> &steps) const;

 private:
  std::string TimesText(double load_ms) const;
  std::string HistogramText() const;

  PlanShape plan_;
  std::vector<double> times_;
  std::vector<int64_t> histogram_;  // layers x columns x candidates
  double bitops_ = 0;
};

}  // namespace infer
