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
// safetensors.cc: 8 bytes of header length, a JSON header, then the tensors without holes.
#include "engine/safetensors.h"

#include <algorithm>
#include <cstring>

namespace dq {
namespace {

constexpr size_t kLargestHeader = 100000000;  // as the safetensors library
constexpr size_t kLargestName = 256;
constexpr int64_t kLargestCount = int64_t(1) << 31;

[[noreturn]] void fail(const std::string &what) {
  throw BadArtefact("not a safetensors file: " + what);
}

bool is_utf8(const uint8_t *p, const uint8_t *end) {
  constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  while (p != end) {
    const uint8_t lead = *p++;
    if (lead < 0x80) continue;
    const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4 || end - p < more) return false;
    uint32_t code = lead & (0x3F >> more);
    for (int i = 0; i < more; i++, p++) {
      if ((*p & 0xC0) != 0x80) return false;
      code = code << 6 | (*p & 0x3F);
    }
    if (code < kLeast[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
  }
  return true;
}

// Of JSON, what a header may hold: objects, strings, lists of integers.
class Reader {
 public:
  Reader(const char *begin, const char *end) : p_(begin), end_(end) {}

  void expect(char c) {
    if (!take(c)) fail(std::string("expected '") + c + "' in the header");
  }
  bool take(char c) {
    blanks();
    if (p_ == end_ || *p_ != c) return false;
    p_++;
    return true;
  }
  bool take_null() {
    blanks();
    if (end_ - p_ < 4 || std::memcmp(p_, "null", 4)) return false;
    p_ += 4;
    return true;
  }
  void end() {
    blanks();
    if (p_ != end_) fail("text behind the header");
  }

  // A string without escapes: names and types need none.
  std::string name() {
    expect('"');
    const char *begin = p_;
    while (p_ != end_ && *p_ != '"' && *p_ != '\\' && !is_control()) p_++;
    if (p_ == end_ || *p_ != '"' || size_t(p_ - begin) > kLargestName) fail("a strange name");
    return std::string(begin, p_++);
  }
  void skip_string() {
    expect('"');
    while (p_ != end_ && *p_ != '"' && !is_control()) {
      if (*p_ == '\\' && (++p_ == end_ || !std::strchr("\"\\/bfnrtu", *p_))) break;
      p_++;
    }
    if (p_ == end_ || *p_ != '"') fail("a string without an end");
    p_++;
  }
  int64_t number() {
    blanks();
    int64_t value = 0;
    const char *begin = p_;
    for (; p_ != end_ && *p_ >= '0' && *p_ <= '9'; p_++) {
      if (value > (INT64_MAX - 9) / 10) fail("a number is too large");
      value = value * 10 + (*p_ - '0');
    }
    if (p_ == begin || (*begin == '0' && p_ != begin + 1)) fail("expected a number");
    return value;
  }
  std::vector<int64_t> numbers() {
    std::vector<int64_t> values;
    expect('[');
    if (take(']')) return values;
    do values.push_back(number());
    while (values.size() < 16 && take(','));
    expect(']');
    return values;
  }

 private:
  bool is_control() const { return uint8_t(*p_) < 0x20; }
  void blanks() {
    while (p_ != end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\t' || *p_ == '\r')) p_++;
  }
  const char *p_, *end_;
};

void skip_metadata(Reader *r) {
  if (r->take_null()) return;
  r->expect('{');
  if (r->take('}')) return;
  do {
    r->skip_string();
    r->expect(':');
    r->skip_string();
  } while (r->take(','));
  r->expect('}');
}

struct Entry {
  StoredTensor tensor;
  size_t begin, end;
};

Entry read_entry(Reader *r) {
  Entry entry{};
  std::vector<int64_t> offsets;
  bool has_shape = false;
  r->expect('{');
  do {
    std::string key = r->name();
    r->expect(':');
    if (key == "dtype") {
      entry.tensor.dtype = r->name();
    } else if (key == "shape") {
      entry.tensor.shape = r->numbers();
      has_shape = true;
    } else if (key == "data_offsets") {
      offsets = r->numbers();
    } else {
      fail("unknown key " + key);
    }
  } while (r->take(','));
  r->expect('}');
  if (!has_shape || offsets.size() != 2 || offsets[0] > offsets[1])
    fail("a tensor without a place");
  entry.begin = size_t(offsets[0]);
  entry.end = size_t(offsets[1]);
  return entry;
}

size_t item_size(const std::string &dtype) {
  if (dtype == "U8" || dtype == "I8") return 1;
  if (dtype == "I16") return 2;
  if (dtype == "I32") return 4;
  if (dtype == "I64") return 8;
  throw BadArtefact("a tensor of type " + dtype + "; a program has integers only");
}

void check_size(const std::string &name, const Entry &entry, size_t bytes) {
  for (int64_t n : entry.tensor.shape)
    if (n > kLargestCount) fail("tensor " + name + " has an absurd shape");
  size_t count = entry.tensor.count();
  if (count > size_t(kLargestCount)) fail("tensor " + name + " has an absurd shape");
  if (count * item_size(entry.tensor.dtype) != entry.end - entry.begin || entry.end > bytes)
    fail("tensor " + name + " does not fit its place");
}

}  // namespace

size_t StoredTensor::count() const {
  size_t total = 1;
  for (int64_t n : shape) {
    if (n == 0) return 0;
    if (total > size_t(kLargestCount)) break;  // too large already
    total *= size_t(n);
  }
  return total;
}

std::map<std::string, StoredTensor> read_safetensors(const uint8_t *file, size_t size) {
  uint64_t length = 0;
  if (size < 8) fail("it is shorter than a header");
  std::memcpy(&length, file, 8);
  if (length > kLargestHeader || length > size - 8) fail("it ends within its header");
  const uint8_t *data = file + 8 + length;
  size_t bytes = size - 8 - size_t(length);
  if (!is_utf8(file + 8, data)) fail("a header that is not UTF-8");
  Reader r((const char *)file + 8, (const char *)data);
  std::map<std::string, StoredTensor> tensors;
  std::vector<std::pair<size_t, size_t>> places;
  r.expect('{');
  if (!r.take('}')) {
    do {
      std::string name = r.name();
      r.expect(':');
      if (name == "__metadata__") {
        skip_metadata(&r);
        continue;
      }
      Entry entry = read_entry(&r);
      check_size(name, entry, bytes);
      entry.tensor.data = data + entry.begin;
      entry.tensor.bytes = entry.end - entry.begin;
      places.emplace_back(entry.begin, entry.end);
      if (!tensors.emplace(name, entry.tensor).second) fail("two tensors named " + name);
    } while (r.take(','));
    r.expect('}');
  }
  r.end();
  std::sort(places.begin(), places.end());
  size_t at = 0;
  for (auto [begin, end] : places) {
    if (begin != at) fail("tensors overlap or leave holes");
    at = end;
  }
  if (at != bytes) fail("bytes behind the tensors");
  return tensors;
}

}  // namespace dq
