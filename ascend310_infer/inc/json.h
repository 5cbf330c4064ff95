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
// json.h: a JSON text as a tree, for the notes of an artefact. Nothing in the text is trusted.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace infer {

struct Json {
  enum class Kind { kNull, kBool, kNumber, kText, kList, kObject };

  Kind kind = Kind::kNull;
  bool truth = false;
  double number = 0;
  std::string text;  // characters outside ASCII that were escaped are `?`
  std::vector<Json> items;
  std::map<std::string, Json> members;

  // A member of an object, or null where there is none.
  const Json *Find(const std::string &key) const;
};

// Throws Error.
Json ParseJson(const std::string &text);

}  // namespace infer
