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
// operations.h: written by `python -m src.engine.declare` from engine/operations.py; do not edit.
// The integer operations as they are declared there: numbers, arrays, ranges.
#pragma once
#include "engine/declaration.h"

// clang-format off
namespace dq {

constexpr int64_t kLargestSide = 4096;
constexpr int64_t kLargestChannels = 65536;
constexpr int64_t kLargestOperations = 65536;
constexpr int64_t kLargestRows = 64;
constexpr int64_t kLargestChoices = 16;
constexpr int64_t kLargestLayers = 4096;
constexpr int64_t kLargestLevels = 256;
constexpr int64_t kLargestShift = 60;
constexpr int64_t kLargestBitops = 281474976710656;
constexpr int kFieldsPerOperation = 16;

enum OpKind { kInput, kQuantise, kConv, kWide, kAffine, kAdd, kPool, kMaxPool, kSubsample, kChoose, kBudget, kBucketise, kKinds };

// Of all kinds of operations; one has those of its kind.
struct Numbers {
  int64_t height = 0;
  int64_t width = 0;
  int64_t bits = 0;
  int64_t x = 0;
  int64_t shift = 0;
  int64_t is_signed = 0;
  int64_t slot = 0;
  int64_t column = 0;
  int64_t c_out = 0;
  int64_t c_in = 0;
  int64_t kernel = 0;
  int64_t stride = 0;
  int64_t padding = 0;
  int64_t groups = 0;
  int64_t w_column = 0;
  int64_t a_column = 0;
  int64_t master = 0;
  int64_t odd = 0;
  int64_t low = 0;
  int64_t high = 0;
  int64_t y = 0;
  int64_t bins = 0;
  int64_t before = 0;
  int64_t after = 0;
  int64_t layers = 0;
  int64_t columns = 0;
  int64_t choices = 0;
  int64_t shared = 0;
  int64_t budget = 0;
  int64_t base = 0;
  int64_t range = 0;
};

struct Arrays {
  Array<int32_t> table;
  Array<int64_t> bits;
  Array<int32_t> multiplier;
  Array<int64_t> bias;
  std::vector<Array<int8_t>> weights;
  Array<int32_t> levels;
  Array<int32_t> weight;
  Array<int64_t> prices;
  Array<int32_t> asked;
  Array<int32_t> spent;
  Array<int32_t> thresholds;
};

inline constexpr OperationRule kOperations[kKinds] = {
  {"Input", {3, {
    {"height", &Numbers::height, 1, 4096, kNoRegister},
    {"width", &Numbers::width, 1, 4096, kNoRegister},
    {"bits", &Numbers::bits, 0, 8, kNoRegister},
  }}, {1, {
    {"table", "int32 (3, 256)", &Arrays::table, nullptr, {2, {{3, nullptr, 0}, {256, nullptr, 0}}}, INT64_MIN, INT64_MAX, false},
  }}},
  {"Quantise", {5, {
    {"x", &Numbers::x, 0, 65535, kWideRegister},
    {"shift", &Numbers::shift, 1, 60, kNoRegister},
    {"signed", &Numbers::is_signed, 0, 1, kNoRegister},
    {"slot", &Numbers::slot, -1, 4095, kNoRegister},
    {"column", &Numbers::column, 0, 1, kNoRegister},
  }}, {2, {
    {"bits", "int64 (K,)", nullptr, &Arrays::bits, {1, {{0, nullptr, 'K'}}}, 1, 8, false},
    {"multiplier", "int32 (K,)", &Arrays::multiplier, nullptr, {1, {{0, nullptr, 'K'}}}, -1073741823, 1073741823, false},
  }}},
  {"Conv", {15, {
    {"x", &Numbers::x, 0, 65535, kCodesRegister},
    {"c_out", &Numbers::c_out, 1, 65536, kNoRegister},
    {"c_in", &Numbers::c_in, 1, 65536, kNoRegister},
    {"kernel", &Numbers::kernel, 1, 4096, kNoRegister},
    {"stride", &Numbers::stride, 1, 4096, kNoRegister},
    {"padding", &Numbers::padding, 0, 4096, kNoRegister},
    {"groups", &Numbers::groups, 1, 65536, kNoRegister},
    {"slot", &Numbers::slot, -1, 4095, kNoRegister},
    {"w_column", &Numbers::w_column, 0, 1, kNoRegister},
    {"a_column", &Numbers::a_column, 0, 1, kNoRegister},
    {"master", &Numbers::master, 0, 8, kNoRegister},
    {"odd", &Numbers::odd, 0, 1, kNoRegister},
    {"shift", &Numbers::shift, 1, 60, kNoRegister},
    {"low", &Numbers::low, -2147483648, 2147483647, kNoRegister},
    {"high", &Numbers::high, -2147483648, 2147483647, kNoRegister},
  }}, {5, {
    {"bits", "int64 (2, K)", nullptr, &Arrays::bits, {2, {{2, nullptr, 0}, {0, nullptr, 'K'}}}, 1, 8, false},
    {"multiplier", "int32 (R, 1|K, 1|K, c_out)", &Arrays::multiplier, nullptr, {4, {{0, nullptr, 'R'}, {0, nullptr, '1'}, {0, nullptr, '1'}, {0, &Numbers::c_out, 0}}}, INT64_MIN, INT64_MAX, false},
    {"bias", "int64 (R, 1|K, 1|K, c_out)", nullptr, &Arrays::bias, {4, {{0, nullptr, 'R'}, {0, nullptr, '1'}, {0, nullptr, '1'}, {0, &Numbers::c_out, 0}}}, INT64_MIN, INT64_MAX, false},
    {"weight", "int8 (c_out, c_in, kernel, kernel)", nullptr, nullptr, {4, {{0, &Numbers::c_out, 0}, {0, &Numbers::c_in, 0}, {0, &Numbers::kernel, 0}, {0, &Numbers::kernel, 0}}}, INT64_MIN, INT64_MAX, false},
    {"levels", "int32 (L,)", &Arrays::levels, nullptr, {1, {{0, nullptr, 'L'}}}, -128, 127, true},
  }}},
  {"Wide", {7, {
    {"x", &Numbers::x, 0, 65535, kWideRegister},
    {"c_out", &Numbers::c_out, 1, 65536, kNoRegister},
    {"kernel", &Numbers::kernel, 1, 4096, kNoRegister},
    {"stride", &Numbers::stride, 1, 4096, kNoRegister},
    {"padding", &Numbers::padding, 0, 4096, kNoRegister},
    {"groups", &Numbers::groups, 1, 65536, kNoRegister},
    {"shift", &Numbers::shift, 0, 60, kNoRegister},
  }}, {1, {
    {"weight", "int32 (c_out, I, kernel, kernel)", &Arrays::weight, nullptr, {4, {{0, &Numbers::c_out, 0}, {0, nullptr, 'I'}, {0, &Numbers::kernel, 0}, {0, &Numbers::kernel, 0}}}, INT64_MIN, INT64_MAX, false},
  }}},
  {"Affine", {4, {
    {"x", &Numbers::x, 0, 65535, kWideRegister},
    {"shift", &Numbers::shift, 1, 60, kNoRegister},
    {"low", &Numbers::low, -2147483648, 2147483647, kNoRegister},
    {"high", &Numbers::high, -2147483648, 2147483647, kNoRegister},
  }}, {2, {
    {"multiplier", "int32 (R, C)", &Arrays::multiplier, nullptr, {2, {{0, nullptr, 'R'}, {0, nullptr, 'C'}}}, INT64_MIN, INT64_MAX, false},
    {"bias", "int64 (R, C)", nullptr, &Arrays::bias, {2, {{0, nullptr, 'R'}, {0, nullptr, 'C'}}}, INT64_MIN, INT64_MAX, false},
  }}},
  {"Add", {4, {
    {"x", &Numbers::x, 0, 65535, kWideRegister},
    {"y", &Numbers::y, 0, 65535, kWideRegister},
    {"low", &Numbers::low, -2147483648, 2147483647, kNoRegister},
    {"high", &Numbers::high, -2147483648, 2147483647, kNoRegister},
  }}, {0, {
  }}},
  {"Pool", {2, {
    {"x", &Numbers::x, 0, 65535, kWideRegister},
    {"bins", &Numbers::bins, 1, 4096, kNoRegister},
  }}, {0, {
  }}},
  {"MaxPool", {4, {
    {"x", &Numbers::x, 0, 65535, kWideRegister},
    {"kernel", &Numbers::kernel, 1, 4096, kNoRegister},
    {"stride", &Numbers::stride, 1, 4096, kNoRegister},
    {"padding", &Numbers::padding, 0, 4096, kNoRegister},
  }}, {0, {
  }}},
  {"Subsample", {4, {
    {"x", &Numbers::x, 0, 65535, kWideRegister},
    {"stride", &Numbers::stride, 1, 4096, kNoRegister},
    {"before", &Numbers::before, 0, 65536, kNoRegister},
    {"after", &Numbers::after, 0, 65536, kNoRegister},
  }}, {0, {
  }}},
  {"Choose", {6, {
    {"x", &Numbers::x, 0, 65535, kWideRegister},
    {"slot", &Numbers::slot, 0, 4095, kNoRegister},
    {"layers", &Numbers::layers, 1, 4096, kNoRegister},
    {"columns", &Numbers::columns, 1, 2, kNoRegister},
    {"choices", &Numbers::choices, 2, 16, kNoRegister},
    {"shared", &Numbers::shared, 0, 1, kNoRegister},
  }}, {0, {
  }}},
  {"Budget", {7, {
    {"x", &Numbers::x, 0, 65535, kWideRegister},
    {"slot", &Numbers::slot, 0, 4095, kNoRegister},
    {"layers", &Numbers::layers, 1, 4096, kNoRegister},
    {"budget", &Numbers::budget, 0, 281474976710656, kNoRegister},
    {"base", &Numbers::base, 0, 281474976710656, kNoRegister},
    {"range", &Numbers::range, 1, 281474976710656, kNoRegister},
    {"shift", &Numbers::shift, 1, 60, kNoRegister},
  }}, {3, {
    {"prices", "int64 (layers, K, 1|K)", nullptr, &Arrays::prices, {3, {{0, &Numbers::layers, 0}, {0, nullptr, 'K'}, {0, nullptr, '1'}}}, 0, 281474976710656, false},
    {"asked", "int32 (C,)", &Arrays::asked, nullptr, {1, {{0, nullptr, 'C'}}}, INT64_MIN, INT64_MAX, false},
    {"spent", "int32 (C,)", &Arrays::spent, nullptr, {1, {{0, nullptr, 'C'}}}, INT64_MIN, INT64_MAX, false},
  }}},
  {"Bucketise", {2, {
    {"x", &Numbers::x, 0, 65535, kWideRegister},
    {"signed", &Numbers::is_signed, 0, 1, kNoRegister},
  }}, {2, {
    {"thresholds", "int32 (L,)", &Arrays::thresholds, nullptr, {1, {{0, nullptr, 'L'}}}, INT64_MIN, INT64_MAX, false},
    {"levels", "int32 (L,)", &Arrays::levels, nullptr, {1, {{0, nullptr, 'L'}}}, -128, 255, false},
  }}},
};

}  // namespace dq
