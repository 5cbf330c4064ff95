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

// table.cc: the kernels of this instruction set, as one table.
#include "engine/integer_ops.h"
#include "simd/kernels.h"

#define DQ_TEXT2(x) #x
#define DQ_TEXT(x) DQ_TEXT2(x)

namespace DQ_NS {

using namespace dq;

int conv_forward(const ConvShape &, const Quantizers &, const float *, const int *, float *);
int conv_backward(const ConvShape &, const Quantizers &, const float *, const int *, const float *,
                  const ConvGrads &);
int conv_inner(const ConvShape &, const Quantizers &, const float *, const int *, const float *,
               const float *, float *);
void norm_forward(const NormShape &, const float *, const float *, const float *, const float *,
                  float *, float *, float *);
void norm_backward(const NormShape &, const float *, const float *, const float *, const float *,
                   const float *, const float *, const float *, float *, float *, float *, float *);
void quant_forward(const Grid &, const float *, float *);
void quant_backward(const Grid &, const float *, const float *, bool, float *, double *, double *);
void dorefa_forward(size_t, int, const float *, const float *, float *);
void dorefa_backward(size_t, int, const float *, const float *, float *);
void levels_forward(const Levels &, const float *, float *);
void levels_backward(const Levels &, const float *, const float *, const float *, float *,
                     const LevelSums &);
double burn_float(int, long);
double burn_shorts(int, long);
double burn_codes(int, long);
double burn_memory(int, long);
void update(const Learned *, int, const Rule &, float *);
void level_dense(const LevelDense &);

extern const IntegerKernels kIntegerTable;
extern const Kernels kTable;
const Kernels kTable = {DQ_TEXT(DQ_NAME), conv_forward,    conv_backward,  conv_inner,
                        norm_forward,     norm_backward,   quant_forward,  quant_backward,
                        dorefa_forward,   dorefa_backward, levels_forward, levels_backward,
                        update,           burn_float,      burn_shorts,    burn_codes,
                        burn_memory,      &kIntegerTable,  level_dense};

}  // namespace DQ_NS
