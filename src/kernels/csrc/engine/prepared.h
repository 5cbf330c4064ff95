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
// prepared.h: convolutions of codes, made ready: weights packed for a kernel, multipliers and
// biases in the order of Finish. Made on first use for a row of statistics and a pair of choices;
// what is the same for several of them is kept once: weights that a kernel packs into the same
// bytes for several ranges of codes, too. Any thread may ask.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/conv_step.h"
#include "engine/kernel_choice.h"
#include "engine/memory.h"
#include "engine/program.h"
#include "engine/straight.h"

namespace dq {

struct PreparedConv {
  CodeConv conv;
  const ConvKernel *kernel;
  const uint8_t *packed;
  const int64_t *least, *most;  // sums of each channel
  std::vector<int64_t> multiplier, bias;
  int left, right;
  bool narrow;
  Bounds reach{};                  // of values before they are clipped, if narrow
  mutable StraightCodes straight;  // made when asked for
};

class PreparedConvs {
 public:
  // Of convolution i of a program that runs on bytes; all that is given outlives this.
  PreparedConvs(const Program &program, int i, const KernelChoice &choice, Blocks *memory);
  ~PreparedConvs();
  const PreparedConv &get(int row, int w_choice, int a_choice);
  // What a KernelChoice calls it.
  std::string key(int w_choice, int a_choice) const;

 private:
  struct Block {
    uint8_t *data = nullptr;
    size_t size = 0;
  };
  struct Packing {
    const ConvKernel *kernel;
    Block block;
  };
  struct Weights {  // of a choice, for codes with a range
    int w_choice, code_low, code_high;
    std::vector<int64_t> least, most;  // sums of each channel
    const Packing *packing;
  };
  const Weights &weights(const CodeConv &conv, int w_choice);
  const Packing &packing(const CodeConv &conv, int w_choice);
  CodeConv code_conv(int a_choice) const;  // without its weights
  std::unique_ptr<PreparedConv> make(int row, int w_choice, int a_choice);

  const Program &program_;
  const Operation &op_;
  const KernelChoice &choice_;
  std::mutex making_;
  std::vector<std::unique_ptr<Packing>> packings_;
  Blocks *const memory_;
  Block spare_;  // where the next weights are packed, if it is large enough
  std::vector<std::unique_ptr<Weights>> weights_;
  std::vector<std::unique_ptr<PreparedConv>> made_;
  std::unique_ptr<std::atomic<const PreparedConv *>[]> ready_;  // by row, weights, inputs
};

}  // namespace dq
