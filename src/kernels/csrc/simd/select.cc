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

// select.cc: the one place that chooses an instruction set. DYNQUANT_ISA forces one; dq_set_isa
// does so for tests. The build defines DQ_WITH_<ISA> for each set it compiled.
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "dynquant.h"
#include "abi/codes.h"
#include "engine/integer_ops.h"
#include "simd/kernels.h"

#ifdef DQ_WITH_AVX512
namespace dq_avx512 {
extern const dq::Kernels kTable;
}
#endif
#ifdef DQ_WITH_AVX2
namespace dq_avx2 {
extern const dq::Kernels kTable;
}
#endif
#ifdef DQ_WITH_DOTPROD
#include <sys/auxv.h>
namespace dq_dotprod {
extern const dq::Kernels kTable;
}
#endif
namespace dq_portable {
extern const dq::Kernels kTable;
}

namespace dq {
namespace {

[[maybe_unused]] bool has_avx512() {
#if defined(DQ_EMULATED)
  return true;
#elif defined(DQ_WITH_AVX512)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

[[maybe_unused]] bool has_avx2() {
#ifdef DQ_WITH_AVX2
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

[[maybe_unused]] bool has_dotprod() {
#ifdef DQ_WITH_DOTPROD
  return getauxval(AT_HWCAP) & (1 << 20);  // HWCAP_ASIMDDP
#else
  return false;
#endif
}

// null: unknown name, or not on this machine
const Kernels *find(const char *name) {
#ifdef DQ_WITH_AVX512
  if (!std::strcmp(name, "avx512")) return has_avx512() ? &dq_avx512::kTable : nullptr;
#endif
#ifdef DQ_WITH_AVX2
  if (!std::strcmp(name, "avx2")) return has_avx2() ? &dq_avx2::kTable : nullptr;
#endif
#ifdef DQ_WITH_DOTPROD
  if (!std::strcmp(name, "dotprod")) return has_dotprod() ? &dq_dotprod::kTable : nullptr;
#endif
  if (!std::strcmp(name, "portable")) return &dq_portable::kTable;
  return nullptr;
}

const Kernels *best() {
  const char *forced = std::getenv("DYNQUANT_ISA");
  if (forced && *forced) return find(forced);
#ifdef DQ_WITH_AVX512
  if (has_avx512()) return &dq_avx512::kTable;
#endif
#ifdef DQ_WITH_AVX2
  if (has_avx2()) return &dq_avx2::kTable;
#endif
#ifdef DQ_WITH_DOTPROD
  if (has_dotprod()) return &dq_dotprod::kTable;
#endif
  return &dq_portable::kTable;
}

std::atomic<const Kernels *> g_active{nullptr};

}  // namespace

const Kernels *active_kernels() {
  const Kernels *k = g_active.load();
  if (!k) g_active.store(k = best());
  return k;
}

const IntegerKernels &integer_kernels() { return *active_kernels()->integer; }

}  // namespace dq

extern "C" {

const char *dq_isa() {
  const dq::Kernels *k = dq::active_kernels();
  return k ? k->name : "";
}
int dq_has_isa(const char *name) { return dq::find(name) != nullptr; }
int dq_set_isa(const char *name) {
  const dq::Kernels *k = dq::find(name);
  if (!k) return dq::kIsa;
  dq::g_active.store(k);
  return dq::kOk;
}
// Kernels for convolutions of codes, up to a null, for tests (tests/engine/conv_kernels.py).
const dq::ConvKernel *const *dq_conv_kernels() { return dq::integer_kernels().convs; }
}
