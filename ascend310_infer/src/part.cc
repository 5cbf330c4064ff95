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

#include "inc/part.h"

#include <chrono>
#include <string>
#include <vector>

#include "inc/error.h"

namespace infer {

std::string TextOf(const Sizes &sizes) {
  std::string text;
  for (size_t size : sizes) {
    text += (text.empty() ? "" : " and ") + std::to_string(size);
  }
  return text.empty() ? "no" : text;
}

Part::Part(const Bundle &bundle, const std::string &file, Engine *engine, size_t step) : file_(file), step_(step) {
  try {
    model_ = engine->Load(bundle.PathOf(file));
  } catch (const Error &error) {
    const char *advice = bundle.mindir_version == 3
                           ? "; bundle.cfg says mindir_version=3, which an older MindSpore Lite (2.0) cannot "
                             "read: export again with export.py ... --mindir-version 1"
                           : "";
    throw Error(bundle.PathOf(file) + " cannot be loaded: " + error.what() + advice);
  }
}

void Part::Expect(const Sizes &inputs, const Sizes &outputs) const {
  Compare("inputs", model_->InputSizes(), inputs);
  Compare("outputs", model_->OutputSizes(), outputs);
}

std::vector<Tensor> Part::Run(const std::vector<const Tensor *> &inputs, std::vector<Step> *steps) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<Tensor> outputs;
  try {
    outputs = model_->Run(inputs);
  } catch (const Error &error) {
    throw Error(file_ + " failed: " + error.what());
  }
  Sizes sizes;
  for (const Tensor &output : outputs) {
    sizes.push_back(output.size());
  }
  Compare("outputs", sizes, model_->OutputSizes());
  Step &step = (*steps)[step_];
  step.runs++;
  step.ms += std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return outputs;
}

void Part::Compare(const std::string &what, const Sizes &found, const Sizes &expected) const {
  if (found != expected) {
    throw Error(file_ + " has " + what + " of " + TextOf(found) + " floats, bundle.cfg and the files before it say " +
                TextOf(expected) + "; export the bundle again");
  }
}

}  // namespace infer
