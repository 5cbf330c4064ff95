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
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "inc/error.h"
#include "inc/part.h"
#include "inc/text.h"

namespace infer {
namespace {

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

  Answer Classify(const Bytes &image) override {
    if (image.size() != image_bytes()) {
      throw Error(Format("%zu bytes are no image of %s", image.size(), image_text().c_str()));
    }
    Tensor pixels(bundle_.image_size());
    std::memcpy(pixels.data(), image.data(), image.size());
    Answer answer;
    const Tensor logits = Logits(std::move(pixels), &answer);
    answer.logits.resize(logits.size() * sizeof(float));
    std::memcpy(answer.logits.data(), logits.data(), answer.logits.size());
    return answer;
  }

 protected:
  // Finite ones; fills in the rest of the answer.
  virtual Tensor Logits(Tensor image, Answer *answer) = 0;

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
  // row: of a network that escalates, the one whose rungs are loaded.
  StagePipeline(const Bundle &bundle, Engine *engine, const Row *row = nullptr) : Pipeline(bundle) {
    Sizes registers(static_cast<size_t>(bundle.registers));
    registers[0] = bundle.image_size();
    if (!bundle.front.empty()) {
      LoadFront(engine, &registers);
    }
    for (const Stage &stage : bundle_.stages) {
      LoadStage(stage, row, engine, &registers);
    }
    if (registers[static_cast<size_t>(bundle.stages.back().output)] != static_cast<size_t>(bundle.classes)) {
      throw Error("the last stage gives " + TextOf({registers[static_cast<size_t>(bundle.stages.back().output)]}) +
                  " floats, bundle.cfg says classes=" + std::to_string(bundle.classes) + "; export the bundle again");
    }
  }

 protected:
  Tensor Logits(Tensor image, Answer *answer) override {
    answer->choices.assign(static_cast<size_t>(bundle_.layers) * bundle_.columns, 0);
    std::vector<Tensor> registers = Front(std::move(image));
    if (!front_.empty()) {
      answer->choices = Choose(registers.back());
    }
    registers.resize(static_cast<size_t>(bundle_.registers));
    Tensor logits = Stages(&registers, &answer->choices);
    answer->bitops = bundle_.BitOps(answer->choices);
    return logits;
  }

  // The first registers, and choice logits where the front has some.
  std::vector<Tensor> Front(Tensor image) {
    std::vector<Tensor> outputs;
    if (front_.empty()) {
      outputs.push_back(std::move(image));
      return outputs;
    }
    return front_[0].Run({&image}, &steps_);
  }

  // All stages; one that decides changes the choices.
  Tensor Stages(std::vector<Tensor> *maps, std::vector<int32_t> *choices) {
    std::vector<Tensor> &registers = *maps;
    for (size_t i = 0; i < stages_.size(); i++) {
      const Stage &stage = bundle_.stages[i];
      std::vector<const Tensor *> inputs;
      for (int input : stage.inputs) {
        inputs.push_back(&registers[static_cast<size_t>(input)]);
      }
      Part &part = stages_[i].at(bundle_.FileOf(stage, *choices));
      Tensor result = std::move(part.Run(inputs, &steps_)[0]);
      if (stage.decides == kNoSlot) {
        registers[static_cast<size_t>(stage.output)] = std::move(result);
      } else {
        const std::vector<int32_t> chosen = Choose(result);
        std::copy(chosen.begin(), chosen.end(), choices->begin() + stage.decides * bundle_.columns);
      }
    }
    const Tensor &logits = registers[static_cast<size_t>(bundle_.stages.back().output)];
    CheckFinite(logits, "logits");
    return logits;
  }

 private:
  void LoadFront(Engine *engine, Sizes *registers) {
    front_.push_back(Load(bundle_.front, "front", "-", engine));
    Sizes maps = front_[0].OutputSizes();
    maps.resize(static_cast<size_t>(bundle_.maps));
    Sizes outputs = maps;
    if (!bundle_.escalates()) {
      outputs.push_back(bundle_.choice_logits());
    }
    front_[0].Expect({bundle_.image_size()}, outputs);
    std::copy(maps.begin(), maps.end(), registers->begin());
  }

