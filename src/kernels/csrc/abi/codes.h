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

// codes.h: return codes of the exported functions. errors.py holds the sentence for each; a test
// ties the two.
#pragma once

namespace dq {

enum Code {
  kOk = 0,
  kParamCount = 10,  // number of tensors differs
  kRank = 11,        // a tensor has the wrong number of dimensions
  kDtype = 12,       // a tensor has the wrong element type
  kShape = 13,       // shapes of inputs or outputs do not fit together
  kGeometry = 14,    // stride, padding, groups or short gradients out of range
  kTooLarge = 15,    // an image or a weight tensor exceeds 2^31 - 1 elements
  kEmpty = 16,       // a dimension is zero
  kLevels = 17,      // a_max outside 1..255 or not an integer
  kScale = 18,       // a scale is not positive and finite, or not 2^s / inv
  kOffGrid = 19,     // wq is not a multiple of w_scale
  kOneHot = 20,      // a row of onehot has no finite maximum
  kMemory = 21,      // scratch memory could not be had
  kIsa = 22,         // DYNQUANT_ISA names an instruction set this machine lacks
  kInternal = 23,
  kArtefact = 24,  // an artefact is damaged, or not one
  kPlan = 25,      // a plan's candidate, a row of statistics or a budget is out of range
  kClosed = 26,    // the program has been closed
  kTable = 27,     // settings of levels are out of range
};

}  // namespace dq
