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

#include "inc/pipeline.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "inc/error.h"
#include "inc/text.h"

namespace infer {
namespace {

using Sizes = std::vector<size_t>;

std::string TextOf(const Sizes &sizes) {
  std::string text;
  for (size_t size : sizes) {
    text += (text.empty() ? "" : " and ") + std::to_string(size);
  }
  return text.empty() ? "no" : text;
}

// A loaded file and where its time goes.
class Part {
 public:
  Part(const Bundle &bundle, const std::string &file, Engine *engine, size_t step) : file_(file), step_(step) {
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

  // Refuses a model that has other inputs or outputs.
  void Expect(const Sizes &inputs, const Sizes &outputs) const {
    Compare("inputs", model_->InputSizes(), inputs);
    Compare("outputs", model_->OutputSizes(), outputs);
  }
  Sizes OutputSizes() const { return model_->OutputSizes(); }

  std::vector<Tensor> Run(const std::vector<const Tensor *> &inputs, std::vector<Step> *steps) {
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

 private:
  void Compare(const std::string &what, const Sizes &found, const Sizes &expected) const {
    if (found != expected) {
      throw Error(file_ + " has " + what + " of " + TextOf(found) + " floats, bundle.cfg and the files before it say " +
                  TextOf(expected) + "; export the bundle again");
    }
  }

  std::string file_;
  size_t step_;
  std::unique_ptr<Model> model_;
};

void CheckFinite(const Tensor &values, const std::string &what) {
  const auto finite = [](float value) { return std::isfinite(value); };
  if (!std::all_of(values.begin(), values.end(), finite)) {
    throw Error("the " + what + " are not all finite; is the image free of NaN, and pre-processed for this network?");
  }
}

// What both forms of a bundle share.
class Pipeline : public Classifier {
 public:
  explicit Pipeline(const Bundle &bundle) : bundle_(bundle) {}

  size_t image_bytes() const override { return bundle_.image_size() * sizeof(float); }
  std::string image_text() const override {
    return Format("%d x %d x %d float32", bundle_.image[0], bundle_.image[1], bundle_.image[2]);
  }
  PlanShape plan() const override {
    PlanShape shape{bundle_.layers, bundle_.columns, {}};
    for (int bits : bundle_.bits) {
      shape.candidates.push_back(std::to_string(bits) + " bits");
    }
    return shape;
  }
  const std::vector<Step> &steps() const override { return steps_; }
  double BitOps(const std::vector<int32_t> &choices) const override { return bundle_.BitOps(choices); }

  Answer Classify(const Bytes &image) override {
    if (image.size() != image_bytes()) {
      throw Error(Format("%zu bytes are no image of %s", image.size(), image_text().c_str()));
    }
    Tensor pixels(bundle_.image_size());
    std::memcpy(pixels.data(), image.data(), image.size());
    std::vector<int32_t> choices;
    const Tensor logits = Logits(std::move(pixels), &choices);
    CheckFinite(logits, "logits");
    Answer answer{Bytes(logits.size() * sizeof(float)), std::move(choices)};
    std::memcpy(answer.logits.data(), logits.data(), answer.logits.size());
    return answer;
  }

 protected:
  virtual Tensor Logits(Tensor image, std::vector<int32_t> *choices) = 0;

  Part Load(const std::string &file, const std::string &name, const std::string &candidate, Engine *engine) {
    steps_.push_back({name, candidate});
    return Part(bundle_, file, engine, steps_.size() - 1);
  }

  // The arg-max of each layer and column, ties to the first.
  std::vector<int32_t> Choose(const Tensor &logits) const {
    CheckFinite(logits, "choice logits");
    std::vector<int32_t> choices;
    const auto count = static_cast<std::ptrdiff_t>(bundle_.bits.size());
    for (auto first = logits.begin(); first != logits.end(); first += count) {
      choices.push_back(static_cast<int32_t>(std::max_element(first, first + count) - first));
    }
    return choices;
  }

  const Bundle bundle_;
  std::vector<Step> steps_;
};

class StagePipeline : public Pipeline {
 public:
  StagePipeline(const Bundle &bundle, Engine *engine) : Pipeline(bundle) {
    Sizes registers(static_cast<size_t>(bundle.registers));
    registers[0] = bundle.image_size();
    if (!bundle.front.empty()) {
      LoadFront(engine, &registers);
    }
    for (const Stage &stage : bundle_.stages) {
      LoadStage(stage, engine, &registers);
    }
    if (registers[static_cast<size_t>(bundle.stages.back().output)] != static_cast<size_t>(bundle.classes)) {
      throw Error("the last stage gives " + TextOf({registers[static_cast<size_t>(bundle.stages.back().output)]}) +
                  " floats, bundle.cfg says classes=" + std::to_string(bundle.classes) + "; export the bundle again");
    }
  }

 protected:
  Tensor Logits(Tensor image, std::vector<int32_t> *choices) override {
    std::vector<Tensor> registers(static_cast<size_t>(bundle_.registers));
    registers[0] = std::move(image);
    choices->assign(static_cast<size_t>(bundle_.layers) * bundle_.columns, 0);
    if (!front_.empty()) {
      std::vector<Tensor> outputs = front_[0].Run({&registers[0]}, &steps_);
      registers[0] = std::move(outputs[0]);
      *choices = Choose(outputs[1]);
    }
    for (size_t i = 0; i < stages_.size(); i++) {
      const Stage &stage = bundle_.stages[i];
      std::vector<const Tensor *> inputs;
      for (int input : stage.inputs) {
        inputs.push_back(&registers[static_cast<size_t>(input)]);
      }
      Part &part = stages_[i][bundle_.FileOf(stage, *choices)];
      Tensor result = std::move(part.Run(inputs, &steps_)[0]);
      if (stage.decides == kNoSlot) {
        registers[static_cast<size_t>(stage.output)] = std::move(result);
      } else {
        const std::vector<int32_t> chosen = Choose(result);
        std::copy(chosen.begin(), chosen.end(), choices->begin() + stage.decides * bundle_.columns);
      }
    }
    return registers[static_cast<size_t>(bundle_.stages.back().output)];
  }

 private:
  void LoadFront(Engine *engine, Sizes *registers) {
    front_.push_back(Load(bundle_.front, "front", "-", engine));
    const Sizes outputs = front_[0].OutputSizes();
    const size_t map = outputs.empty() ? 0 : outputs[0];
    front_[0].Expect({bundle_.image_size()}, {map, bundle_.choice_logits()});
    (*registers)[0] = map;
  }

  // All files of a stage have the same inputs and the same output.
  void LoadStage(const Stage &stage, Engine *engine, Sizes *registers) {
    std::vector<Part> parts;
    for (size_t i = 0; i < stage.files.size(); i++) {
      parts.push_back(Load(stage.files[i], stage.name, bundle_.LabelOf(stage, i), engine));
    }
    Sizes inputs;
    for (int input : stage.inputs) {
      inputs.push_back((*registers)[static_cast<size_t>(input)]);
    }
    const Sizes outputs = parts[0].OutputSizes();
    size_t size = outputs.empty() ? 0 : outputs[0];
    if (stage.decides != kNoSlot) {
      size = static_cast<size_t>(bundle_.columns) * bundle_.bits.size();
    }
    for (const Part &part : parts) {
      part.Expect(inputs, {size});
    }
    if (stage.decides == kNoSlot) {
      (*registers)[static_cast<size_t>(stage.output)] = size;
    }
    stages_.push_back(std::move(parts));
  }

  std::vector<Part> front_;  // one, or none
  std::vector<std::vector<Part>> stages_;
};

class SinglePipeline : public Pipeline {
 public:
  SinglePipeline(const Bundle &bundle, Engine *engine)
      : Pipeline(bundle), whole_(Load(bundle.mask, "whole network", "-", engine)) {
    Sizes outputs = {static_cast<size_t>(bundle.classes)};
    if (bundle.dynamic()) {
      outputs.push_back(bundle.choice_logits());
    }
    whole_.Expect({bundle.image_size()}, outputs);
  }

 protected:
  Tensor Logits(Tensor image, std::vector<int32_t> *choices) override {
    std::vector<Tensor> outputs = whole_.Run({&image}, &steps_);
    if (bundle_.dynamic()) {
      *choices = Choose(outputs[1]);
    }
    return std::move(outputs[0]);
  }

 private:
  Part whole_;
};

}  // namespace

std::unique_ptr<Classifier> MakeStagePipeline(const Bundle &bundle, Engine *engine) {
  return std::make_unique<StagePipeline>(bundle, engine);
}

std::unique_ptr<Classifier> MakeSinglePipeline(const Bundle &bundle, Engine *engine) {
  if (bundle.mask.empty()) {
    throw Error("--mode=single: the bundle in " + bundle.folder + " has no one-file form (mask=); use --mode=stages");
  }
  return std::make_unique<SinglePipeline>(bundle, engine);
}

}  // namespace infer
