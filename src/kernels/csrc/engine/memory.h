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
// memory.h: memory of an engine. What is large is asked for in huge pages, which a system may give
// or not: weights and values of megabytes are read once from image to image, and small pages of
// them are more than a processor's tables of addresses hold.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

namespace dq {

// Bytes at a multiple of 64.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t size);  // undefined contents; throws std::bad_alloc
  uint8_t *data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(uint8_t *p) const { std::free(p); }
  };
  std::unique_ptr<uint8_t, Free> data_;
  size_t size_ = 0;
};

// Blocks that are kept as long as this, one behind the other, so that small ones share huge pages.
// Any thread may take some.
class Blocks {
 public:
  uint8_t *take(size_t bytes);  // at a multiple of 64, undefined contents; throws std::bad_alloc

 private:
  std::mutex taking_;
  std::vector<AlignedBytes> chunks_;
  size_t taken_ = 0;  // of the last chunk
};

}  // namespace dq
