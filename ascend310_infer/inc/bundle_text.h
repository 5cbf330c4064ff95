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
// bundle_text.h: the lines of a bundle.cfg, and the typed values of its keys.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace infer {

struct Entry {
  std::string value;
  int line;
};

// The keys before the first [...], or those of one part.
struct Section {
  std::string kind;  // stage, ladder or row; empty: the head
  int line = 1;
  std::map<std::string, Entry> entries;
};

// At least one section, the head. Throws Error.
std::vector<Section> SplitSections(const std::string &text, const std::string &path);

// Typed access to a section. Whatever is wrong throws an Error that names file, line, key and what
// is allowed.
class Fields {
 public:
  using Range = std::pair<int64_t, int64_t>;

  // Refuses keys that are not among the words of `allowed`.
  Fields(std::string path, const Section &section, const std::string &allowed);

  bool Has(const std::string &key) const { return section_.entries.count(key) > 0; }
  const std::string &Text(const std::string &key) const;
  int64_t Integer(const std::string &key, int64_t low, int64_t high) const;
  double Number(const std::string &key, double low, double high) const;
  std::vector<double> Numbers(const std::string &key, size_t count) const;
  std::vector<int64_t> Integers(const std::string &key, Range count, Range values) const;
  std::string File(const std::string &key) const;
  std::vector<std::string> Files(const std::string &key) const;
  [[noreturn]] void Fail(const std::string &key, const std::string &what) const;

 private:
  double AsNumber(const std::string &key, const std::string &word) const;
  int64_t InRange(const std::string &key, const std::string &word, Range values) const;

  std::string path_;
  const Section &section_;
};

}  // namespace infer
