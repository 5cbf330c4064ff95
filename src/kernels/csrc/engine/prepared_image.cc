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
// prepared_image.cc: cuts pixel values and weights into pieces.
#include "engine/prepared_image.h"

#include <algorithm>
#include <cstdlib>

namespace dq {
namespace {

constexpr int kLeastBits = 8, kMostBits = 15;  // of a piece that is not the last

// The pieces of values, one after the other: all but the last are of `bits` bits, with a sign.
template <class Value>
std::vector<std::vector<int64_t>> pieces_of(const Value *values, size_t count, int pieces,
                                            int bits) {
  std::vector<std::vector<int64_t>> out;
  for (int p = 0; p < pieces; p++) out.emplace_back(count);
  for (size_t i = 0; i < count; i++) {
    int64_t rest = values[i];
    for (int p = 0; p + 1 < pieces; p++) {
      const int64_t half = int64_t(1) << (bits - 1);
      const int64_t low = ((rest + half) & (2 * half - 1)) - half;
      out[size_t(p)][i] = low;
      rest = (rest - low) >> bits;
    }
    out.back()[i] = rest;
  }
  return out;
}

int64_t magnitude(int64_t v) { return v < 0 ? -v : v; }

// A way to cut: what no piece, or no sum of the pieces of a channel's weights, exceeds.
struct Cut {
  int pieces, bits;
  int64_t piece = 0, sum = 0;
  Cut(const std::vector<int32_t> &values, size_t length, int of_pieces, int of_bits)
      : pieces(of_pieces), bits(of_bits) {
    for (const auto &part : pieces_of(values.data(), values.size(), pieces, bits))
      for (size_t at = 0; at < part.size(); at += length) {
        int64_t total = 0;
        for (size_t i = at; i < at + length; i++) {
          piece = std::max(piece, magnitude(part[i]));
          total += magnitude(part[i]);
        }
        sum = std::max(sum, total);
      }
  }
  bool fits() const { return piece <= INT16_MAX; }
};

std::vector<Cut> cuts_of(const std::vector<int32_t> &values, size_t length) {
  std::vector<Cut> cuts;
  for (int pieces = 1; pieces <= kImagePieces; pieces++)
    for (int bits = pieces == 1 ? kMostBits : kLeastBits; bits <= kMostBits; bits++) {
      cuts.emplace_back(values, length, pieces, bits);
      if (!cuts.back().fits()) cuts.pop_back();
    }
  return cuts;
}

template <class Value>
std::vector<int16_t> cut(const std::vector<Value> &values, const Cut &how) {
  std::vector<int16_t> out;
  for (const auto &part : pieces_of(values.data(), values.size(), how.pieces, how.bits))
    out.insert(out.end(), part.begin(), part.end());
  return out;
}

}  // namespace

std::optional<PreparedImage> PreparedImage::of(const Program &program, int i) {
  const Operation &op = program.operations[size_t(i)];
  if (op.kind != kWide || op.groups != 1) return std::nullopt;
  const Operation &image = program.operations[size_t(op.x)];
  const std::vector<int32_t> &weight = op.arrays.weight.values, &table = image.arrays.table.values;
  // Without a table it stands for what wrote a register (abi/operation_aot.cc).
  if (image.kind != kInput || image.bits != 0 || table.empty()) return std::nullopt;
  const size_t length = weight.size() / size_t(op.c_out);
  const std::vector<Cut> x_cuts = cuts_of(table, 1), w_cuts = cuts_of(weight, length);
  const Cut *x = nullptr, *w = nullptr;
  for (const Cut &a : x_cuts)
    for (const Cut &b : w_cuts)
      if (a.piece * b.sum <= INT32_MAX && (!x || a.pieces * b.pieces < x->pieces * w->pieces))
        x = &a, w = &b;
  if (!x) return std::nullopt;
  PreparedImage made;
  made.conv = {int(op.c_out), int(op.kernel), int(op.stride), int(op.padding), image.out.h,
               image.out.w,   op.out.h,       op.out.w,       x->pieces,       w->pieces,
               x->bits,       w->bits,        int(op.shift)};
  made.table = cut(table, *x);
  const std::vector<int16_t> weights = cut(weight, *w);
  const ImageKernel &kernel = *integer_kernels().image;
  made.packed = AlignedBytes(kernel.packed_bytes(made.conv));
  kernel.pack(made.conv, weights.data(), made.packed.data());
  int64_t most = 0;
  for (int32_t v : table) most = std::max(most, magnitude(v));
  for (size_t at = 0; at < weight.size(); at += length) {
    int64_t total = 0;  // below 2^31
    for (size_t n = at; n < at + length; n++) total += magnitude(weight[n]);
    made.largest.push_back(std::min<int64_t>(((total * most) >> op.shift) + 1, int64_t(1) << 31));
  }
  return made;
}

PreparedAffine::PreparedAffine(const Operation *affine, int row,
                               const std::vector<int64_t> &largest) {
  const size_t channels = largest.size();
  const size_t lanes = (channels + kChannelBlock - 1) / kChannelBlock * kChannelBlock;
  multiplier.assign(lanes, 0);
  bias.assign(lanes, 0);
  if (affine) {
    right = int(affine->shift);
    bounds = {int32_t(affine->low), int32_t(affine->high)};
  }
  narrow = right <= 32;
  for (size_t o = 0; o < channels; o++) {
    const size_t lane = o % kChannelBlock;
    const size_t at = o - lane + lane / 2 + kChannelBlock / 2 * (lane % 2);
    const size_t of_row = size_t(row) * channels + o;
    multiplier[at] = affine ? affine->arrays.multiplier.values[of_row] : 1;
    bias[at] = affine ? affine->arrays.bias.values[of_row] + (int64_t(1) << (right - 1)) : 0;
    for (int64_t sign : {-1, 1}) {
      const int64_t v = (sign * largest[o] * multiplier[at] + bias[at]) >> right;
      narrow = narrow && v >= INT32_MIN && v <= INT32_MAX;
    }
  }
}

}  // namespace dq
