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

#include "inc/host_classifier.h"

#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "inc/error.h"
#include "inc/text.h"
#include "simd/kernels.h"
#include "threads/threads.h"

namespace infer {
namespace {

namespace fs = std::filesystem;

std::string ArtefactIn(const std::string &path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    return ArtefactIn((fs::path(path) / "model.safetensors").string());
  }
  if (!fs::exists(path, ignored)) {
    throw Error("artefact " + path + " does not exist: name the file that export.py --format int wrote, or its folder");
  }
  if (fs::path(path).extension() != ".safetensors") {
    throw Error(path +
                " is not an integer artefact (.safetensors), which --device_type=Host runs: name the file that "
                "export.py --format int wrote, or use --device_type=CPU or Ascend for a bundle");
  }
  return path;
}

dq::Program ReadProgram(const std::string &path) {
  const Bytes file = ReadFile(path);
  try {
    return dq::read_program(reinterpret_cast<const uint8_t *>(file.data()), file.size());
  } catch (const dq::BadArtefact &bad) {
    throw Error("artefact " + path + " is damaged or not one: " + bad.what() + "; export it again");
  }
}

// What the candidates of a plan stand for. Layers may have different widths for the same candidate;
// then it is only numbered.
std::vector<std::string> CandidatesOf(const dq::Program &program) {
  std::vector<int> bits;
  bool same = true;
  for (const dq::Operation &op : program.operations) {
    const bool dynamic = op.kind == dq::kConv && op.slot >= 0;
    for (int k = 0; dynamic && k < program.plan.choices; k++) {
      const auto candidate = static_cast<size_t>(k);
      if (bits.size() == candidate) {
        bits.push_back(op.w_bits(k));
      }
      same = same && op.w_bits(k) == bits[candidate] && op.a_bits(k) == bits[candidate];
    }
  }
  std::vector<std::string> names;
  for (int k = 0; k < program.plan.choices; k++) {
    names.push_back(same ? Format("%d bits", bits[static_cast<size_t>(k)]) : Format("choice %d", k));
  }
  return names;
}

class HostClassifier : public Classifier {
 public:
  explicit HostClassifier(const std::string &path) : engine_(ReadProgram(path)), steps_{{"integer program", "-"}} {
    const dq::Program &program = engine_.program();
    if (program.has_plan()) {
      plan_ = {program.plan.layers, program.plan.columns, CandidatesOf(program)};
    }
  }

  size_t image_bytes() const override { return input().size(); }
  std::string image_text() const override { return Format("%d x %d x %d uint8", input().c, input().h, input().w); }
  PlanShape plan() const override { return plan_; }
  const std::vector<Step> &steps() const override { return steps_; }

  Answer Classify(const Bytes &image) override {
    if (image.size() != image_bytes()) {
      throw Error(Format("%zu bytes are no image of %s", image.size(), image_text().c_str()));
    }
    std::vector<int32_t> logits(engine_.program().operations.back().out.size());
    std::vector<int64_t> choices(static_cast<size_t>(plan_.layers) * plan_.columns);
    const auto start = std::chrono::steady_clock::now();
    {
      const dq::PoolLock lock;
      engine_.run(reinterpret_cast<const uint8_t *>(image.data()), 1, nullptr, 0, logits.data(),
                  choices.empty() ? nullptr : choices.data());
    }
    steps_[0].runs++;
    steps_[0].ms += std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    Answer answer;
    answer.logits.resize(logits.size() * sizeof(int32_t));
    answer.choices.assign(choices.begin(), choices.end());
    std::memcpy(answer.logits.data(), logits.data(), answer.logits.size());
    return answer;
  }

 private:
  const dq::Register &input() const { return engine_.program().operations[0].out; }

  dq::Engine engine_;
  PlanShape plan_;
  std::vector<Step> steps_;
};

}  // namespace

std::unique_ptr<Classifier> MakeHostClassifier(const std::string &path, int threads) {
  if (dq::active_kernels() == nullptr) {
    throw Error("DYNQUANT_ISA names an instruction set that this machine lacks; unset it");
  }
  dq::pool_set_threads(threads);
  return std::make_unique<HostClassifier>(ArtefactIn(path));
}

}  // namespace infer
