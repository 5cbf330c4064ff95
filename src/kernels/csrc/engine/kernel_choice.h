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
// kernel_choice.h: which kernel does a convolution. Most can be done by several, all with the same
// sums; which of them is the fastest depends on the machine. A choice holds what was measured on
// this one (engine/kernel_choice.py); what it does not name takes the first kernel that can and
// suits, in the order of conv_kernels.cc.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>

#include "engine/conv_step.h"
#include "engine/integer_ops.h"

namespace dq {

class KernelChoice {
 public:
  KernelChoice() = default;
  // A line for each: key, tab, a kernel's name. The key "*" stands for every convolution that no
  // other line names. What is no such line is passed over.
  explicit KernelChoice(const std::string &text);

  // One that can do the convolution, at a width of its weights.
  const ConvKernel *of(const CodeConv &conv, int w_bits) const;

  // What lines call it: sizes, the range of its codes, the width of its weights.
  static std::string key(const CodeConv &conv, int w_bits);

 private:
  std::unordered_map<std::string, std::string> names_;  // by key
};

// That of engines made later in this process. Any thread may call both.
void use_choice(std::shared_ptr<const KernelChoice> choice);
std::shared_ptr<const KernelChoice> choice_in_use();

}  // namespace dq
