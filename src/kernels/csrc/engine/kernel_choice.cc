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
// kernel_choice.cc: lines of text become a choice.
#include "engine/kernel_choice.h"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <utility>

namespace dq {
namespace {

constexpr char kAny[] = "*";

std::mutex g_mutex;
// Never destroyed: threads may outlive static destructors.
auto &g_choice = *new std::shared_ptr<const KernelChoice>(std::make_shared<KernelChoice>());

// A forked child finds the choice whole, and nobody at it.
void before_fork() { g_mutex.lock(); }
void after_fork() { g_mutex.unlock(); }
[[maybe_unused]] const int g_watches_forks = pthread_atfork(before_fork, after_fork, after_fork);

}  // namespace

KernelChoice::KernelChoice(const std::string &text) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size()), tab = text.find('\t', at);
    if (tab < end) names_[text.substr(at, tab - at)] = text.substr(tab + 1, end - tab - 1);
    at = end + 1;
  }
}

const ConvKernel *KernelChoice::of(const CodeConv &conv, int w_bits) const {
  const ConvKernel *const *kernels = integer_kernels().convs;
  if (!names_.empty()) {
    auto line = names_.find(key(conv, w_bits));
    if (line == names_.end()) line = names_.find(kAny);
    for (const ConvKernel *const *k = kernels; line != names_.end() && *k; k++)
      if (line->second == (*k)->name && (*k)->can(conv)) return *k;
  }
  const auto is_taken = [&](const ConvKernel &k) {
    return (!k.suits || k.suits(conv)) && k.can(conv);
  };
  while (!is_taken(**kernels)) kernels++;  // the last one always is
  return *kernels;
}

std::string KernelChoice::key(const CodeConv &c, int w_bits) {
  std::string text;  // no streams: ours would meet those of another libstdc++ in Python's process
  for (int number : {c.c_in, c.c_out, c.groups, c.kernel, c.stride, c.padding, c.h, c.w, c.code_low,
                     c.code_high, w_bits})
    text += (text.empty() ? "" : " ") + std::to_string(number);
  return text;
}

void use_choice(std::shared_ptr<const KernelChoice> choice) {
  std::lock_guard<std::mutex> hold(g_mutex);
  g_choice.swap(choice);  // what it was is freed after the lock
}

std::shared_ptr<const KernelChoice> choice_in_use() {
  std::lock_guard<std::mutex> hold(g_mutex);
  return g_choice;
}

}  // namespace dq
