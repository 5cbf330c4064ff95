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
"""Fetching published float weights without a network: a file is the mirror, a stub stands for torch.

What is tested is a copy of the script that expects the checksum of the test's file, in place of one
that no test can have.
"""

import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.full_disk import full_disk

SCRIPT = Path(__file__).parents[2] / "scripts" / "get_float_weights.sh"
NAME = "cifar10_resnet20"
# A `torch` whose files are .npz, and whose tensors are arrays that have a method `numpy`.
TORCH = '''
import numpy as np

__version__ = "stub"


class Tensor:
    def __init__(self, value):
        self.value = value

    def numpy(self):
        return self.value


def load(path, map_location, weights_only):
    assert weights_only and map_location == "cpu"
    with np.load(path) as archive:
        return {"state_dict": {f"module.{n}": Tensor(archive[n]) for n in archive.files}, "best_prec1": 1.0}
'''


@pytest.fixture
def published(tmp_path) -> Path:
    """A small published file, of 8 KiB."""
    path = tmp_path / "published.th"
    with path.open("wb") as file:
        np.savez(file, **{"conv1.weight": np.arange(2048, dtype=np.float32)})
    return path


@pytest.fixture
def script(tmp_path, published) -> Path:
    """The script, with the checksum of the published file for every one of its own."""
    folder = tmp_path / "project" / "scripts"
    folder.mkdir(parents=True)
    digest = hashlib.sha256(published.read_bytes()).hexdigest()
    text, n = re.subn(r"(?<=sha256=)[0-9a-f]{64}", digest, SCRIPT.read_text(encoding="utf-8"))
    text, short = re.subn(r"(?<=sha256=)[0-9a-f]{8}\b", digest[:8], text)
    assert (n, short) == (6, 1)
    (folder / SCRIPT.name).write_text(text, encoding="utf-8")
    return folder / SCRIPT.name


@pytest.fixture
def torch(tmp_path) -> Path:
    folder = tmp_path / "with-torch"
    folder.mkdir()
    (folder / "torch.py").write_text(TORCH)
    return folder


def run(script: Path, *arguments: str | Path, url: str | Path = "http://127.0.0.1:9/none", torch: Path | None = None):
    url = url.as_uri() if isinstance(url, Path) else url
    environment = {"PATH": os.environ["PATH"], "PYTHON": sys.executable, "DYNQUANT_WEIGHTS_URL": url}
    environment |= {"PYTHONPATH": str(torch)} if torch else {}
    command = ["bash", str(script), *map(str, arguments)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60,
        restore_signals=False,  # a full disk is an error, as in this process, and no signal
    )  # fmt: skip


def assert_refused(done, *words: str) -> None:
    """One `error:` line that has the words, exit code 2."""
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and all(word in errors[0] for word in words), done.stderr
    assert "Traceback" not in done.stderr


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", [NAME, "imagenet_resnet34"])
def test_a_published_file_becomes_npz_with_its_names(script, published, torch, tmp_path, name):
    dest = tmp_path / "de st"
    done = run(script, name, dest, url=published, torch=torch)
    assert done.returncode == 0, done.stderr
    assert f"model.weights={dest}/{name}.npz" in done.stdout and left_in(dest) == [f"{name}.npz"]
    with np.load(dest / f"{name}.npz") as archive:
        assert archive.files == ["conv1.weight"]
        assert np.array_equal(archive["conv1.weight"], np.arange(2048, dtype=np.float32))


def test_a_second_run_changes_nothing_and_needs_nothing(script, published, torch, tmp_path):
    assert run(script, NAME, tmp_path / "d", url=published, torch=torch).returncode == 0
    before = (tmp_path / "d" / f"{NAME}.npz").stat().st_mtime_ns
    again = run(script, NAME, tmp_path / "d")
    assert again.returncode == 0 and "nothing to do" in again.stdout
    assert (tmp_path / "d" / f"{NAME}.npz").stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: data[:4000] + b"!" + data[4001:]])
