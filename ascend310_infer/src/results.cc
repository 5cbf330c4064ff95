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

#include "inc/results.h"

#include <cmath>
#include <filesystem>
#include <string>

namespace infer {

void WriteAnswer(const std::string &folder, const std::string &stem, const Answer &answer) {
  const std::string start = folder + "/" + stem;
  WriteFile(start + "_0.bin", answer.logits.data(), answer.logits.size());
  if (!answer.choices.empty()) {
    WriteFile(start + "_1.bin", answer.choices.data(), answer.choices.size() * sizeof(int32_t));
  }
  if (answer.rung >= 0) {
    const int64_t bitops = std::llround(answer.bitops);
    WriteFile(start + "_2.bin", &bitops, sizeof(bitops));
  } else {  // of an earlier run, it would price this one's answer
    std::error_code ignored;
    std::filesystem::remove(start + "_2.bin", ignored);
  }
}

}  // namespace infer
