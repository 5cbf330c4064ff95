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
// safetensors.h: the tensors of a safetensors file held in memory. Nothing in it is trusted.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace dq {

// What is wrong with an artefact; the text is for the user.
struct BadArtefact : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct StoredTensor {
  std::string dtype;  // "I64", "I32", "U8", ...
  std::vector<int64_t> shape;
  const uint8_t *data;  // into the file; not aligned
  size_t bytes;
  size_t count() const;
};

// Throws BadArtefact. The tensors point into `file`.
std::map<std::string, StoredTensor> read_safetensors(const uint8_t *file, size_t size);

}  // namespace dq
