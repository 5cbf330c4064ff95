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
// declaration.h: what the declaration of an integer operation (engine/declaration.py) consists of;
// operations.h holds it for each.
#pragma once
#include <cstdint>
#include <vector>

namespace dq {

enum RegisterKind { kCodesRegister, kWideRegister, kPlanRegister, kNoRegister };

template <class T>
struct Array {
  std::vector<int64_t> shape;
  std::vector<T> values;
};

struct Numbers;  // of an operation
struct Arrays;

// Up to N items.
template <class T, int N>
struct List {
  int count;
  T items[N];
  constexpr const T *begin() const { return items; }
  constexpr const T *end() const { return items + count; }
};

struct NumberRule {
  const char *name;
  int64_t Numbers::*number;
  int64_t low, high;
  RegisterKind reads;  // kNoRegister: it names none
};

// A side of an array: a size, a number of the operation, or a letter: R rows of statistics; C
// channels of register x, I in each of its groups; K candidates; L levels; 1: one, or K.
struct Side {
  int64_t size;
  int64_t Numbers::*number;
  char letter;
};

// One of int32 and int64 says where it is kept; neither: weights, one for each stored width.
struct ArrayRule {
  const char *name, *form;  // type and shape, for messages
  Array<int32_t> Arrays::*int32;
  Array<int64_t> Arrays::*int64;
  List<Side, 4> shape;
  int64_t low, high;  // of the values
  bool optional;      // an operation may be without it
};

struct OperationRule {
  const char *name;
  List<NumberRule, 15> numbers;  // in the order of the artefact's table
  List<ArrayRule, 5> arrays;
};

}  // namespace dq
