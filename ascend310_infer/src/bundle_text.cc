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

#include "inc/bundle_text.h"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "inc/error.h"
#include "inc/text.h"

namespace infer {
namespace {

constexpr size_t kLongestText = size_t{1} << 24;
const char *const kKinds[] = {"stage", "ladder", "row"};

std::string At(const std::string &path, int line) { return path + ":" + std::to_string(line) + ": "; }

std::string Quoted(const std::string &text) { return "`" + OneLine(text.substr(0, 60)) + "`"; }

std::string Between(Fields::Range range) {
  return std::to_string(range.first) +
         (range.first == range.second ? std::string() : " to " + std::to_string(range.second));
}

void AddEntry(const std::string &line, const std::string &where, int number, Section *section) {
  const size_t equals = line.find('=');
  if (equals == std::string::npos) {
    throw Error(where + Quoted(line) + " is not of the form key=value, nor [stage], [ladder] or [row]");
  }
  const std::string key = Trimmed(line.substr(0, equals)), value = Trimmed(line.substr(equals + 1));
  if (value.empty()) {
    throw Error(where + key + "= has no value; leave the line out, or give it one");
  }
  if (!section->entries.insert({key, {value, number}}).second) {
    throw Error(where + key + "= is given twice");
  }
}

}  // namespace

std::vector<Section> SplitSections(const std::string &text, const std::string &path) {
  if (text.size() > kLongestText) {
    throw Error(path + ": " + std::to_string(text.size()) + " bytes; this is not a bundle.cfg");
  }
  std::vector<Section> sections(1);
  std::istringstream stream(text);
  int number = 0;
  for (std::string raw; std::getline(stream, raw);) {
    number++;
    const std::string line = Trimmed(raw);
    const auto kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                   [&line](const char *name) { return line == "[" + std::string(name) + "]"; });
    if (kind != std::end(kKinds)) {
      sections.push_back({*kind, number, {}});
    } else if (!line.empty() && line[0] != '#') {
      AddEntry(line, At(path, number), number, &sections.back());
    }
  }
  return sections;
}

Fields::Fields(std::string path, const Section &section, const std::string &allowed)
    : path_(std::move(path)), section_(section) {
  const std::vector<std::string> keys = Words(allowed);
  for (const auto &[key, entry] : section.entries) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      throw Error(At(path_, entry.line) + "unknown key " + Quoted(key) + "; allowed here are " + allowed);
    }
  }
}

const std::string &Fields::Text(const std::string &key) const {
  const auto found = section_.entries.find(key);
  if (found == section_.entries.end()) {
    throw Error(At(path_, section_.line) + key + "= is missing in the section that begins here");
  }
  return found->second.value;
}

int64_t Fields::Integer(const std::string &key, int64_t low, int64_t high) const {
  return InRange(key, Text(key), {low, high});
}

std::vector<int64_t> Fields::Integers(const std::string &key, Range count, Range values) const {
  std::vector<int64_t> numbers;
  for (const std::string &word : Words(Text(key))) {
    numbers.push_back(InRange(key, word, values));
  }
  const auto size = static_cast<int64_t>(numbers.size());
  if (size < count.first || size > count.second) {
    Fail(key, std::to_string(size) + " numbers; needed are " + Between(count));
  }
  return numbers;
}

double Fields::Number(const std::string &key, double low, double high) const {
  const double number = AsNumber(key, Text(key));
  if (number < low || number > high) {
    Fail(key, Format("allowed are %g to %g", low, high));
  }
  return number;
}

std::vector<double> Fields::Numbers(const std::string &key, size_t count) const {
  std::vector<double> numbers;
  for (const std::string &word : Words(Text(key))) {
    numbers.push_back(AsNumber(key, word));
  }
  if (numbers.size() != count) {
    Fail(key, std::to_string(numbers.size()) + " numbers; needed are " + std::to_string(count));
  }
  return numbers;
}

std::string Fields::File(const std::string &key) const {
  const std::vector<std::string> files = Files(key);
  if (files.size() != 1) {
    Fail(key, "one file name is needed");
  }
  return files[0];
}

std::vector<std::string> Fields::Files(const std::string &key) const {
  std::vector<std::string> files = Words(Text(key));
  for (const std::string &file : files) {
    if (file.find_first_of("/\\") != std::string::npos || file == "." || file == "..") {
      Fail(key, Quoted(file) + " is not a file of the bundle's own folder");
    }
  }
  return files;
}

void Fields::Fail(const std::string &key, const std::string &what) const {
  const Entry &entry = section_.entries.at(key);
  throw Error(At(path_, entry.line) + key + "=" + OneLine(entry.value.substr(0, 60)) + ": " + what);
}

double Fields::AsNumber(const std::string &key, const std::string &word) const {
  const auto number = ToNumber(word);
  if (!number) {
    Fail(key, Quoted(word) + " is no number");
  }
  return *number;
}

int64_t Fields::InRange(const std::string &key, const std::string &word, Range values) const {
  const auto number = ToInteger(word);
  if (!number || *number < values.first || *number > values.second) {
    const char *kind = values.first == values.second ? "allowed is " : "allowed are the integers ";
    Fail(key, Quoted(word) + ", " + kind + Between(values));
  }
  return *number;
}

}  // namespace infer
