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
// bounds.cc: refuses a program that takes too much memory or time for one image; the counts are
// those of engine/bounds.py.
#include <algorithm>

#include "engine/integer_ops.h"
#include "engine/program.h"

namespace dq {
namespace {

constexpr int64_t kLargestWork = int64_t(1) << 36;
constexpr int64_t kLargestMemory = int64_t(1) << 29;
constexpr int64_t kLargestPacked = int64_t(1) << 32;
using Wide128 = __int128;

void need(bool condition, const char *otherwise) {
  if (!condition) throw BadArtefact(otherwise);
}

int64_t values(const Operation &op) {
  return op.kind == kChoose ? 0 : int64_t(op.out.c) * op.out.h * op.out.w;
}

// Values of an input with zeros around, channels of a group rounded up to whole pairs.
int64_t padded(const Operation &op, const Register &x) {
  const int64_t per_group = x.c / op.groups, pairs = op.kind == kConv ? 2 : 1;
  const int64_t channels = (per_group + pairs - 1) / pairs * pairs;
  return channels * (x.h + 2 * op.padding) * (x.w + 2 * op.padding);
}

Wide128 work(const Operation &op, const Register &x) {
  const Wide128 out = op.out.size(), window = Wide128(op.kernel) * op.kernel;
  switch (op.kind) {
    case kConv:
    case kWide:
      return out * op.c_in * window + Wide128(op.groups) * padded(op, x);
    case kMaxPool:
      return out * window;
    case kPool:
      return out + Wide128(x.size());
    default:
      return out;
  }
}

int64_t scratch(const Operation &op, const Register &x) {
  if (op.kind == kConv) return padded(op, x) * int64_t(sizeof(int16_t));
  if (op.kind == kWide && op.padding > 0)
    return op.groups * padded(op, x) * int64_t(sizeof(int32_t));
  return 0;
}

// Bytes of a convolution's weights at all its widths, multipliers and biases, as they are kept.
Wide128 packed(const Program &program, const Operation &op) {
  if (op.kind != kConv) return 0;
  const int64_t channels = (op.c_out / op.groups + kChannelBlock - 1) / kChannelBlock;
  const Wide128 lanes = Wide128(op.groups) * channels * kChannelBlock;
  const Wide128 pairs = Wide128(op.kernel) * op.kernel * ((op.c_in + 1) / 2);
  const Wide128 weights = pairs * 2 * sizeof(int16_t) * op.candidates();
  const auto &m = op.arrays.multiplier.shape, &b = op.arrays.bias.shape;
  const Wide128 affine =
      Wide128(m[1]) * m[2] * sizeof(int32_t) + Wide128(b[1]) * b[2] * sizeof(int64_t);
  return lanes * (weights + program.rows * affine);
}

}  // namespace

void bound_operation(Program *program, int i) {
  const Operation &op = program->operations[size_t(i)];
  const Register &x = op.kind == kInput ? op.out : program->operations[size_t(op.x)].out;
  const Wide128 total = program->image_work + work(op, x);
  need(total <= kLargestWork,
       "an image takes more than 68719476736 multiplications (a smaller image or network needs "
       "less)");
  program->image_work = int64_t(total);
  const Wide128 kept = program->packed_bytes + packed(*program, op);
  need(kept <= kLargestPacked, "weights of more than 4096 MiB");
  program->packed_bytes = int64_t(kept);
  program->image_scratch = std::max(program->image_scratch, scratch(op, x));
}

void bound_memory(Program *program) {
  const std::vector<bool> needed = program->needed(false);
  const std::vector<int> last = program->last_use(needed);
  int64_t held = 0;
  for (int i = 0; i < int(program->operations.size()); i++) {
    if (!needed[i]) continue;
    const Operation &op = program->operations[size_t(i)];
    held += values(op);
    program->image_values = std::max(program->image_values, held);
    std::vector<int> read = op.reads();
    if (read.size() == 2 && read[0] == read[1]) read.pop_back();
    for (int r : read)
      if (last[r] == i) held -= values(program->operations[size_t(r)]);
  }
  need(program->image_bytes() <= kLargestMemory,
       "an image takes more than 512 MiB (a smaller image or network needs less)");
}

}  // namespace dq
