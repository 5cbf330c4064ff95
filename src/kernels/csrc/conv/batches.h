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

// batches.h: the images of a batch in runs that share a quantiser, so that packed weights and sums
// serve several.
#pragma once
#include "threads/parallel.h"
#include "conv/planes.h"

namespace DQ_NS {

struct Run {
  int first, count, k;  // order[first .. first + count) all use quantiser k
};
struct Runs {
  const int *order;
  const Run *run;
  int count;
};

// Runs of a batch where each has sums of its own: 8 balance two to eight threads, and up to eight
// threads their number changes nothing.
inline int runs_of_sums() { return imax(8, dq::pool_threads()); }

// Sorts images by choice (stable; null: all 0) and cuts them into runs of at most `length`. The
// result depends on the batch alone, never on the threads, hence sums over runs are reproducible.
inline Runs make_runs(int images, const int *choice, int kinds, int length) {
  int *order = scratch<int>(-1, kOrder, images);
  Run *run = scratch<Run>(-1, kRuns, images / length + imax(kinds, 1) + 1);
  int used = 0, count = 0;
  for (int k = 0; k < imax(kinds, 1); k++) {
    const int begin = used;
    for (int n = 0; n < images; n++) {
      if ((choice ? choice[n] : 0) == k) order[used++] = n;
    }
    for (int i = begin; i < used; i += length) run[count++] = {i, imin(length, used - i), k};
  }
  return {order, run, count};
}

}  // namespace DQ_NS
