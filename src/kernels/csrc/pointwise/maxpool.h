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

// maxpool.h: maximum over square windows; what lies outside the image never wins.
#pragma once

namespace dq {

// x [planes, h, w] -> y [planes, ho, wo]
struct MaxPoolShape {
  int planes, h, w, kernel, stride, pad, ho, wo;
};

void max_pool_forward(const MaxPoolShape &, const float *x, float *y);
// The gradient of an output goes to the first of its largest inputs, row by row.
void max_pool_backward(const MaxPoolShape &, const float *x, const float *dy, float *dx);

}  // namespace dq
