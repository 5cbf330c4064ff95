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

#include "inc/bundle.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "inc/bundle_text.h"
#include "inc/error.h"
#include "inc/files.h"
#include "inc/ladder_text.h"

namespace infer {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostChannels = 64, kLargestSide = 4096, kMostClasses = 65536;
constexpr int64_t kMostWidths = 16, kWidestBits = 32, kMostLayers = 4096, kMostColumns = 2;
constexpr int64_t kMostRegisters = 65536, kMostStages = 65536;

const char kHead[] = "format mindir_version image classes bits layers columns registers maps front mask fixed_bitops";
constexpr char kStage[] = "name slot inputs output macs files decides";

std::vector<int> Small(const std::vector<int64_t> &values) { return std::vector<int>(values.begin(), values.end()); }

// The keys that only a network with choices has.
void ReadChoices(const Fields &fields, Bundle *bundle) {
  if (fields.Has("layers")) {
    bundle->layers = static_cast<int>(fields.Integer("layers", 0, kMostLayers));
  }
  for (const char *key : {"bits", "front", "maps"}) {
    if (!bundle->dynamic() && fields.Has(key)) {
      fields.Fail(key, "a static network (no layers=) has none");
    }
  }
  if (!bundle->dynamic()) {
    return;
  }
  bundle->bits = Small(fields.Integers("bits", {1, kMostWidths}, {1, kWidestBits}));
  bundle->columns = static_cast<int>(fields.Integer("columns", 1, kMostColumns));
  if (fields.Has("front")) {
    bundle->front = fields.File("front");
  } else if (fields.Has("maps")) {
    fields.Fail("maps", "a network without front= begins with the image alone");
  }
}

void ReadHead(const Fields &fields, Bundle *bundle) {
  fields.Integer("format", 1, 1);
  bundle->mindir_version = static_cast<int>(fields.Integer("mindir_version", 1, 3));
  if (bundle->mindir_version == 2) {
    fields.Fail("mindir_version", "allowed are 1 and 3");
  }
  bundle->image = Small(fields.Integers("image", {3, 3}, {1, kLargestSide}));
  if (bundle->image[0] > kMostChannels) {
    fields.Fail("image", "allowed are 1 to " + std::to_string(kMostChannels) + " channels");
  }
  bundle->classes = static_cast<int>(fields.Integer("classes", 1, kMostClasses));
  bundle->registers = static_cast<int>(fields.Integer("registers", 1, kMostRegisters));
  if (fields.Has("maps")) {
    bundle->maps = static_cast<int>(fields.Integer("maps", 1, bundle->registers));
  }
  bundle->fixed_bitops = fields.Integer("fixed_bitops", 0, INT64_MAX);
  ReadChoices(fields, bundle);
  if (fields.Has("mask")) {
    bundle->mask = fields.File("mask");
  }
}

// The number of files of a stage: one for each choice.
void CheckFileCount(const Fields &fields, const Bundle &bundle, const Stage &stage) {
  size_t count = 1;
  if (stage.slot != kNoSlot) {
    count = bundle.bits.size();
    if (bundle.columns == 2) {
      count *= bundle.bits.size();
    }
  }
  if (stage.files.size() != count) {
    fields.Fail("files", "names " + std::to_string(stage.files.size()) + " files; a stage of slot " +
                           std::to_string(stage.slot) + " has " + std::to_string(count));
  }
}

// The table of a network that escalates; its one choice is made by the program.
void ReadTable(const std::vector<Section> &sections, const std::string &path, Bundle *bundle) {
  bundle->ladder = ReadLadder(sections, path, bundle->bits);
  if (bundle->escalates() && (bundle->layers != 1 || bundle->columns != 1 || bundle->classes < 2)) {
    throw Error(path +
                ": a network that escalates ([row]) has layers=1, columns=1 and two or more classes; "
                "export the bundle again");
  }
}

// What earlier parts have made.
struct Made {
  std::vector<bool> registers;
  std::vector<bool> choices;
};

// A stage writes a register that none has written, or decides a choice that none has decided.
void ReadResult(const Fields &fields, const Bundle &bundle, Stage *stage, Made *made) {
  if (fields.Has("decides")) {
    stage->decides = static_cast<int>(fields.Integer("decides", 0, bundle.layers - 1));
    if (stage->slot != kNoSlot || fields.Has("output")) {
      fields.Fail("decides", "such a stage has one file and no output");
    }
    if (made->choices[static_cast<size_t>(stage->decides)]) {
      fields.Fail("decides", "this choice has been made already; each is made once");
    }
    made->choices[static_cast<size_t>(stage->decides)] = true;
    return;
  }
  stage->output = static_cast<int>(fields.Integer("output", 0, bundle.registers - 1));
  if (made->registers[static_cast<size_t>(stage->output)]) {
    fields.Fail("output", "this register has been written already; each is written once");
  }
  made->registers[static_cast<size_t>(stage->output)] = true;
}

Stage ReadStage(const Fields &fields, const Bundle &bundle, Made *made) {
  Stage stage;
  stage.name = fields.Text("name");
  stage.slot = static_cast<int>(fields.Integer("slot", kNoSlot, bundle.layers - 1));
  if (stage.slot != kNoSlot && !made->choices[static_cast<size_t>(stage.slot)]) {
    fields.Fail("slot", "this choice is made neither by the front nor by an earlier stage");
  }
  stage.inputs = Small(fields.Integers("inputs", {1, 2}, {0, bundle.registers - 1}));
  for (int input : stage.inputs) {
    if (!made->registers[static_cast<size_t>(input)]) {
      fields.Fail("inputs", "register " + std::to_string(input) + " has not been written by an earlier stage");
    }
  }
  ReadResult(fields, bundle, &stage, made);
  stage.macs = fields.Integer("macs", 0, INT64_MAX);
  stage.files = fields.Files("files");
  CheckFileCount(fields, bundle, stage);
  return stage;
}

void CheckFilesExist(const Bundle &bundle, const std::string &path) {
  std::vector<std::string> files;
  for (const std::string &file : {bundle.front, bundle.mask}) {
    if (!file.empty()) {
      files.push_back(file);
    }
  }
  for (const Stage &stage : bundle.stages) {
    files.insert(files.end(), stage.files.begin(), stage.files.end());
  }
  for (const std::string &file : files) {
    std::error_code ignored;
    if (!fs::is_regular_file(bundle.PathOf(file), ignored)) {
      throw Error(bundle.PathOf(file) + " is missing, but " + path + " names it; export the bundle again");
    }
  }
}

}  // namespace