def test_a_file_that_is_there_but_damaged_is_refused(script, published, torch, tmp_path, damage):
    assert run(script, NAME, tmp_path, url=published, torch=torch).returncode == 0
    file = tmp_path / f"{NAME}.npz"
    file.write_bytes(damage(file.read_bytes()))
    assert_refused(run(script, NAME, tmp_path, url=published, torch=torch), f"{file} is damaged", "delete it")


def test_other_bytes_are_refused_and_nothing_is_kept(script, published, torch, tmp_path):
    published.write_bytes(published.read_bytes()[:-1] + b"!")
    done = run(script, NAME, tmp_path / "d", url=published, torch=torch)
    digest = hashlib.sha256(published.read_bytes()).hexdigest()
    assert_refused(done, "is not the published file", f"begins with {digest[:8]}", "nothing is kept")
    assert left_in(tmp_path / "d") == []


def test_without_a_network_it_says_what_else_there_is(script, torch, tmp_path):
    done = run(script, NAME, tmp_path / "d", torch=torch)
    assert_refused(done, "cannot fetch http://127.0.0.1:9/none", "DYNQUANT_WEIGHTS_URL", "resnet20_cifar10_float.yaml")
    assert left_in(tmp_path / "d") == []


def test_a_page_that_is_gone_is_told(script, torch, tmp_path):
    class Gone(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gone) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/w.th"
        done = run(script, NAME, tmp_path / "d", url=url, torch=torch)
        server.shutdown()
    assert_refused(done, f"cannot fetch {url}", "exit code")
    assert left_in(tmp_path / "d") == []


@pytest.mark.parametrize("free", [0, 4096, 100_000])
def test_a_full_disk_is_told_and_nothing_is_kept(script, published, torch, tmp_path, free):
    """While fetching, and while converting to more than there is room for."""
    larger = TORCH.replace("return self.value", "return np.zeros(2**18)")
    (torch / "torch.py").write_text(larger)
    dest = tmp_path / "d"
    with full_disk(free):
        done = run(script, NAME, dest, url=published, torch=torch)
    assert_refused(done, "cannot write")
    assert left_in(dest) == []


def test_a_file_that_torch_cannot_read_is_one_line(script, published, torch, tmp_path):
    (torch / "torch.py").write_text(TORCH + "\ndef load(*_, **__):\n    raise RuntimeError('bad magic\\nmore')\n")
    done = run(script, NAME, tmp_path / "d", url=published, torch=torch)
    assert_refused(done, "torch stub cannot read the published file: bad magic")
    assert left_in(tmp_path / "d") == []


def test_without_torch_it_says_how_to_get_on(script, published, tmp_path):
    without = tmp_path / "without"
    without.mkdir()
    (without / "torch.py").write_text("raise ImportError\n")
    done = run(script, NAME, tmp_path / "d", url=published, torch=without)
    assert_refused(done, "cannot import torch", "pip install torch", "PYTHON=", "resnet20_cifar10_float.yaml")


@pytest.mark.parametrize("arguments", [(), (NAME,), ("", "d"), (NAME, ""), ("--wrong", "d"), ("a", "b", "c")])
def test_wrong_usage_prints_the_usage_and_exits_2(arguments):
    done = run(SCRIPT, *arguments)
    assert done.returncode == 2 and done.stderr.startswith("usage: bash scripts/get_float_weights.sh")


def test_an_unknown_name_lists_those_that_are_known(tmp_path):
    assert_refused(run(SCRIPT, "resnet20", tmp_path), "NAME resnet20", "cifar10_resnet20|32|56")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    assert_refused(run(SCRIPT, NAME, tmp_path / "file" / "d"), "cannot make the folder")


def test_help_goes_to_standard_output():
    done = run(SCRIPT, "--help")
    assert done.returncode == 0 and "BSD 2-Clause" in done.stdout and "DYNQUANT_WEIGHTS_URL" in done.stdout
