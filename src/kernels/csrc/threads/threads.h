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

// threads.h: the thread pool and its scratch memory. One kernel runs at a time (PoolLock), on all
// threads. A forked child may run kernels too, whatever its parent's other threads did.
#pragma once
#include <cstddef>
#include <mutex>

namespace dq {

// Those at work: fewer than wanted where the system gives no more.
int pool_threads();
// Takes effect at the next kernel. count 0: DYNQUANT_NUM_THREADS, or all cores allowed. Returns how
// many are wanted, 256 at most.
int pool_set_threads(int count);

// Calls fn(ctx, thread, item) for every item in [0, items). A thread begins with a share of its
// own, the same part of the items in every kernel (what lies in its caches), in order or from its
// end; then it helps the others.
void pool_run(int items, void (*fn)(void *ctx, int thread, int item), void *ctx,
              bool backwards = false);

// Scratch memory, 64-byte aligned, kept between kernels. thread -1: shared. Contents undefined.
// Call it outside pool_run. Throws std::bad_alloc.
void *pool_scratch(int thread, int slot, size_t bytes);

// The pool for a kernel; waits for it.
class PoolLock {
 public:
  PoolLock();

 private:
  std::unique_lock<std::mutex> hold_;
};

// The same if no other kernel has it: what finds none runs on its own thread alone.
class PoolTryLock {
 public:
  PoolTryLock();
  bool held() const { return hold_.owns_lock(); }

 private:
  std::unique_lock<std::mutex> hold_;
};

}  // namespace dq
