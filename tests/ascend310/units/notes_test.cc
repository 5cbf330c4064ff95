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
// The notes of an artefact: JSON as it is and as it must not be, and the ladder in it.

#include <cstdint>
#include <string>
#include <utility>

#include "check.h"
#include "inc/artefact_notes.h"
#include "inc/error.h"
#include "inc/json.h"

namespace {

using infer::Json;
using infer::ParseJson;
using infer::ReadArtefactNotes;

infer::Bytes FileOf(const std::string &notes) {
  std::string text;
  for (char c : notes) {
    text += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  }
  const std::string header = "{\"__metadata__\": {\"notes\": \"" + text + "\"}, \"x\": {\"shape\": [2]}}";
  infer::Bytes file(8);
  for (size_t i = 0; i < 8; i++) {
    file[i] = static_cast<char>(header.size() >> (8 * i) & 0xFF);
  }
  file.insert(file.end(), header.begin(), header.end());
  return file;
}

const std::string kRow = R"({"bits": [2], "margins": [], "bitops": 50.5, "top1": 0.5})";
const std::string kRow2 = R"({"bits": [2, 8], "margins": [-7], "bitops": 60, "top1": 0.75})";

std::string LadderText(const std::string &rows, const std::string &rest = R"(, "usual": 1)") {
  return R"({"looks": false, "rows_of_choices": [0, 2], "ladder": {"bits": [2, 8], "costs": [50, 90], "again": [40, 80],)"
         R"( "top1": [0.5, 0.75], "rows": [)" +
         rows + "]" + rest + "}}";
}

void TestTree() {
  const Json tree =
    ParseJson(R"( {"a": [1, -2.5e1, true, false, null], "b\"\u0041\u00e9": {"c": "\n\\"}, "e": [], "f": {}} )");
  const Json *list = tree.Find("a");
  EXPECT(list != nullptr && list->items.size() == 5 && list->items[1].number == -25);
  EXPECT(list->items[2].truth && !list->items[3].truth && list->items[4].kind == Json::Kind::kNull);
  EXPECT(tree.Find("b\"A?") != nullptr && tree.Find("b\"A?")->Find("c")->text == "\n\\");
  EXPECT(tree.Find("x") == nullptr && tree.Find("e")->items.empty());
}

void TestNoTree() {
  for (const std::string text :
       {"", "{", "[1,]", "{\"a\" 1}", "\"a", "\"\\x\"", "\"\\u00g0\"", "tru", "1 2", "1e999", "--1", "{1: 2}"}) {
    EXPECT_ERROR("not a JSON text", ParseJson(text));
  }
  EXPECT_ERROR("not a JSON text", ParseJson(std::string(100000, '[')));
}

void TestSpending() {
  const infer::ArtefactNotes notes =
    ReadArtefactNotes(FileOf(R"({"spending": {"given": [100, 200, 300, 400], "spent": [110, 150, 140.0, 250]}})"));
  for (const auto &[asked, given] :
       {std::pair{110, 100}, {130, 150}, {150, 200}, {151, 301}, {200, 350}, {9999, 400}}) {
    EXPECT(notes.spending.Give(asked) == given);
  }
  EXPECT_ERROR("the least that this network's agent spends", notes.spending.Give(50));
  EXPECT(ReadArtefactNotes(FileOf("{}")).spending.given.empty());
  for (const std::string wrong : {"[]", "{}", R"({"given": [1]})", R"({"given": [], "spent": []})",
                                  R"({"given": [1, 1], "spent": [1, 1]})", R"({"given": [1.5], "spent": [1]})",
                                  R"({"given": [1, 2], "spent": [1]})", R"({"given": [1], "spent": [-1]})"}) {
    EXPECT_ERROR("the notes' spending", ReadArtefactNotes(FileOf(R"({"spending": )" + wrong + "}")));
  }
}

void TestLadder() {
  const infer::ArtefactNotes notes = ReadArtefactNotes(FileOf(LadderText(kRow + "," + kRow2)));
  EXPECT(!notes.looks && notes.rows_of_choices && notes.rows_of_choices->at(1) == 2);
  EXPECT(notes.ladder.rows.size() == 2 && notes.ladder.usual == 1 && notes.ladder.again[1] == 80);
  EXPECT(notes.ladder.At(0).margins.at(0) == -7 && notes.ladder.At(55).bits.size() == 1);
  const infer::ArtefactNotes none = ReadArtefactNotes(FileOf("{}"));
  EXPECT(none.ladder.empty() && none.looks && !none.rows_of_choices);
  EXPECT(ReadArtefactNotes({}).ladder.empty());
}

void TestNoLadder() {
  const auto read = [](const std::string &notes) { ReadArtefactNotes(FileOf(notes)); };
  EXPECT_ERROR("ladder has no rows", read(LadderText("")));
  EXPECT_ERROR("rows do not rise", read(LadderText(kRow2 + "," + kRow)));
  EXPECT_ERROR("usual is out of range", read(LadderText(kRow)));
  EXPECT_ERROR("ladder lacks usual", read(LadderText(kRow, "")));
  EXPECT_ERROR("lacks bits", read(R"({"ladder": {}})"));
  EXPECT_ERROR("lacks bits", read(R"({"ladder": 3})"));
  EXPECT_ERROR("rows_of_choices is no list", read(R"({"rows_of_choices": 3})"));
  EXPECT_ERROR("rows_of_choices is out of range", read(R"({"rows_of_choices": [-1]})"));
  EXPECT_ERROR("bits do not rise", read(LadderText(R"({"bits": [8, 2], "margins": [1], "bitops": 1, "top1": 0})")));
  EXPECT_ERROR("that the ladder lacks", read(LadderText(R"({"bits": [3], "margins": [], "bitops": 1, "top1": 0})")));
  EXPECT_ERROR("threshold too many", read(LadderText(R"({"bits": [2], "margins": [1], "bitops": 1, "top1": 0})")));
  EXPECT_ERROR("no integer", read(LadderText(R"({"bits": [2, 8], "margins": [0.5], "bitops": 1, "top1": 0})")));
}

}  // namespace

void TestNotes() {
  TestTree();
  TestNoTree();
  TestSpending();
  TestLadder();
  TestNoLadder();
}
