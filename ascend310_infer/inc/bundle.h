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
// bundle.h: the description of an exported network, bundle.cfg: key=value lines, `#` comments, and
// a [stage] section for each part in the order of execution; of a network that escalates also a
// [ladder] and a [row] for each of its settings. Nothing in the file is trusted; what is read has
// been checked whole.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "inc/ladder.h"

namespace infer {

constexpr int kNoSlot = -1;

// A part of the network: reads one or two registers, writes one, or decides a choice.
struct Stage {
  std::string name;
  int slot = kNoSlot;  // the choice that decides which file runs
  std::vector<int> inputs;
  int output = 0;
  int64_t macs = 0;
  std::vector<std::string> files;
  int decides = kNoSlot;  // the choice whose logits are its result, in place of a register
};

struct Bundle {
  std::string folder;
  int mindir_version = 0;
  std::vector<int> image;  // channels, height, width
  int classes = 0;
  std::vector<int> bits;  // the candidate widths
  int layers = 0;         // 0: a static network
  int columns = 1;
  int registers = 0;
  int maps = 1;       // how many registers the front writes; the image counts as one
  std::string front;  // empty: register 0 is the image, and stages decide the choices, if any
  std::string mask;   // empty: there is no one-file form
  int64_t fixed_bitops = 0;
  std::vector<Stage> stages;
  Ladder ladder;  // of a network that escalates: the rung is the one choice

  bool dynamic() const { return layers > 0; }
  bool escalates() const { return !ladder.empty(); }
  size_t image_size() const;     // floats
  size_t choice_logits() const;  // floats
  std::string PathOf(const std::string &file) const { return folder + "/" + file; }
  // Which file of the stage runs. choices: layers x columns.
  size_t FileOf(const Stage &stage, const std::vector<int32_t> &choices) const;
  // What file `index` of a stage stands for: "4 bits", "w4 a8", or "-".
  std::string LabelOf(const Stage &stage, size_t index) const;
  double BitOps(const std::vector<int32_t> &choices) const;  // of one pass
};

// path: the bundle's folder or its bundle.cfg. The files it names exist. Throws Error.
Bundle ReadBundle(const std::string &path);

// The bundle in the text of a bundle.cfg; `path` is for messages. Throws Error.
Bundle ParseBundle(const std::string &text, const std::string &path);

}  // namespace infer
