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

#include "inc/report.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "inc/text.h"

namespace infer {
namespace {

std::string StepsText(const std::vector<Step> &steps) {
  std::string text = Format("\n%-32s %-10s %8s %10s\n", "stage", "choice", "runs", "mean ms");
  for (const Step &step : steps) {
    text += Format("%-32s %-10s %8s", step.name.c_str(), step.candidate.c_str(), std::to_string(step.runs).c_str());
    text += step.runs > 0 ? Format(" %10.4f\n", step.ms / static_cast<double>(step.runs)) : Format(" %10s\n", "-");
  }
  return text;
}

const char *SideOf(int column, int columns) {
  if (columns == 1) {
    return "both";
  }
  return column == 0 ? "weights" : "inputs";
}

}  // namespace

Report::Report(const PlanShape &plan) : plan_(plan) {
  histogram_.resize(static_cast<size_t>(plan.layers) * plan.columns * plan.candidates.size());
}

void Report::Add(double ms, const std::vector<int32_t> &choices, double bitops) {
  times_.push_back(ms);
  bitops_ += bitops;
  for (size_t i = 0; i < choices.size(); i++) {
    histogram_.at(i * plan_.candidates.size() + static_cast<size_t>(choices[i]))++;
  }
}

double Report::median() const {
  std::vector<double> sorted = times_;
  std::sort(sorted.begin(), sorted.end());
  const size_t half = sorted.size() / 2;
  return sorted.size() % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

std::string Report::Text(const Flags &flags, double load_ms, const std::vector<Step> &steps) const {
  std::string text =
    Format("device type: %s, mode: %s, threads: %s\n", NameOf(flags.device).c_str(), NameOf(flags.mode).c_str(),
           flags.thread_num ? Format("%d", flags.thread_num).c_str() : "all cores");
  if (!plan_.escalation.empty()) {
    text += "escalation: " + plan_.escalation + "\n";
  }
  text += TimesText(load_ms);
  if (flags.device != Device::kHost) {
    text +=
      "low widths are simulated here: values on a low-width grid, computed in floating point; "
      "their times say nothing of low-width hardware\n";
  }
  return text + StepsText(steps) + HistogramText();
}

std::string Report::TimesText(double load_ms) const {
  const double total = std::accumulate(times_.begin(), times_.end(), 0.0);
  const auto [least, most] = std::minmax_element(times_.begin(), times_.end());
  const auto count = static_cast<double>(times_.size());
  std::string text = Format("images: %zu\nload: %.1f ms\ntotal: %.3f ms\n", times_.size(), load_ms, total);
  text += Format("per image: mean %.4f ms, median %.4f ms, min %.4f ms, max %.4f ms\n", total / count, median(), *least,
                 *most);
  if (bitops_ > 0) {
    text += Format("mean BitOPs per image: %.0f\n", bitops_ / count);
  }
  return text;
}

std::string Report::HistogramText() const {
  if (histogram_.empty()) {
    return "";
  }
  std::string text = Format("\n%-8s %-8s", "layer", "of");
  for (const std::string &candidate : plan_.candidates) {
    text += Format(" %10s", candidate.c_str());
  }
  const size_t count = plan_.candidates.size();
  for (size_t i = 0; i < histogram_.size(); i++) {
    const int cell = static_cast<int>(i / count);
    if (i % count == 0) {
      text += Format("\n%-8d %-8s", cell / plan_.columns, SideOf(cell % plan_.columns, plan_.columns));
    }
    text += Format(" %10s", std::to_string(histogram_[i]).c_str());
  }
  return text + "\n";
}

}  // namespace infer
