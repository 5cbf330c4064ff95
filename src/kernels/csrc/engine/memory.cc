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
// memory.cc: see memory.h.
#include "engine/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace dq {
namespace {

constexpr size_t kAlign = 64, kHugePage = size_t(1) << 21;
// The first chunk of blocks is small: many a net's weights are, and a huge page is whole or not
// there.
constexpr size_t kFirstChunk = size_t(1) << 19, kChunk = size_t(1) << 24;

size_t rounded(size_t bytes) { return (std::max<size_t>(bytes, 1) + kAlign - 1) / kAlign * kAlign; }

}  // namespace

AlignedBytes::AlignedBytes(size_t size) : size_(size) {
  const bool large = size >= kHugePage;
  void *memory = nullptr;
  if (posix_memalign(&memory, large ? kHugePage : kAlign, rounded(size))) throw std::bad_alloc();
  data_.reset((uint8_t *)memory);
#ifdef MADV_HUGEPAGE
  if (large) (void)madvise(memory, rounded(size), MADV_HUGEPAGE);  // a wish
#endif
}

uint8_t *Blocks::take(size_t bytes) {
  const size_t whole = rounded(bytes);
  std::lock_guard<std::mutex> hold(taking_);
  if (chunks_.empty() || chunks_.back().size() - taken_ < whole) {
    chunks_.push_back(AlignedBytes(std::max(whole, chunks_.empty() ? kFirstChunk : kChunk)));
    taken_ = 0;
  }
  uint8_t *const block = chunks_.back().data() + taken_;
  taken_ += whole;
  return block;
}

}  // namespace dq
