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
// check.h: what the unit tests of the inference program are written with. A failed check says where
// and what, and the run goes on; the program's exit code tells of it.
#pragma once
#include <cstdio>
#include <stdexcept>
#include <string>

inline int g_failures = 0;

inline void Verify(bool holds, const char *file, int line, const std::string &what) {
  if (!holds) {
    std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
    g_failures++;
  }
}

#define EXPECT(condition) Verify((condition), __FILE__, __LINE__, #condition)

// The text of what `body` throws, "" if it throws nothing. Another kind of exception ends the test.
template <class Kind, class Body>
std::string Thrown(Body &&body) {
  try {
    body();
  } catch (const Kind &error) {
    return error.what();
  }
  return "";
}

// One line that has `part` in it.
inline void VerifyText(const std::string &text, const std::string &part, const char *file, int line) {
  const bool fits = text.find(part) != std::string::npos && text.find('\n') == std::string::npos;
  Verify(fits && !part.empty(), file, line, "`" + text + "` is no line with `" + part + "`");
}

#define EXPECT_ERROR(part, ...) VerifyText(Thrown<infer::Error>([&] { __VA_ARGS__; }), part, __FILE__, __LINE__)

// The tests, one function per file.
void TestFlags();
void TestText();
void TestBundle();
void TestPipeline();
void TestFiles();
void TestReport();
void TestNotes();

// Not a test: see price.cc.
void Price(const std::string &path);
