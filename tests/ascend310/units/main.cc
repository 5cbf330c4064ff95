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
// main.cc: units NAME runs the tests of that name, in the current folder, which they may write in;
// units price BUNDLE.cfg prices choices (price.cc).
#include <functional>
#include <map>
#include <string>

#include "check.h"

int main(int argc, char **argv) {
  if (argc == 3 && argv[1] == std::string("price")) {
    Price(argv[2]);
    return 0;
  }
  const std::map<std::string, std::function<void()>> tests = {
    {"flags", TestFlags}, {"text", TestText},     {"bundle", TestBundle}, {"pipeline", TestPipeline},
    {"files", TestFiles}, {"report", TestReport}, {"notes", TestNotes},
  };
  const auto test = tests.find(argc == 2 ? argv[1] : "");
  if (test == tests.end()) {
    return 2;
  }
  test->second();
  return g_failures > 0 ? 1 : 0;
}
