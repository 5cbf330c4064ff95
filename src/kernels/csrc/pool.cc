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

// pool.cc: a persistent pool. Workers spin for some microseconds between kernels (a training step
// is a dense row of short kernels), then sleep.
#include "pool.h"

#include <sched.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

namespace dq {
namespace {

void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int default_threads() {
  const char *text = std::getenv("DYNQUANT_NUM_THREADS");
  int count = text ? std::atoi(text) : 0;
  if (count <= 0) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    count = sched_getaffinity(0, sizeof(mask), &mask) == 0
                ? CPU_COUNT(&mask)
                : (int)std::thread::hardware_concurrency();
  }
  return count < 1 ? 1 : count > 256 ? 256 : count;
}

struct Buffer {
  void *data = nullptr;
  size_t bytes = 0;
};

// Items [begin, begin + count) of which `taken` are taken.
struct alignas(64) Share {
  std::atomic<int> taken{0};
  int begin = 0, count = 0;
};

class Pool {
 public:
  Pool() : wanted_(default_threads()) { resize(); }

  void resize() {
    if (wanted_ == count_) return;
    stop();
    count_ = wanted_;
    quit_.store(false);
    shares_ = std::vector<Share>(count_);
    for (int t = 1; t < count_; t++)
      workers_.emplace_back([this, t, g = generation_.load()] { work(t, g); });
  }

  void run(int items, void (*fn)(void *, int, int), void *ctx, bool backwards) {
    fn_ = fn, ctx_ = ctx, backwards_ = backwards;
    for (int t = 0; t < count_; t++) {
      const int begin = (int)((int64_t)items * t / count_);
      shares_[t].begin = begin;
      shares_[t].count = (int)((int64_t)items * (t + 1) / count_) - begin;
      shares_[t].taken.store(0, std::memory_order_relaxed);
    }
    if (count_ == 1 || items <= 1) {
      drain(0);
      return;
    }
    left_.store(count_ - 1);
    {
      std::lock_guard<std::mutex> hold(sleep_);
      generation_.fetch_add(1);
    }
    wake_.notify_all();
    drain(0);
    for (int spin = 0; left_.load(std::memory_order_acquire); spin++) {
      if (spin < 20000)
        pause_cpu();
      else
        std::this_thread::yield();
    }
  }

  void *scratch(int thread, int slot, size_t bytes) {
    Buffer &b = buffers_[{thread, slot}];
    if (b.bytes >= bytes) return b.data;
    std::free(b.data);
    b = Buffer();
    const size_t size = (bytes + 4095) / 4096 * 4096;
    b.data = std::aligned_alloc(64, size);
    if (!b.data) throw std::bad_alloc();
    b.bytes = size;
    return b.data;
  }

  std::mutex busy;  // held for the length of a kernel
  std::atomic<int> wanted_{1};
  int count() const { return count_; }

 private:
  void drain(int thread) {
    for (int t = 0; t < count_; t++) {
      Share &share = shares_[(thread + t) % count_];
      while (share.taken.load(std::memory_order_relaxed) < share.count) {
        const int i = share.taken.fetch_add(1);
        if (i >= share.count) break;
        fn_(ctx_, thread, share.begin + (backwards_ ? share.count - 1 - i : i));
      }
    }
  }

  void work(int thread, uint64_t seen) {
    for (;;) {
      for (int spin = 0; generation_.load(std::memory_order_acquire) == seen && spin < 4000; spin++)
        pause_cpu();
      if (generation_.load() == seen) {
        std::unique_lock<std::mutex> hold(sleep_);
        wake_.wait(hold, [&] { return generation_.load() != seen; });
      }
      seen = generation_.load();
      if (quit_.load()) return;
      drain(thread);
      left_.fetch_sub(1, std::memory_order_release);
    }
  }

  void stop() {
    {
      std::lock_guard<std::mutex> hold(sleep_);
      quit_.store(true);
      generation_.fetch_add(1);
    }
    wake_.notify_all();
    for (auto &w : workers_) w.join();
    workers_.clear();
  }

  int count_ = 0;
  void (*fn_)(void *, int, int) = nullptr;
  void *ctx_ = nullptr;
  bool backwards_ = false;
  std::vector<Share> shares_;
  std::atomic<bool> quit_{false};
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> left_{0};
  std::mutex sleep_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
  std::map<std::pair<int, int>, Buffer> buffers_;
};

Pool &pool() {
  static Pool *instance =
      new Pool;  // never destroyed: worker threads may outlive static destructors
  return *instance;
}

}  // namespace

int pool_threads() { return pool().count(); }
void pool_set_threads(int count) {
  pool().wanted_.store(count < 1 ? default_threads() : count > 256 ? 256 : count);
}
void pool_run(int items, void (*fn)(void *, int, int), void *ctx, bool backwards) {
  pool().run(items, fn, ctx, backwards);
}
void *pool_scratch(int thread, int slot, size_t bytes) {
  return pool().scratch(thread, slot, bytes);
}

PoolLock::PoolLock() {
  pool().busy.lock();
  pool().resize();
}
PoolLock::~PoolLock() { pool().busy.unlock(); }

}  // namespace dq
