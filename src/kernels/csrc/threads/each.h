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

// each.h: pool_run with a lambda, for the files that are compiled once.
#pragma once
#include <type_traits>

#include "threads/threads.h"

namespace dq {

// body(item) for every item in [0, items), on the pool's threads.
template <class Body>
static void for_each(int items, Body &&body) {
  using Plain = typename std::remove_reference<Body>::type;
  pool_run(items, [](void *ctx, int, int item) { (*(Plain *)ctx)((size_t)item); }, (void *)&body);
}

}  // namespace dq
