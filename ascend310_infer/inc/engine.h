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
// engine.h: what runs MINDIR files. The rest of the program knows these two classes only, so that
// it can be tested, and built, without MindSpore Lite.
#pragma once
#include <memory>
#include <string>
#include <vector>

namespace infer {

using Tensor = std::vector<float>;

class Model {
 public:
  virtual ~Model() = default;
  virtual std::vector<size_t> InputSizes() const = 0;  // floats of each input
  virtual std::vector<size_t> OutputSizes() const = 0;
  // inputs: as many, and as large, as InputSizes() says. Throws Error.
  virtual std::vector<Tensor> Run(const std::vector<const Tensor *> &inputs) = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  // Throws Error, with a text that does not name the file.
  virtual std::unique_ptr<Model> Load(const std::string &path) = 0;
};

}  // namespace infer
