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

#include "engine/conv_step.h"
#include "engine/program.h"

namespace dq {
namespace {

constexpr int64_t kLargestWork = int64_t(1) << 36;
constexpr int64_t kLargestMemory = int64_t(1) << 29;
constexpr int64_t kLargestPacked = int64_t(1) << 32;
constexpr int64_t kTransformed = 36;  // positions of Winograd's 3x3 weights, the most
constexpr int64_t kWordBytes = 8;     // of 4 weights of a channel, the most
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

// Bytes of a convolution's weights, multipliers and biases at all its widths, at most: of every
// pair of widths that it may run at, packed for any of the kernels of prepared.cc.
Wide128 packed(const Program &program, const Operation &op) {
  if (op.kind != kConv) return 0;
  const int64_t channels = (op.c_out / op.groups + kChannelBlock - 1) / kChannelBlock;
  const Wide128 lanes = Wide128(op.groups) * channels * kChannelBlock;
  const int64_t widths = op.candidates();
  const Wide128 pairs = op.w_column == op.a_column ? widths : widths * widths;
  const bool transforms = op.kernel == 3 && op.stride == 1 && op.groups == 1;
  const Wide128 positions = transforms ? kTransformed : op.kernel * op.kernel;
  const Wide128 weights = positions * ((op.c_in + 3) / 4 * kWordBytes + sizeof(int32_t));
  const auto &m = op.arrays.multiplier.shape, &b = op.arrays.bias.shape;
  const Wide128 stored =
      Wide128(m[1]) * m[2] * sizeof(int32_t) + Wide128(b[1]) * b[2] * sizeof(int64_t);
  const Wide128 finish = 2 * sizeof(int64_t);
  return lanes * (pairs * (weights + finish * (program.rows + 1)) + stored * program.rows);
}

// Bytes of the codes that a convolution reads, as plan.cc places them.
int64_t codes(const Operation &conv, const Register &x) {
  const int64_t rows = x.h + 2 * conv.padding + 2, columns = x.w + 2 * conv.padding;
  return x.c * rows * columns + 2 * int64_t(kCodeSlack);
}

// The operation whose step may write register r: a convolution does what follows it, too.
int begun(const Program &program, int r) {
  const Operation &op = program.operations[size_t(r)];
  switch (op.kind) {
    case kAdd:
      return int(std::max(op.x, op.y));
    case kAffine:
    case kMaxPool:
      return int(op.x);
    default:
      return r;
  }
}

// Bytes of one image that are held while each operation runs.
class Held {
 public:
  explicit Held(size_t operations) : change_(operations + 2) {}
  void add(int64_t bytes, int first, int last) {
    change_[size_t(first)] += bytes;
    change_[size_t(last) + 1] -= bytes;
  }
  int64_t most() const {
    int64_t held = 0, most = 0;
    for (int64_t change : change_) most = std::max(most, held += change);
    return most;
  }

 private:
  std::vector<int64_t> change_;
};

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
  const int steady = program->steady(), count = int(program->operations.size());
  Held held(program->operations.size());
  for (int i = 0; i < count; i++) {
    if (!needed[i]) continue;
    const Operation &op = program->operations[size_t(i)];
    const int first = begun(*program, i), until = std::max(last[i], i);
    const bool stays = first < steady && until >= steady;  // as later passes find it
    held.add(values(op) * int64_t(sizeof(int32_t)), first, stays ? count : until);
    if (op.kind != kConv) continue;
    const Operation &source = program->operations[size_t(op.x)];
    held.add(codes(op, source.out), source.kind == kQuantise ? begun(*program, int(source.x)) : i,
             i);
  }
  program->image_held = held.most();
  need(program->image_bytes() <= kLargestMemory,
       "an image takes more than 512 MiB (a smaller image or network needs less)");
}

}  // namespace dq
