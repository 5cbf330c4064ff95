# Copyright 2026 The Dynamic Quantization for MindSpore Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""The pool of threads: forked children, limits on threads, callers on many threads.

Each case runs in a process of its own, as what it looks for ends or hangs a process.
"""

import re
import subprocess
import sys

import pytest

from src import kernels
from tests.project.files import ROOT

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")

HEAD = """
import os, resource, signal, sys, threading, time
import numpy as np
from src import kernels
from src.kernels import direct

X = np.random.default_rng(0).normal(size=(8, 3, 32, 32)).astype(np.float32)
W = np.random.default_rng(1).normal(size=(16, 3, 3, 3)).astype(np.float32)

def work():
    return direct.call("dq_conv2d", [X, W, direct.geometry(1, 1)], [(8, 16, 32, 32)])[0]

def exit_code(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

kernels.set_threads(4)
"""


def run(code: str, seconds: float = 20) -> str:
    """What a process that runs HEAD and the code prints; it must end well, and in time."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + code], cwd=ROOT, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("before", ["work()", ""], ids=["after kernels", "before any"])
def test_a_forked_child_runs_kernels_with_as_many_threads(before):
    run(f"""
{before}
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(work(), work()) and kernels.threads() == 4 else 1)
assert exit_code(child) == 0
expected = work()
child = os.fork()
if child == 0:
    if os.fork() == 0:
        os._exit(0 if np.array_equal(work(), expected) else 1)
    os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
assert exit_code(child) == 0
assert np.array_equal(work(), expected) and kernels.threads() == 4
""")


def test_a_fork_in_the_midst_of_kernels_leaves_no_lock_behind():
    run("""
expected, busy = work(), True
def keep_busy():
    while busy:
        work()
others = [threading.Thread(target=keep_busy) for _ in range(2)]
for thread in others:
    thread.start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(work(), expected) and kernels.steps_done() == 0 else 1)
    assert exit_code(child) == 0
busy = False
for thread in others:
    thread.join()
assert np.array_equal(work(), expected)
""")


def test_a_fork_while_a_thread_sleeps_for_a_step_lets_the_child_step():
    run("""
def step():
    one = np.ones(1, np.float32)
    group, settings = np.zeros(1, np.int32), np.ones(3, np.float32)
    direct.call("dq_momentum", [one, one, one, one, group, one, settings], [(1,)])
def step_and_wait():
    before = kernels.steps_done()
    sleeper = threading.Thread(target=kernels.wait_for_step, args=(before + 3, 10.0))
    sleeper.start()
    for _ in range(3):
        time.sleep(0.05)
        step()
    sleeper.join()
    return kernels.steps_done() == before + 3
sleeper = threading.Thread(target=kernels.wait_for_step, args=(100, 10.0), daemon=True)
sleeper.start()
time.sleep(0.1)
child = os.fork()
if child == 0:
    os._exit(0 if step_and_wait() else 1)
assert exit_code(child) == 0 and step_and_wait()
""")


@pytest.mark.parametrize("megabytes, fewest", [(40, 2), (1, 1)], ids=["some", "none"])
def test_where_threads_cannot_be_made_the_others_do_the_work(megabytes, fewest):
    said = run(f"""
expected = work()
kernels.set_threads(1)
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + ({megabytes} << 20), -1))
kernels.set_threads(200)
got = kernels.threads()
first, second = work(), work()
kernels.set_threads(200)
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
assert {fewest} <= got < 200, got
assert np.array_equal(first, expected) and np.array_equal(second, expected)
kernels.set_threads(3)
assert kernels.threads() == 3 and np.array_equal(work(), expected)
print("threads:", got)
""")
    got = re.search(r"threads: (\d+)", said)[1]
    assert f"only {got} of 200 threads could be made" in said


def test_a_pool_that_memory_is_missing_for_has_the_threads_it_had_room_for():
    """All memory is taken but for pieces below 4 KiB; the caller's thread is left."""
    run("""
import ctypes
library, take = kernels.handle(), ctypes.CDLL(None).malloc
take.restype, take.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
library.dq_set_threads(200)
resource.setrlimit(resource.RLIMIT_AS, (size, -1))
for piece in (1 << 20, 1 << 16, 1 << 12):
    while take(piece):
        pass
os._exit(0 if library.dq_threads() == 1 and library.dq_program_batch(ctypes.c_int64(1)) == 0 else 1)
""")


def test_callers_on_many_threads_get_what_one_gets():
    run("""
expected, wrong = work(), []
def call():
    for n in range(10):
        kernels.set_threads(1 + n % 3)
        if not np.array_equal(work(), expected):
            wrong.append(n)
callers = [threading.Thread(target=call) for _ in range(6)]
for thread in callers:
    thread.start()
for thread in callers:
    thread.join()
assert not wrong
""")


def test_a_signal_is_dealt_with_while_a_step_is_awaited():
    run("""
class Done(Exception):
    pass
def handler(*_):
    raise Done
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
start = time.monotonic()
try:
    kernels.wait_for_step(10**9, timeout=15)
except Done:
    pass
assert time.monotonic() - start < 5
""")
