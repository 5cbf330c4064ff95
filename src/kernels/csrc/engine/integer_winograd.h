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
// integer_winograd.h: 3x3 convolutions with fewer products, exactly (integer_winograd.cc).
#pragma once
#include "engine/conv_step.h"

namespace DQ_NS {

// Of few bits, in bytes.
extern const dq::ConvKernel kWinograd2x2;  // F(2x2, 3x3): 16 products for 36
extern const dq::ConvKernel kWinograd2x4;  // F(2x4, 3x3): 24 products for 72
// Of any bits, in 16.
extern const dq::ConvKernel kWinograd4x4;  // F(4x4, 3x3): 36 products for 144

}  // namespace DQ_NS
