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
// classifier.h: a loaded network, whoever runs it: the MINDIR files of a bundle, or an artefact.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "inc/files.h"

namespace infer {

// What a network says of one image.
struct Answer {
  Bytes logits;                  // as they go into the result file: float32, or int32 of an artefact
  std::vector<int32_t> choices;  // layers x columns, empty in a static network
  double bitops = -1;            // of all passes; below 0: not known here
  int rung = -1;                 // of a network that escalates: at which it answered; -1: it does not
};

// The choices that a network makes for each image.
struct PlanShape {
  int layers = 0;  // 0: a static network
  int columns = 0;
  std::vector<std::string> candidates;  // "4 bits"
  std::string escalation = {};          // the setting of a network that escalates, else empty
};

// How often a part of the network ran, and how long in all.
struct Step {
  std::string name;
  std::string candidate;
  int64_t runs = 0;
  double ms = 0;
};

class Classifier {
 public:
  virtual ~Classifier() = default;
  virtual size_t image_bytes() const = 0;
  virtual std::string image_text() const = 0;  // "3 x 32 x 32 float32"
  virtual PlanShape plan() const = 0;
  // image: image_bytes() bytes. Throws Error.
  virtual Answer Classify(const Bytes &image) = 0;
  virtual const std::vector<Step> &steps() const = 0;
};

}  // namespace infer
