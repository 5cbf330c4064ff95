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
// depthwise_lanes.h: depthwise 3x3 convolutions of codes, on AVX-512 (depthwise_lanes.cc).
#pragma once
#include "engine/conv_step.h"

namespace DQ_NS {

#if defined(DQ_ISA_AVX512)
extern const dq::ConvKernel kDepthwiseLanes;  // of 64 channels or more, or of 32
#endif

}  // namespace DQ_NS
