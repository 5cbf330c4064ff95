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

#include "inc/artefact_notes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "inc/error.h"
#include "inc/json.h"

namespace infer {
namespace {

constexpr double kExact = 9007199254740992.0;  // 2^53: integers up to it are exact

void Need(bool holds, const std::string &what) {
  if (!holds) {
    throw Error("the notes' " + what);
  }
}

const Json &Member(const Json &object, const std::string &key, Json::Kind kind) {
  const Json *found = object.Find(key);
  Need(found != nullptr && found->kind == kind, "ladder lacks " + key);
  return *found;
}

double NumberOf(const Json &value, const std::string &what, double least, double most) {
  const bool fits = value.kind == Json::Kind::kNumber && value.number >= least && value.number <= most;
  Need(fits, what + " is out of range");
  return value.number;
}

template <class Number>
std::vector<Number> IntegersOf(const Json &list, const std::string &what, double least, double most) {
  Need(list.kind == Json::Kind::kList, what + " is no list");
  std::vector<Number> numbers;
  for (const Json &item : list.items) {
    const double number = NumberOf(item, what, least, most);
    Need(std::floor(number) == number, what + " holds what is no integer");
    numbers.push_back(static_cast<Number>(number));
  }
  return numbers;
}

template <class Number>
std::vector<Number> Integers(const Json &object, const std::string &key, double least, double most) {
  return IntegersOf<Number>(Member(object, key, Json::Kind::kList), "ladder's " + key, least, most);
}

std::vector<int> Widths(const Json &object) {
  const auto widths = Integers<int>(object, "bits", 1, 8);
  const auto falls = std::adjacent_find(widths.begin(), widths.end(), [](int a, int b) { return a >= b; });
  Need(!widths.empty() && falls == widths.end(), "ladder's bits do not rise");
  return widths;
}

Row RowOf(const Json &value, const Ladder &ladder) {
  Row row;
  row.bits = Widths(value);
  Need(std::includes(ladder.bits.begin(), ladder.bits.end(), row.bits.begin(), row.bits.end()),
       "ladder's row has a width that the ladder lacks");
  row.margins = Integers<double>(value, "margins", -kExact, kExact);
  Need(row.margins.size() + 1 == row.bits.size(), "ladder's row has a threshold too many or too few");
  row.bitops = NumberOf(Member(value, "bitops", Json::Kind::kNumber), "ladder's bitops", 0, kExact);
  row.top1 = NumberOf(Member(value, "top1", Json::Kind::kNumber), "ladder's top1", 0, 1);
  return row;
}

Ladder LadderOf(const Json &value) {
  Ladder ladder;
  ladder.bits = Widths(value);
  ladder.costs = Integers<int64_t>(value, "costs", 0, kExact);
  ladder.again = Integers<int64_t>(value, "again", 0, kExact);
  Need(ladder.costs.size() == ladder.bits.size() && ladder.again.size() == ladder.bits.size(),
       "ladder has a cost too many or too few");
  for (const Json &row : Member(value, "rows", Json::Kind::kList).items) {
    ladder.rows.push_back(RowOf(row, ladder));
    const bool rises = ladder.rows.size() == 1 || ladder.rows.end()[-2].bitops < ladder.rows.back().bitops;
    Need(rises, "ladder's rows do not rise");
  }
  Need(!ladder.rows.empty(), "ladder has no rows");
  const Json &usual = Member(value, "usual", Json::Kind::kNumber);
  ladder.usual = static_cast<size_t>(NumberOf(usual, "ladder's usual", 0, static_cast<double>(ladder.rows.size() - 1)));
  return ladder;
}

Spending SpendingOf(const Json &value) {
  Spending spending;
  const Json *given = value.Find("given"), *spent = value.Find("spent");
  Need(given != nullptr && spent != nullptr, "spending lacks given or spent");
  spending.given = IntegersOf<int64_t>(*given, "spending's given", 0, kExact);
  for (const Json &item : spent->items) {
    spending.spent.push_back(NumberOf(item, "spending's spent", 0, kExact));
  }
  const auto falls =
    std::adjacent_find(spending.given.begin(), spending.given.end(), [](int64_t a, int64_t b) { return a >= b; });
  Need(!spending.given.empty() && falls == spending.given.end(), "spending's given do not rise");
  Need(spending.given.size() == spending.spent.size(), "spending has a mean too many or too few");
  return spending;
}

// The header of a safetensors file, which the engine has checked.
std::string HeaderOf(const Bytes &file) {
  uint64_t length = 0;
  if (file.size() < sizeof(length)) {
    return "{}";
  }
  std::memcpy(&length, file.data(), sizeof(length));
  const auto size = static_cast<size_t>(std::min<uint64_t>(length, file.size() - sizeof(length)));
  return std::string(file.data() + sizeof(length), size);
}

}  // namespace

ArtefactNotes ReadArtefactNotes(const Bytes &file) {
  ArtefactNotes notes;
  const Json header = ParseJson(HeaderOf(file));
  const Json *metadata = header.Find("__metadata__");
  const Json *text = metadata == nullptr ? nullptr : metadata->Find("notes");
  if (text == nullptr) {
    return notes;
  }
  const Json all = ParseJson(text->text);
  if (const Json *looks = all.Find("looks")) {
    notes.looks = looks->truth;
  }
  if (const Json *rows = all.Find("rows_of_choices")) {
    notes.rows_of_choices = IntegersOf<int>(*rows, "rows_of_choices", 0, INT32_MAX);
  }
  if (const Json *spending = all.Find("spending")) {
    notes.spending = SpendingOf(*spending);
  }
  if (const Json *ladder = all.Find("ladder")) {
    notes.ladder = LadderOf(*ladder);
  }
  return notes;
}

}  // namespace infer
