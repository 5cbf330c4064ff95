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
// files.h: reading images, and writing files whole or not at all.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace infer {

using Bytes = std::vector<char>;

struct Image {
  std::string path;
  std::string stem;  // of the file name: what its results are named after
};

// The .bin files of a folder in the order of their names. Throws Error: none, or one that has not
// exactly `bytes` bytes (`what` says what these are).
std::vector<Image> ListImages(const std::string &folder, size_t bytes, const std::string &what);

// Throws Error.
Bytes ReadFile(const std::string &path);

// Makes the folder, parents included, and makes sure that files can be made in it. Throws Error.
void MakeFolder(const std::string &folder);

// Under a temporary name first: what has the final name is whole. Throws Error.
void WriteFile(const std::string &path, const void *data, size_t bytes);

}  // namespace infer
