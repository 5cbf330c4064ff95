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

#include "inc/json.h"

#include <cctype>
#include <cstring>
#include <string>
#include <utility>

#include "inc/error.h"
#include "inc/text.h"

namespace infer {
namespace {

constexpr int kDeepest = 64;

class Reader {
 public:
  explicit Reader(const std::string &text) : p_(text.data()), end_(text.data() + text.size()) {}

  Json Whole() {
    Json value = Value(0);
    Blanks();
    if (p_ != end_) {
      Fail();
    }
    return value;
  }

 private:
  [[noreturn]] static void Fail() { throw Error("not a JSON text"); }

  void Blanks() {
    while (p_ != end_ && std::strchr(" \t\r\n", *p_) != nullptr && *p_ != '\0') {
      p_++;
    }
  }

  bool Take(char wanted) {
    Blanks();
    if (p_ == end_ || *p_ != wanted) {
      return false;
    }
    p_++;
    return true;
  }

  void Expect(char wanted) {
    if (!Take(wanted)) {
      Fail();
    }
  }

  bool TakeWord(const std::string &word) {
    if (static_cast<size_t>(end_ - p_) < word.size() || word.compare(0, word.size(), p_, word.size()) != 0) {
      return false;
    }
    p_ += word.size();
    return true;
  }

  Json Value(int depth) {
    if (depth > kDeepest) {
      Fail();
    }
    Blanks();
    Json value;
    if (p_ != end_ && *p_ == '"') {
      value.kind = Json::Kind::kText;
      value.text = Text();
    } else if (Take('[')) {
      value.kind = Json::Kind::kList;
      Items(depth, &value);
    } else if (Take('{')) {
      value.kind = Json::Kind::kObject;
      Members(depth, &value);
    } else if (TakeWord("true") || TakeWord("false")) {
      value.kind = Json::Kind::kBool;
      value.truth = p_[-2] == 'u';
    } else if (!TakeWord("null")) {
      value.kind = Json::Kind::kNumber;
      value.number = Number();
    }
    return value;
  }

  void Items(int depth, Json *list) {
    if (Take(']')) {
      return;
    }
    do {
      list->items.push_back(Value(depth + 1));
    } while (Take(','));
    Expect(']');
  }

  void Members(int depth, Json *object) {
    if (Take('}')) {
      return;
    }
    do {
      Blanks();
      std::string key = Text();
      Expect(':');
      object->members[std::move(key)] = Value(depth + 1);
    } while (Take(','));
    Expect('}');
  }

  double Number() {
    const char *begin = p_;
    while (p_ != end_ && std::strchr("+-.0123456789eE", *p_) != nullptr && *p_ != '\0') {
      p_++;
    }
    const auto number = ToNumber(std::string(begin, p_));
    if (!number) {
      Fail();
    }
    return *number;
  }

  std::string Text() {
    Expect('"');
    std::string text;
    while (p_ != end_ && *p_ != '"') {
      const char c = *p_++;
      text += c == '\\' ? Escaped() : c;
    }
    Expect('"');
    return text;
  }

  char Escaped() {
    if (p_ == end_) {
      Fail();
    }
    static constexpr char kNames[] = "\"\\/bfnrt", kMeant[] = "\"\\/\b\f\n\r\t";
    const char c = *p_++;
    if (c == 'u') {
      return CodePoint();
    }
    const char *found = c == '\0' ? nullptr : std::strchr(kNames, c);
    if (found == nullptr) {
      Fail();
    }
    return kMeant[found - kNames];
  }

  char CodePoint() {
    int code = 0;
    for (int digit = 0; digit < 4; digit++, p_++) {
      if (p_ == end_ || std::isxdigit(static_cast<unsigned char>(*p_)) == 0) {
        Fail();
      }
      const int value = std::isdigit(static_cast<unsigned char>(*p_)) != 0 ? *p_ - '0' : (*p_ | 0x20) - 'a' + 10;
      code = 16 * code + value;
    }
    return code > 0 && code < 0x80 ? static_cast<char>(code) : '?';
  }

  const char *p_;
  const char *end_;
};

}  // namespace

const Json *Json::Find(const std::string &key) const {
  const auto found = members.find(key);
  return found == members.end() ? nullptr : &found->second;
}

Json ParseJson(const std::string &text) { return Reader(text).Whole(); }

}  // namespace infer
