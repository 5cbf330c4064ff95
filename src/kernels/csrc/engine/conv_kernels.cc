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
// conv_kernels.cc: the kernels for convolutions of codes that an instruction set has.
#include "engine/depthwise.h"
#include "engine/depthwise_lanes.h"
#include "engine/direct.h"
#include "engine/direct_pairs.h"
#include "engine/integer_winograd.h"
#include "engine/pointwise.h"

namespace DQ_NS {

// Those that can do a convolution are candidates; without a measurement the first of them that
// suits is taken.
extern const dq::ConvKernel *const kConvKernels[];
const dq::ConvKernel *const kConvKernels[] = {
#if defined(DQ_ISA_AVX512)
    &kDepthwiseLanes, &kPointwise,   &kDepthwise, &kWinograd2x4,
    &kWinograd2x2,    &kWinograd4x4, &kDirect,    &kDirectAny,
#elif defined(DQ_ISA_AVX2)
    &kDepthwise,    &kWinograd2x4, &kWinograd4x4, &kWinograd2x2,
    &kDirectChunks, &kDirectPairs, &kDirect,      &kDirectAny,
#else
    &kDepthwise, &kWinograd2x4, &kWinograd2x2, &kDirect, &kDirectAny,
#endif
    nullptr};

}  // namespace DQ_NS
