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
// checksum.cc: CRC-32, polynomial 0xEDB88320, four bytes at a time.
#include "engine/checksum.h"

#include <array>

namespace dq {
namespace {

constexpr size_t kStep = 16;  // bytes of a step: their lookups do not wait for each other
using Table = std::array<std::array<uint32_t, 256>, kStep>;

// [0]: what a byte does to the sum; [n]: what it does n bytes later.
constexpr Table make_table() {
  Table table{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t sum = byte;
    for (int bit = 0; bit < 8; bit++) sum = (sum >> 1) ^ (sum & 1 ? 0xEDB88320u : 0);
    table[0][byte] = sum;
  }
  for (size_t n = 1; n < table.size(); n++)
    for (size_t byte = 0; byte < 256; byte++)
      table[n][byte] = (table[n - 1][byte] >> 8) ^ table[0][table[n - 1][byte] & 0xFF];
  return table;
}

constexpr Table kTable = make_table();

uint32_t add(uint32_t sum, const uint8_t *p, size_t count) {
  for (; count >= kStep; count -= kStep, p += kStep) {
    const uint32_t old = sum;
    sum = 0;
    for (size_t i = 0; i < 4; i++) sum ^= kTable[kStep - 1 - i][p[i] ^ ((old >> (8 * i)) & 0xFF)];
    for (size_t i = 4; i < kStep; i++) sum ^= kTable[kStep - 1 - i][p[i]];
  }
  for (; count > 0; count--, p++) sum = (sum >> 8) ^ kTable[0][(sum ^ *p) & 0xFF];
  return sum;
}

}  // namespace

uint32_t checksum(const uint8_t *file, size_t size, size_t place) {
  constexpr uint8_t kZeros[8] = {};
  uint32_t sum = add(~0u, file, place);
  sum = add(sum, kZeros, sizeof kZeros);
  place += sizeof kZeros;
  return ~add(sum, file + place, size - place);
}

}  // namespace dq
