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
// prepared_image.h: a Wide on the image, with the Affine behind it, made ready (image_conv.h).
#pragma once
#include <optional>
#include <vector>

#include "engine/image_conv.h"
#include "engine/memory.h"
#include "engine/prepared.h"
#include "engine/program.h"

namespace dq {

struct PreparedImage {
  ImageConv conv;
  std::vector<int16_t> table;  // [x_pieces][3][256]: pieces of the value of a pixel
  AlignedBytes packed;
  std::vector<int64_t> largest;  // of each channel: no result is larger

  // Of operation i; nothing: it is no such Wide, or its sums do not fit.
  static std::optional<PreparedImage> of(const Program &program, int i);
};

// Multipliers and biases of a row of an Affine, in the order of Finish; none: results stay as they
// are.
struct PreparedAffine {
  std::vector<int64_t> multiplier, bias;
  int right = 0;
  bool narrow = true;
  Bounds bounds{INT32_MIN, INT32_MAX};
  // largest: no value of a channel that it gets is larger
  PreparedAffine(const Operation *affine, int row, const std::vector<int64_t> &largest);
};

}  // namespace dq
