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

// threads.cc: a persistent pool. Workers spin for some microseconds between kernels (a training
// step is a dense row of short kernels), then sleep. A forked child begins with a pool of its own:
// its parent's threads are not in it. Where the system refuses threads, those that it gave do the
// work.
#include "threads/threads.h"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "dynquant.h"

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

// Has one thread, the caller's, until resize().
class Pool {
 public:
  void resize(int wanted) {
    if (wanted == asked_) return;
    stop();
    quit_.store(false);
    asked_ = wanted;
    try {
      if (wanted > int(shares_.size())) shares_ = std::vector<Share>(wanted);
      workers_.reserve(wanted - 1);
      for (int t = 1; t < wanted; t++) {
        workers_.emplace_back([this, t, g = generation_.load()] { work(t, g); });
        count_++;
      }
    } catch (const std::system_error &) {  // a limit on processes or on memory
    } catch (const std::bad_alloc &) {}
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
  int count() const { return count_.load(std::memory_order_relaxed); }

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
    count_.store(1);
  }

  std::atomic<int> count_{1};
  int asked_ = 1;  // more than count_ where threads could not be made
  void (*fn_)(void *, int, int) = nullptr;
  void *ctx_ = nullptr;
  bool backwards_ = false;
  std::vector<Share> shares_ = std::vector<Share>(1);
  std::atomic<bool> quit_{false};
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> left_{0};
  std::mutex sleep_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
  std::map<std::pair<int, int>, Buffer> buffers_;
};

// Never destroyed: worker threads may outlive static destructors.
std::atomic<Pool *> g_pool{nullptr};
std::atomic<int> g_wanted{0};  // 0: default_threads()

Pool &pool() {
  Pool *found = g_pool.load();
  if (found) return *found;
  Pool *made = new Pool;
  if (g_pool.compare_exchange_strong(found, made)) return *made;
  delete made;
  return *found;
}

// A fork waits until no kernel runs, so that the child finds what kernels work on whole. Its pool
// is a new one; the old one, with threads that are not there, is left as it is.
void before_fork() { pool().busy.lock(); }
void after_fork_in_parent() { pool().busy.unlock(); }
void after_fork_in_child() { g_pool.store(nullptr); }
[[maybe_unused]] const int g_watches_forks =
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);

// As many as are wanted; with the pool held.
void give_threads() {
  if (!g_wanted.load()) pool_set_threads(0);
  pool().resize(g_wanted.load());
}

}  // namespace

int pool_threads() { return pool().count(); }
int pool_set_threads(int count) {
  const int wanted = count < 1 ? default_threads() : count > 256 ? 256 : count;
  g_wanted.store(wanted);
  return wanted;
}
void pool_run(int items, void (*fn)(void *, int, int), void *ctx, bool backwards) {
  pool().run(items, fn, ctx, backwards);
}
void *pool_scratch(int thread, int slot, size_t bytes) {
  return pool().scratch(thread, slot, bytes);
}

PoolLock::PoolLock() : hold_(pool().busy) { give_threads(); }

PoolTryLock::PoolTryLock() : hold_(pool().busy, std::try_to_lock) {
  if (held()) give_threads();
}

}  // namespace dq

extern "C" {

int dq_set_threads(int count) { return dq::pool_set_threads(count); }
int dq_threads() {
  try {
    dq::PoolLock lock;
    return dq::pool_threads();
  } catch (...) {  // no memory for a pool
    return 1;
  }
}
}
