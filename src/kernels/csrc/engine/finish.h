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
// finish.h: what follows the sums of a convolution, for 16 channels of a pixel in registers
// (Finish, conv_step.h). Included only by files compiled per instruction set.
//
// Sums holds 16 neighbouring int32 channels. load_sums and store_sums move them from and to memory;
// finish() does all that a Finish asks for.
#pragma once
#include "simd/simd.h"
#include "engine/conv_step.h"

namespace DQ_NS {

// Where the results of a block of a pixel go.
struct Place {
  int block;         // of the arrays of a Finish
  int first, count;  // channel, and how many of the block there are: 1..16
  int y, x, pixel;   // pixel = y * wo + x
};

}  // namespace DQ_NS

#if defined(DQ_ISA_AVX512)
#include "engine/finish_avx512.h"
#elif defined(DQ_ISA_AVX2)
#include "engine/finish_avx2.h"
#else
#include "engine/finish_plain.h"
#endif
