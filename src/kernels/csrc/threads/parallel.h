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

// parallel.h: loops over the pool, and scratch memory by purpose. Included only by files compiled
// per instruction set.
#pragma once
#include "threads/threads.h"
#include "simd/simd.h"

namespace DQ_NS {

template <class Body>
static void run_items(int items, Body &body, bool backwards) {
  dq::pool_run(
      items, [](void *ctx, int thread, int item) { (*(Body *)ctx)(thread, item); }, (void *)&body,
      backwards);
}

// body(thread, item) for all items. small: not worth waking the other threads for.
template <class Body>
static void parallel(int items, Body &&body, bool small = false) {
  if (small) {
    for (int i = 0; i < items; i++) body(0, i);
    return;
  }
  run_items(items, body, false);
}

// The same, each thread from the end of its share.
template <class Body>
static void parallel_backwards(int items, Body &&body) {
  run_items(items, body, true);
}

// Parts into which each of `items` is cut where there are too few for all threads.
DQ_INLINE int parts_of(int items, int most) {
  const int threads = dq::pool_threads();
  return items >= threads ? 1 : most < threads ? most : threads;
}

enum Slot {
  kCodes,
  kPartials,
  kScales,
  kOffsets,
  kPackedWeights,
  kPacks,
  kOrder,
  kRuns,
  kFresh,
  kTable,
  kPlanes,
  kRow,
  kTile,
  kGradWeights,
  kGradOffsets,
  kGradPlanes,
  kGradTile,
  kGradRow,
  kGradCodes,
  kGradSteps,
  kGradTops,
  kInputPlanes,
  kTransposed,
  kSums,
  kStepSums,
  kWinogradTable,
  kWinogradOffsets,
  kWinogradSums,
  kWinogradResults,
  kGradientTiles,
  kTiles,                     // and two more: winograd_tiles.h
  kWeightTiles = kTiles + 3,  // and two more
};

template <class T>
static T *scratch(int thread, int slot, size_t count) {
  return (T *)dq::pool_scratch(thread, slot, count * sizeof(T));
}

}  // namespace DQ_NS
