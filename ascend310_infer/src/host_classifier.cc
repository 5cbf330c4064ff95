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

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "inc/artefact_notes.h"
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

dq::Program ReadProgram(const Bytes &file, const std::string &path) {
  try {
    return dq::read_program(reinterpret_cast<const uint8_t *>(file.data()), file.size());
  } catch (const dq::BadArtefact &bad) {
    throw Error("artefact " + path + " is damaged or not one: " + bad.what() + "; export it again");
  }
}

ArtefactNotes ReadNotes(const Bytes &file, const std::string &path) {
  try {
    return ReadArtefactNotes(file);
  } catch (const Error &bad) {
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

// The first candidate that is `bits` wide in every dynamic layer, weights and inputs. Throws Error.
int CandidateOf(const dq::Program &program, int bits) {
  const auto fits = [bits](const dq::Operation &op, int k) { return op.w_bits(k) == bits && op.a_bits(k) == bits; };
  for (int k = 0; k < program.plan.choices; k++) {
    if (std::all_of(program.operations.begin(), program.operations.end(),
                    [&](const dq::Operation &op) { return op.kind != dq::kConv || op.slot < 0 || fits(op, k); })) {
      return k;
    }
  }
  throw Error(
    Format("the artefact's ladder has %d bits, at which the network cannot run throughout; export it again", bits));
}

// The passes of a row of the ladder, as the engine takes them (engine/rungs.py).
class Climb {
 public:
  Climb(const dq::Program &program, const ArtefactNotes &notes, const Row &row)
      : thresholds_(row.margins.begin(), row.margins.end()), text_(TextOf(row)) {
    int64_t total = 0;
    for (size_t rung = 0; rung < row.bits.size(); rung++) {
      const int choice = CandidateOf(program, row.bits[rung]);
      plans_.insert(plans_.end(), program.plan.cells(), choice);
      rows_.push_back(RowOf(program, notes, choice));
      total += notes.ladder.PriceOf(row, rung);
      totals_.push_back(total);
    }
  }

  dq::Rungs rungs() const { return {static_cast<int>(rows_.size()), plans_.data(), rows_.data(), thresholds_.data()}; }
  size_t size() const { return rows_.size(); }
  const int64_t *PlanOf(int64_t rung) const {
    return &plans_[static_cast<size_t>(rung) * (plans_.size() / rows_.size())];
  }
  double TotalOf(int64_t rung) const { return static_cast<double>(totals_[static_cast<size_t>(rung)]); }
  const std::string &text() const { return text_; }

 private:
  // Files that do not say it have a row for mixed widths, then one for each candidate.
  static int64_t RowOf(const dq::Program &program, const ArtefactNotes &notes, int choice) {
    int64_t row = program.rows > 1 ? 1 + choice : 0;
    if (notes.rows_of_choices && static_cast<size_t>(choice) < notes.rows_of_choices->size()) {
      row = (*notes.rows_of_choices)[static_cast<size_t>(choice)];
    }
    if (row >= program.rows) {
      throw Error("the artefact's notes name a row of statistics that is not there; export it again");
    }
    return row;
  }

  std::vector<int64_t> plans_, rows_, thresholds_, totals_;
  std::string text_;
};

class HostClassifier : public Classifier {
 public:
  HostClassifier(const Bytes &file, const std::string &path, double budget) : engine_(ReadProgram(file, path)) {
    const dq::Program &program = engine_.program();
    if (program.has_plan()) {
      plan_ = {program.plan.layers, program.plan.columns, CandidatesOf(program), ""};
    }
    const ArtefactNotes notes = ReadNotes(file, path);
    if (program.budget != dq::kNoBudget) {
      MindBudget(notes, path, budget);
    } else if (budget > 0 && notes.ladder.empty()) {
      throw Error("--budget: artefact " + path + " has no ladder; export it again from a run that has one");
    }
    if (program.budget == dq::kNoBudget && (budget > 0 || (!notes.looks && !notes.ladder.empty()))) {
      climb_.emplace(program, notes, notes.ladder.At(budget));
      plan_.escalation = climb_->text();
    }
    for (size_t rung = 0; rung < (climb_ ? climb_->size() : 1); rung++) {
      steps_.push_back({climb_ ? Format("integer program, %zu passes", rung + 1) : "integer program", "-"});
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
    const auto *pixels = reinterpret_cast<const uint8_t *>(image.data());
    std::vector<int32_t> logits(engine_.program().operations.back().out.size());
    std::vector<int64_t> choices(static_cast<size_t>(plan_.layers) * plan_.columns);
    int64_t rung = 0;
    const auto start = std::chrono::steady_clock::now();
    if (climb_) {
      engine_.climb(pixels, 1, climb_->rungs(), logits.data(), &rung);
    } else {
      engine_.run(pixels, 1, nullptr, 0, logits.data(), choices.empty() ? nullptr : choices.data(), budget_);
    }
    Step &step = steps_[static_cast<size_t>(rung)];
    step.runs++;
    step.ms += std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    Answer answer;
    if (climb_) {
      std::copy_n(climb_->PlanOf(rung), choices.size(), choices.begin());
      answer.bitops = climb_->TotalOf(rung);
      answer.rung = static_cast<int>(rung);
    }
    answer.logits.resize(logits.size() * sizeof(int32_t));
    answer.choices.assign(choices.begin(), choices.end());
    std::memcpy(answer.logits.data(), logits.data(), answer.logits.size());
    return answer;
  }

 private:
  // A mean of `budget` BitOPs, 0: the artefact's own.
  void MindBudget(const ArtefactNotes &notes, const std::string &path, double budget) {
    if (budget > 0 && notes.spending.given.empty()) {
      throw Error("--budget: the notes of artefact " + path + " do not tell what its agent spends; export it again");
    }
    if (budget > 0) {
      budget_ = std::min(notes.spending.Give(budget), dq::kLargestBitops);
    }
  }

  const dq::Register &input() const { return engine_.program().operations[0].out; }

  dq::Engine engine_;
  PlanShape plan_;
  int64_t budget_ = dq::kNoBudget;
  std::optional<Climb> climb_;
  std::vector<Step> steps_;
};

}  // namespace

std::unique_ptr<Classifier> MakeHostClassifier(const std::string &path, int threads, double budget) {
  if (dq::active_kernels() == nullptr) {
    throw Error("DYNQUANT_ISA names an instruction set that this machine lacks; unset it");
  }
  dq::pool_set_threads(threads);
  const std::string artefact = ArtefactIn(path);
  return std::make_unique<HostClassifier>(ReadFile(artefact), artefact, budget);
}

}  // namespace infer
