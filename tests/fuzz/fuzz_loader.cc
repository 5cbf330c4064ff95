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
// fuzz_loader.cc: damaged artefacts against the C++ loader and engine, for sanitizers to watch.
//
// libFuzzer calls LLVMFuzzerTestOneInput. Without it (g++), main() does the mutating itself:
//   fuzz_loader SECONDS SEED ARTEFACT...     valid files to start from
// scripts/fuzz_loader.sh builds and runs it. Prints what it did; any finding ends the process.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "../../src/kernels/csrc/engine/engine.h"

// The plain kernels: the loader is under test, and src/kernels/csrc/simd/select.cc needs all others.
namespace dq_portable {
extern const dq::IntegerKernels kIntegerTable;
}
const dq::IntegerKernels &dq::integer_kernels() { return dq_portable::kIntegerTable; }

namespace {

constexpr size_t kSmall = 1 << 16;  // run only programs whose work is small
using Bytes = std::vector<uint8_t>;

bool is_small(const dq::Program &program) {
  size_t work = 0;
  for (const dq::Operation &op : program.operations) {
    const size_t taps = size_t(op.kernel) * size_t(op.kernel) * size_t(op.c_in > 0 ? op.c_in : 1);
    const size_t padded = size_t(op.padding + 1) * size_t(op.padding + 1);
    if (taps > kSmall || padded > kSmall || op.out.size() > kSmall) return false;
    work += op.out.size() * (taps + 1) + padded;
    if (work > 64 * kSmall) return false;
  }
  return true;
}

long g_runs = 0, g_refused = 0;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  try {
    dq::Program program = dq::read_program(data, size);
    if (!is_small(program)) return 0;
    dq::Engine engine(std::move(program));
    const dq::Program &p = engine.program();
    const size_t pixels = size_t(p.operations[0].out.h) * p.operations[0].out.w * 3;
    Bytes image(pixels, 77);
    std::vector<int32_t> logits(p.operations.back().out.size());
    engine.run(image.data(), 1, nullptr, p.rows - 1, logits.data(), nullptr);
    g_runs++;
  } catch (const dq::BadArtefact &) {
    g_refused++;
  }
  return 0;
}

#ifndef DQ_LIBFUZZER
namespace {

uint64_t header_size(const Bytes &file) {
  uint64_t length = 0;
  if (file.size() >= 8) std::memcpy(&length, file.data(), 8);
  return length;
}

const int64_t kNumbers[] = {
  -1, 0, 1, 2, 3, 7, 8, 9, 16, 62, 63, 255, 256, 4096, 65536, 1 << 28, int64_t(1) << 31, INT64_MAX, INT64_MIN};

// One of: a bit, a byte, a run of bytes cut or doubled, a digit of the header, a 64-bit number.
void mutate(Bytes *file, std::mt19937_64 *random) {
  auto below = [&](uint64_t n) { return n ? (*random)() % n : 0; };
  Bytes &f = *file;
  if (f.empty()) return;
  switch (below(6)) {
    case 0:
      f[below(f.size())] ^= uint8_t(1 << below(8));
      break;
    case 1:
      f[below(f.size())] = uint8_t((*random)());
      break;
    case 2: {
      size_t at = below(f.size()), count = std::min<size_t>(below(64), f.size() - at);
      f.erase(f.begin() + long(at), f.begin() + long(at + count));
      break;
    }
    case 3: {
      size_t at = below(f.size()), count = std::min<size_t>(below(64), f.size() - at);
      Bytes copy(f.begin() + long(at), f.begin() + long(at + count));
      f.insert(f.begin() + long(below(f.size())), copy.begin(), copy.end());
      break;
    }
    case 4: {
      const size_t end = std::min<uint64_t>(8 + header_size(f), f.size());
      size_t at = 8 + below(end - std::min<size_t>(8, end));
      for (; at < end && (f[at] < '0' || f[at] > '9'); at++) continue;
      if (at < end) f[at] = uint8_t('0' + below(10));
      break;
    }
    default: {
      if (f.size() < 16) break;
      const size_t begin = std::min<uint64_t>(8 + header_size(f), f.size() - 8);
      const size_t words = (f.size() - begin) / 8;
      const int64_t number = kNumbers[below(std::size(kNumbers))];
      std::memcpy(&f[begin + 8 * below(words ? words : 1)], &number, 8);
    }
  }
}

Bytes read_file(const char *path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s SECONDS SEED ARTEFACT...\n", argv[0]);
    return 2;
  }
  const double seconds = std::atof(argv[1]);
  std::mt19937_64 random(std::strtoull(argv[2], nullptr, 10));
  std::vector<Bytes> seeds;
  for (int i = 3; i < argc; i++) {
    seeds.push_back(read_file(argv[i]));
    LLVMFuzzerTestOneInput(seeds.back().data(), seeds.back().size());
  }
  if (g_runs != long(seeds.size())) {
    std::fprintf(stderr, "a file to start from was refused, or is too large\n");
    return 1;
  }
  const auto start = std::chrono::steady_clock::now();
  long inputs = 0;
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds) {
    Bytes file = seeds[random() % seeds.size()];
    for (uint64_t n = 1 + random() % 4; n > 0; n--) mutate(&file, &random);
    // A copy of exact size, so that the sanitizer sees a read behind the end.
    uint8_t *exact = new uint8_t[file.size() ? file.size() : 1];
    std::memcpy(exact, file.data(), file.size());
    LLVMFuzzerTestOneInput(exact, file.size());
    delete[] exact;
    inputs++;
  }
  std::printf("{\"inputs\": %ld, \"refused\": %ld, \"ran\": %ld, \"seconds\": %.0f}\n", inputs, g_refused, g_runs,
              seconds);
  return 0;
}
#endif
