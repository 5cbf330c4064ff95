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

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "check.h"
#include "inc/error.h"
#include "inc/files.h"
#include "inc/results.h"

namespace {

namespace fs = std::filesystem;

void Put(const std::string &path, const std::string &content) { std::ofstream(path) << content; }

std::string Got(const std::string &path) {
  const infer::Bytes bytes = infer::ReadFile(path);
  return std::string(bytes.begin(), bytes.end());
}

void TestImages() {
  fs::create_directories("images/folder.bin");
  for (const char *name : {"b.bin", "a.bin", "a10.bin", "a2.bin"}) {
    Put(std::string("images/") + name, "1234");
  }
  Put("images/notes.txt", "no image");
  const std::vector<infer::Image> images = infer::ListImages("images", 4, "4 uint8");
  EXPECT(images.size() == 4 && images[0].stem == "a" && images[1].stem == "a10" && images[3].stem == "b");
  EXPECT_ERROR("has 4 bytes; the network takes 5 uint8 = 5 bytes", infer::ListImages("images", 5, "5 uint8"));
  EXPECT_ERROR("--dataset_path=nowhere cannot be listed", infer::ListImages("nowhere", 4, ""));
  EXPECT_ERROR("cannot be listed", infer::ListImages("images/a.bin", 4, ""));
  fs::create_directories("empty");
  EXPECT_ERROR("has no .bin files", infer::ListImages("empty", 4, ""));
}

void TestReading() {
  EXPECT(Got("images/a.bin") == "1234");
  EXPECT_ERROR("nowhere cannot be read", infer::ReadFile("nowhere"));
  EXPECT_ERROR("not a file", infer::ReadFile("images"));
  EXPECT_ERROR("not a file", infer::ReadFile("/dev/zero"));
}

void TestWriting() {
  infer::MakeFolder("made/below");
  infer::MakeFolder("made/below");
  EXPECT(fs::is_empty("made/below"));
  infer::WriteFile("made/x", "abc", 3);
  infer::WriteFile("made/x", "de", 2);
  EXPECT(Got("made/x") == "de");
  infer::WriteFile("made/none", nullptr, 0);
  EXPECT(Got("made/none").empty());
  fs::create_directories("made/taken");
  EXPECT_ERROR("made/taken cannot be written", infer::WriteFile("made/taken", "abc", 3));
  EXPECT_ERROR("nowhere/x cannot be written: No such file", infer::WriteFile("nowhere/x", "abc", 3));
  EXPECT_ERROR("cannot be made", infer::MakeFolder("made/x/below"));
  EXPECT_ERROR("cannot be", infer::MakeFolder("made/x"));
  for (const auto &entry : fs::directory_iterator("made")) {
    EXPECT(entry.path().extension() != ".part");
  }
}

void TestAnswers() {
  infer::MakeFolder("results");
  infer::WriteAnswer("results", "cat", {{'1', '2', '3', '4'}, {258, 3}});
  EXPECT(Got("results/cat_0.bin") == "1234");
  EXPECT(Got("results/cat_1.bin") == std::string("\x02\x01\0\0\x03\0\0\0", 8));
  infer::WriteAnswer("results", "dog", {{'1', '2', '3', '4'}, {}});
  EXPECT(!fs::exists("results/dog_1.bin"));
}

}  // namespace

void TestFiles() {
  TestImages();
  TestReading();
  TestWriting();
  TestAnswers();
}
