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

// subsample.h: the shortcut without parameters (ResNet's option A): every `stride`-th pixel, with
// zero channels before and after.
#pragma once

namespace dq {

// x [n, c, h, w] -> y [n, before + c + after, ho, wo]
struct SubsampleShape {
  int n, c, h, w, stride, before, after, ho, wo;
};

void subsample_forward(const SubsampleShape &, const float *x, float *y);
void subsample_backward(const SubsampleShape &, const float *dy, float *dx);

}  // namespace dq