  // All files of a stage have the same inputs and the same output.
  void LoadStage(const Stage &stage, const Row *row, Engine *engine, Sizes *registers) {
    std::map<size_t, Part> parts;
    for (size_t i = 0; i < stage.files.size(); i++) {
      const bool in_row = row == nullptr || std::count(row->bits.begin(), row->bits.end(), bundle_.bits[i]) > 0;
      if (stage.slot == kNoSlot || in_row) {
        parts.emplace(i, Load(stage.files[i], stage.name, bundle_.LabelOf(stage, i), engine));
      }
    }
    Sizes inputs;
    for (int input : stage.inputs) {
      inputs.push_back((*registers)[static_cast<size_t>(input)]);
    }
    if (parts.empty()) {
      throw Error("stage " + stage.name + " has no file of the widths that are asked for; export the bundle again");
    }
    const Sizes outputs = parts.begin()->second.OutputSizes();
    size_t size = outputs.empty() ? 0 : outputs[0];
    if (stage.decides != kNoSlot) {
      size = static_cast<size_t>(bundle_.columns) * bundle_.bits.size();
    }
    for (const auto &[index, part] : parts) {
      part.Expect(inputs, {size});
    }
    if (stage.decides == kNoSlot) {
      (*registers)[static_cast<size_t>(stage.output)] = size;
    }
    stages_.push_back(std::move(parts));
  }

  std::vector<Part> front_;                     // one, or none
  std::vector<std::map<size_t, Part>> stages_;  // by candidate
};

// Answers at the first rung of a row, and again at the next one while it is unsure.
class LadderPipeline : public StagePipeline {
 public:
  LadderPipeline(const Bundle &bundle, Engine *engine, const Row &row)
      : StagePipeline(bundle, engine, &row), row_(row) {}

  PlanShape plan() const override {
    PlanShape shape = Pipeline::plan();
    shape.escalation = TextOf(row_);
    return shape;
  }

 protected:
  Tensor Logits(Tensor image, Answer *answer) override {
    std::vector<Tensor> registers = Front(std::move(image));
    registers.resize(static_cast<size_t>(bundle_.registers));
    answer->bitops = 0;
    for (size_t rung = 0;; rung++) {
      answer->rung = static_cast<int>(rung);
      answer->choices = {bundle_.ladder.PlaceOf(row_.bits[rung])};
      answer->bitops += static_cast<double>(bundle_.ladder.PriceOf(row_, rung));
      Tensor logits = Stages(&registers, &answer->choices);
      if (rung == row_.margins.size() || MarginOf(logits) >= row_.margins[rung]) {
        return logits;
      }
    }
  }

 private:
  const Row row_;
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
  Tensor Logits(Tensor image, Answer *answer) override {
    std::vector<Tensor> outputs = whole_.Run({&image}, &steps_);
    CheckFinite(outputs[0], "logits");
    if (bundle_.dynamic()) {
      answer->choices = Choose(outputs[1]);
    }
    answer->bitops = bundle_.BitOps(answer->choices);
    return std::move(outputs[0]);
  }

 private:
  Part whole_;
};

}  // namespace

std::unique_ptr<Classifier> MakeStagePipeline(const Bundle &bundle, Engine *engine, double budget) {
  if (bundle.escalates()) {
    return std::make_unique<LadderPipeline>(bundle, engine, bundle.ladder.At(budget));
  }
  if (budget > 0) {
    throw Error("--budget: the bundle in " + bundle.folder + " does not escalate (no [row] in its bundle.cfg)");
  }
  return std::make_unique<StagePipeline>(bundle, engine);
}

std::unique_ptr<Classifier> MakeSinglePipeline(const Bundle &bundle, Engine *engine) {
  if (bundle.mask.empty()) {
    throw Error("--mode=single: the bundle in " + bundle.folder + " has no one-file form (mask=); use --mode=stages");
  }
  return std::make_unique<SinglePipeline>(bundle, engine);
}

}  // namespace infer
