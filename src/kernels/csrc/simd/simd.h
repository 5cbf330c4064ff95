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

// simd.h: the vector type of the instruction set this object is compiled for (DQ_ISA_*), namespace
// DQ_NS.
//
// Every simd_*.h offers the same names: F (float lanes), I (32-bit lanes), LANES and the functions
// below it, and the tile sizes that fit its registers:
//   OB      outputs per tile of the offset GEMM          GEMM_V  vectors of pixels per tile (float)
//   BYTE_V  the same for integer tiles                   DW_*    tiles of the weight gradient
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define DQ_INLINE static inline __attribute__((always_inline))
// For the tiles: inlined into a large function, gcc runs out of registers and spills inside the
// loop.
#define DQ_NOINLINE static __attribute__((noinline))
// Written where a loop must be unrolled for its arrays to live in registers (gcc 12 leaves them on
// the stack otherwise, the initialising and storing loops included).
#define DQ_UNROLL _Pragma("GCC unroll 16")

#if defined(DQ_ISA_AVX512)
#include "simd/simd_avx512.h"
#elif defined(DQ_ISA_AVX2)
#include "simd/simd_avx2.h"
#elif defined(DQ_ISA_DOTPROD)
#include "simd/simd_dotprod.h"
#else
#include "simd/simd_portable.h"
#endif
