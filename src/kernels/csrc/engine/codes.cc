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
// codes.cc: codes from int32 values, compiled once per instruction set.
#include "engine/finish.h"

namespace DQ_NS {

void write_codes(const int32_t *v, const CodeOutput &o, int first, int last) {
  const ptrdiff_t count = ptrdiff_t(o.to.w) * o.to.c;  // of a row: its codes follow each other
  for (int y = first; y < last; y++) {
    const int32_t *from = v + y * count;
    uint8_t *to = o.to.data + y * o.to.row();
    ptrdiff_t i = 0;
    for (; i + 16 <= count; i += 16) store_codes(o, load_sums(from + i), 16, to + i);
    if (i == count) continue;
    int32_t rest[16] = {};
    std::memcpy(rest, from + i, sizeof(int32_t) * size_t(count - i));
    store_codes(o, load_sums(rest), int(count - i), to + i);
  }
}

}  // namespace DQ_NS
