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
// frame.h: the memory of one image on its way through a program, kept from image to image.
#pragma once
#include <algorithm>
#include <vector>

#include "engine/memory.h"
#include "engine/prepared.h"
#include "engine/program.h"
#include "threads/threads.h"

namespace dq {

struct Frame {
  AlignedBytes arena, scratch;
  std::vector<int32_t *> registers;  // [h][w][c] of each; null: not held
  std::vector<Bounds> reach;     // of each register, as far as is known: least and largest value
  std::vector<uint8_t *> codes;  // of each convolution: where its tensor's memory begins
  const uint8_t *pixels = nullptr;
  std::vector<int> plan;
  int columns = 1;            // of it
  int row = 0;                // of the statistics
  int64_t asked = kNoBudget;  // of the call
  double *seconds = nullptr;  // of each operation, where somebody asks
  bool alone = false;         // the pool is the caller's, and its other threads are free

  // given: a plan from outside, or null.
  void begin_plan(const PlanShape &shape, const int64_t *given) {
    columns = shape.columns;
    plan.resize(shape.cells());
    if (given) std::copy_n(given, plan.size(), plan.begin());
  }
  int *part(const Operation &op) { return &plan[size_t(op.slot) * columns]; }  // of a Choose
  int choice(int64_t slot, int64_t column) const {
    return slot < 0 ? 0 : plan[size_t(slot) * columns + size_t(column)];
  }
  // At least `bytes` of scratch memory; contents undefined.
  uint8_t *room(size_t bytes) {
    if (scratch.size() < bytes) scratch = AlignedBytes(bytes);
    return scratch.data();
  }
  int threads() const { return alone ? pool_threads() : 1; }
};

// body(part) for each of `parts`, on all threads if the frame has them.
template <class Body>
void in_parts(const Frame &frame, int parts, const Body &body) {
  if (!frame.alone || parts < 2) {
    for (int part = 0; part < parts; part++) body(part);
    return;
  }
  pool_run(parts, [](void *ctx, int, int part) { (*(const Body *)ctx)(part); }, (void *)&body);
}

// body(first, last) over [0, items), on all threads if `shared`.
template <class Body>
void spread(const Frame &frame, int items, bool shared, const Body &body) {
  const int parts = shared ? std::min(items, 4 * frame.threads()) : 1;
  in_parts(frame, parts, [&](int part) {
    body(int(int64_t(items) * part / parts), int(int64_t(items) * (part + 1) / parts));
  });
}

}  // namespace dq
