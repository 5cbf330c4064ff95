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
// plain.h: operations on int32 registers, [h][w][c], one after the other: what no other step does.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "engine/frame.h"
#include "engine/program.h"

namespace dq {

class PlainOperations {
 public:
  explicit PlainOperations(const Program &program);  // which outlives this
  // Operation i of what its registers in the frame hold; a Choose writes its part of the plan.
  void run(int i, Frame *frame);

 private:
  struct Packed {
    std::once_flag once;
    std::vector<int16_t> weight;  // [groups][blocks][k][k][pairs][kChannelBlock][2]
  };
  struct Layer {
    std::once_flag once;
    std::unique_ptr<Packed[]> packed;              // of each candidate
    std::vector<std::vector<int32_t>> multiplier;  // of each row and pair, channels in blocks
    std::vector<std::vector<int64_t>> bias;        // likewise
    std::vector<int32_t> wide;                     // of a Wide: [O][k][k][c_in]
  };

  Layer &layer(int i);
  void conv(int i, Frame *frame);
  void wide(int i, Frame *frame);

  const Program &program_;
  std::unique_ptr<Layer[]> layers_;
};

}  // namespace dq
