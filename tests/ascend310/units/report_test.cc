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

#include <string>

#include "check.h"
#include "inc/report.h"

namespace {

bool Has(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

void TestNumbers() {
  infer::Report report({2, 1, {"2 bits", "8 bits"}});
  report.Add(1, {0, 1}, 100);
  report.Add(4, {1, 1}, 300);
  report.Add(2, {1, 1}, 200);
  EXPECT(report.images() == 3 && report.median() == 2);
  infer::Flags flags;
  flags.device = infer::Device::kCpu;
  const std::string text = report.Text(flags, 12.5, {{"front", "-", 3, 1.5}, {"one", "2 bits", 0, 0}});
  EXPECT(Has(text, "device type: CPU, mode: stages, threads: all cores\n"));
  EXPECT(Has(text, "images: 3\nload: 12.5 ms\ntotal: 7.000 ms\n"));
  EXPECT(Has(text, "mean 2.3333 ms, median 2.0000 ms, min 1.0000 ms, max 4.0000 ms"));
  EXPECT(Has(text, "mean BitOPs per image: 200\n"));
  EXPECT(Has(text, "low widths are simulated"));
  EXPECT(Has(text, "front                            -                 3     0.5000\n"));
  EXPECT(Has(text, "one                              2 bits            0          -\n"));
  EXPECT(Has(text, "0        both              1          2\n1        both              0          3\n"));
}

void TestHost() {
  infer::Report report({1, 2, {"2 bits", "8 bits"}});
  report.Add(3, {0, 1}, -1);
  report.Add(1, {0, 0}, -1);
  EXPECT(report.median() == 2);
  infer::Flags flags;
  flags.device = infer::Device::kHost;
  flags.thread_num = 2;
  const std::string text = report.Text(flags, 0, {});
  EXPECT(Has(text, "threads: 2\n") && !Has(text, "simulated") && !Has(text, "BitOPs"));
  EXPECT(Has(text, "0        weights           2          0\n0        inputs            1          1\n"));
}

void TestEscalation() {
  infer::PlanShape shape{1, 1, {"2 bits", "8 bits"}};
  infer::Report other(shape);
  other.Add(1, {0}, 10);
  EXPECT(!Has(other.Text({}, 0, {}), "escalation"));
  shape.escalation = "2 bits, 8 bits where the margin is below 1";
  infer::Report report(shape);
  report.Add(1, {0}, 10);
  report.Add(1, {1}, 50);
  const std::string text = report.Text({}, 0, {});
  EXPECT(Has(text, "escalation: 2 bits, 8 bits where the margin is below 1\n"));
  EXPECT(Has(text, "mean BitOPs per image: 30\n") && Has(text, "0        both              1          1\n"));
}

void TestStatic() {
  infer::Report report({});
  report.Add(3, {}, 5);
  EXPECT(!Has(report.Text({}, 0, {}), "layer"));
}

}  // namespace

void TestReport() {
  TestNumbers();
  TestHost();
  TestEscalation();
  TestStatic();
}
