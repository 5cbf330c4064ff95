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
// artefact_notes.h: what the notes of an integer artefact say of plans. The engine needs none of it.
#pragma once
#include <optional>
#include <vector>

#include "inc/files.h"
#include "inc/ladder.h"
#include "inc/spending.h"

namespace infer {

struct ArtefactNotes {
  Spending spending;                                // of a controller that minds a budget
  Ladder ladder;                                    // empty: there is none; thresholds are integers
  bool looks = true;                                // the controller looks at the image
  std::optional<std::vector<int>> rows_of_choices;  // the row of statistics of each candidate
};

// file: of a safetensors artefact. Throws Error.
ArtefactNotes ReadArtefactNotes(const Bytes &file);

}  // namespace infer
