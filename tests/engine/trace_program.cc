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
// trace_program.cc: all registers of one image, for builds of the engine that Python cannot load.
//   trace_program ARTEFACT PIXELS REGISTERS     uint8 (3, H, W) in, int32 out, as Engine::trace
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "../../src/kernels/csrc/engine/engine.h"

namespace dq_portable {
extern const dq::IntegerKernels kIntegerTable;
}
const dq::IntegerKernels &dq::integer_kernels() { return dq_portable::kIntegerTable; }

static std::vector<uint8_t> read_file(const char *path) {
  std::ifstream file(path, std::ios::binary);
  return std::vector<uint8_t>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  try {
    const std::vector<uint8_t> artefact = read_file(argv[1]), pixels = read_file(argv[2]);
    dq::Engine engine(dq::read_program(artefact.data(), artefact.size()));
    std::vector<int32_t> registers(engine.register_total());
    engine.trace(pixels.data(), nullptr, 0, registers.data());
    std::ofstream out(argv[3], std::ios::binary);
    out.write((const char *)registers.data(), std::streamsize(registers.size() * sizeof(int32_t)));
    return out.good() ? 0 : 1;
  } catch (const dq::BadArtefact &bad) {
    std::fprintf(stderr, "%s\n", bad.what());
    return 1;
  }
}
