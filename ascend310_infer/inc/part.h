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
// part.h: a loaded file of a bundle, and where its time goes.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "inc/bundle.h"
#include "inc/classifier.h"
#include "inc/engine.h"

namespace infer {

using Sizes = std::vector<size_t>;

// "2 and 6", or "no".
std::string TextOf(const Sizes &sizes);

class Part {
 public:
  // step: number of the step whose runs these are. Throws Error, which names the file.
  Part(const Bundle &bundle, const std::string &file, Engine *engine, size_t step);

  // Refuses a model that has other inputs or outputs.
  void Expect(const Sizes &inputs, const Sizes &outputs) const;
  Sizes OutputSizes() const { return model_->OutputSizes(); }
  std::vector<Tensor> Run(const std::vector<const Tensor *> &inputs, std::vector<Step> *steps);

 private:
  void Compare(const std::string &what, const Sizes &found, const Sizes &expected) const;

  std::string file_;
  size_t step_;
  std::unique_ptr<Model> model_;
};

}  // namespace infer
