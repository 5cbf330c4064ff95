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
// level_dense.h: a dense layer whose weights are levels, in three forms that give the same
// integers:
//   y[p][o] = sum over i of levels[index[o][i]] x[p][i]
#pragma once
#include <cstdint>

namespace dq {

constexpr int kLevelPart = 64, kLevelBlock = 256;  // inputs

// What is stored of an output's weights, block by block:
//   kProducts  the levels, int8 [256]: a product for each input
//   kLookUp    indices of 2 bits, or of 4 where they have 3: byte j holds those of the inputs j, 64
//   + j,
//              ..., low bits first. Their levels come from a table, and are multiplied likewise
//   kSums      bit planes uint64 [4][bits]: bit i of plane k of a part is bit k of its input i's
//   index.
//              Inputs of a level are summed first, and 2^bits products follow
enum LevelForm { kProducts, kLookUp, kSums };

struct LevelDense {
  LevelForm form;
  int bits;                     // of an index, 2..4
  int pixels, inputs, outputs;  // inputs: a multiple of kLevelBlock, at most 65536
  const uint8_t *x;             // [pixels][inputs]
  const uint8_t *stored;        // [outputs][blocks], each as above
  const int8_t *levels;         // [2^bits]
  int32_t *y;                   // [pixels][outputs]
};

// Bytes of a block.
constexpr int level_bytes(LevelForm form, int bits) {
  return form == kProducts ? kLevelBlock
                           : kLevelBlock / 8 * (form == kLookUp && bits == 3 ? 4 : bits);
}

}  // namespace dq
