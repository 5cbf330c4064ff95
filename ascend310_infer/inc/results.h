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
// results.h: the result files of a run, in the zoo's form.
#pragma once
#include <string>

#include "inc/classifier.h"

namespace infer {

// FOLDER/<stem>_0.bin: the logits; FOLDER/<stem>_1.bin: the choices, int32, of a network that
// makes some; FOLDER/<stem>_2.bin: BitOPs of all passes, int64, where it escalates. Throws Error.
void WriteAnswer(const std::string &folder, const std::string &stem, const Answer &answer);

}  // namespace infer
