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
"""A lock that one process holds while others wait: whom it lets in, what it leaves, and where there are no locks."""

import fcntl
import logging
import os
import threading
import time

import pytest

from src.kernels.lock import held


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".work.lock"


def test_it_is_there_while_it_is_held_and_for_this_user_alone(path):
    with held(path, "working"):
        assert path.read_text() == str(os.getpid())
        assert path.stat().st_mode & 0o077 == 0
    assert not path.exists()


def test_a_fault_ends_it(path):
    with pytest.raises(KeyError), held(path, "working"):
        raise KeyError
    with held(path, "working"):
        pass


def test_who_has_waited_holds_a_lock_that_others_find(path, caplog):
    """And not the file that the one before has deleted."""
    inside, leave = threading.Event(), threading.Event()

    def second():
        with held(path, "working"):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=second)
    with caplog.at_level(logging.INFO, logger="dynquant"), held(path, "working"):
        thread.start()
        while "waiting for it" not in caplog.text:
            time.sleep(0.01)
        assert f"process {os.getpid()} is working" in caplog.text and not inside.is_set()
    assert inside.wait(10)
    with path.open() as found, pytest.raises(BlockingIOError):
        fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
    leave.set()
    thread.join()
    assert not path.exists()


def test_where_the_file_system_knows_no_locks_nobody_waits(path, monkeypatch):
    def unknown(*_):
        raise OSError("no locks")

    monkeypatch.setattr(fcntl, "flock", unknown)
    with held(path, "working"), held(path, "working"):
        pass


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path):
    with held(tmp_path / "none" / ".work.lock", "working"):
        pass
