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
// stub_engine.h: an Engine whose models are functions.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "inc/engine.h"
#include "inc/error.h"

struct StubFile {
  std::vector<size_t> inputs, outputs;
  std::function<std::vector<infer::Tensor>(const std::vector<const infer::Tensor *> &)> run;
};

class StubModel : public infer::Model {
 public:
  explicit StubModel(StubFile file) : file_(std::move(file)) {}
  std::vector<size_t> InputSizes() const override { return file_.inputs; }
  std::vector<size_t> OutputSizes() const override { return file_.outputs; }
  std::vector<infer::Tensor> Run(const std::vector<const infer::Tensor *> &inputs) override {
    return file_.run(inputs);
  }

 private:
  StubFile file_;
};

class StubEngine : public infer::Engine {
 public:
  std::map<std::string, StubFile> files;  // by path

  std::unique_ptr<infer::Model> Load(const std::string &path) override {
    const auto found = files.find(path);
    if (found == files.end()) {
      throw infer::Error("cannot build it");
    }
    return std::make_unique<StubModel>(found->second);
  }
};
