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
// ladder_text.h: the [ladder] and [row] sections of a bundle.cfg.
#pragma once
#include <string>
#include <vector>

#include "inc/bundle_text.h"
#include "inc/ladder.h"

namespace infer {

// The ladder in a file's sections, empty where there is none. bits: the bundle's. Throws Error.
Ladder ReadLadder(const std::vector<Section> &sections, const std::string &path, const std::vector<int> &bits);

}  // namespace infer