size_t Bundle::image_size() const {
  size_t size = 1;
  for (int side : image) {
    size *= static_cast<size_t>(side);
  }
  return size;
}

size_t Bundle::choice_logits() const {
  return static_cast<size_t>(layers) * static_cast<size_t>(columns) * bits.size();
}

size_t Bundle::FileOf(const Stage &stage, const std::vector<int32_t> &choices) const {
  size_t index = 0;
  for (int column = 0; stage.slot != kNoSlot && column < columns; column++) {
    const int32_t choice = choices.at(static_cast<size_t>(stage.slot) * columns + column);
    index = index * bits.size() + static_cast<size_t>(choice);
  }
  return index;
}

std::string Bundle::LabelOf(const Stage &stage, size_t index) const {
  if (stage.slot == kNoSlot) {
    return "-";
  }
  const std::string last = std::to_string(bits[index % bits.size()]);
  if (columns == 1) {
    return last + " bits";
  }
  return "w" + std::to_string(bits[index / bits.size()]) + " a" + last;
}

double Bundle::BitOps(const std::vector<int32_t> &choices) const {
  double total = static_cast<double>(fixed_bitops);
  for (const Stage &stage : stages) {
    if (stage.slot != kNoSlot) {
      const size_t index = FileOf(stage, choices);
      const size_t of_weights = columns == 2 ? index / bits.size() : index;
      total += static_cast<double>(stage.macs) * bits[of_weights] * bits[index % bits.size()];
    }
  }
  return total;
}

Bundle ParseBundle(const std::string &text, const std::string &path) {
  std::vector<Section> sections = SplitSections(text, path);
  Bundle bundle;
  bundle.folder = fs::path(path).parent_path().string();
  if (bundle.folder.empty()) {
    bundle.folder = ".";
  }
  ReadHead(Fields(path, sections[0], kHead), &bundle);
  ReadTable(sections, path, &bundle);
  sections.erase(std::remove_if(sections.begin(), sections.end(), [](const Section &s) { return s.kind != "stage"; }),
                 sections.end());
  if (sections.empty() || sections.size() > kMostStages) {
    throw Error(path + ": " + std::to_string(sections.size()) + " [stage] sections; allowed are 1 to " +
                std::to_string(kMostStages));
  }
  Made made{std::vector<bool>(static_cast<size_t>(bundle.registers)),
            std::vector<bool>(static_cast<size_t>(bundle.layers), !bundle.front.empty() || bundle.escalates())};
  std::fill_n(made.registers.begin(), bundle.maps, true);  // by the front, or the image
  for (const Section &section : sections) {
    bundle.stages.push_back(ReadStage(Fields(path, section, kStage), bundle, &made));
  }
  const auto open = std::find(made.choices.begin(), made.choices.end(), false);
  if (open != made.choices.end()) {
    throw Error(path + ": nothing makes choice " + std::to_string(open - made.choices.begin()) +
                " (no front=, no stage with decides=); export the bundle again");
  }
  if (bundle.stages.back().decides != kNoSlot) {
    throw Error(path + ": the last stage makes a choice and gives no logits; export the bundle again");
  }
  return bundle;
}

Bundle ReadBundle(const std::string &path) {
  std::error_code ignored;
  const std::string file = fs::is_directory(path, ignored) ? (fs::path(path) / "bundle.cfg").string() : path;
  if (fs::path(file).extension() != ".cfg") {
    throw Error(file + " is not a bundle: name the folder that export.py wrote, or its bundle.cfg" +
                (fs::path(file).extension() == ".safetensors" ? ", or use --device_type=Host" : ""));
  }
  if (!fs::exists(file, ignored)) {
    throw Error(file + " does not exist: name the folder that export.py wrote, or its bundle.cfg");
  }
  const Bytes text = ReadFile(file);
  Bundle bundle = ParseBundle(std::string(text.begin(), text.end()), file);
  CheckFilesExist(bundle, file);
  return bundle;
}

}  // namespace infer
