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

// profile.cc: see profile.h; and dq_wait_for_step, which lets Python sleep until the last kernel of
// a training step has run. (MindSpore's own wait for a result spins, and takes a core from the
// kernels.)
#include "threads/profile.h"

#include <pthread.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <new>

#include "simd/kernels.h"
#include "threads/threads.h"

namespace dq {
namespace {

std::mutex g_mutex;
double g_seconds[Timer::kKinds];
int64_t g_calls[Timer::kKinds];
std::condition_variable g_stepped;
int64_t g_steps = 0;

// Another thread of the parent may have held the one and slept on the other.
void after_fork_in_child() {
  new (&g_mutex) std::mutex;
  new (&g_stepped) std::condition_variable;
}
[[maybe_unused]] const int g_watches_forks = pthread_atfork(nullptr, nullptr, after_fork_in_child);

}  // namespace

Timer::~Timer() {
  const double spent =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::lock_guard<std::mutex> hold(g_mutex);
  g_seconds[kind_] += spent;
  g_calls[kind_]++;
}

void step_done() {
  {
    std::lock_guard<std::mutex> hold(g_mutex);
    g_steps++;
  }
  g_stepped.notify_all();
}

}  // namespace dq

extern "C" {

// seconds and calls: one entry per Timer::Kind. Returns their number.
int dq_profile(double *seconds, int64_t *calls, int reset) {
  std::lock_guard<std::mutex> hold(dq::g_mutex);
  for (int i = 0; i < dq::Timer::kKinds; i++) {
    seconds[i] = dq::g_seconds[i];
    calls[i] = dq::g_calls[i];
    if (reset) dq::g_seconds[i] = 0, dq::g_calls[i] = 0;
  }
  return dq::Timer::kKinds;
}
int64_t dq_steps_done() {
  std::lock_guard<std::mutex> hold(dq::g_mutex);
  return dq::g_steps;
}
// 1: step `target` is done; 0: the time ran out
int dq_wait_for_step(int64_t target, double seconds) {
  std::unique_lock<std::mutex> hold(dq::g_mutex);
  return dq::g_stepped.wait_for(hold, std::chrono::duration<double>(seconds),
                                [&] { return dq::g_steps >= target; });
}
// Multiply-accumulates per second of all threads together, over some milliseconds. kind: 0 floats,
// 1 16-bit codes, 2 codes as the forward pass has them.
double dq_peak(int kind) {
  const dq::Kernels *k = dq::active_kernels();
  dq::PoolLock lock;
  const auto start = std::chrono::steady_clock::now();
  const auto burn = kind == 0 ? k->burn_float : kind == 1 ? k->burn_shorts : k->burn_codes;
  const int threads = dq::pool_threads();
  const double done = kind == 3 ? k->burn_memory(threads, 1) : burn(threads, 4000000);
  return done / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
}
