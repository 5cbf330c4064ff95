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

"""One finished run that several tests look at, and a log that does not outlive its test."""

import logging
import shutil

import pytest

from tests.shared import made_once
from tests.system.runs import train


@pytest.fixture(scope="session")
def _trained_once(tmp_path_factory):
    """The run, and what train.py printed."""

    def make(folder):
        printed = train(folder / "four", "train.epochs=4")
        (folder / "printed.txt").write_text(printed)

    return made_once(tmp_path_factory, "four_epochs", make)


@pytest.fixture(scope="session")
def four_epochs(_trained_once, tmp_path_factory):
    """A DQNet trained for 4 epochs without a stop; a copy, as evaluation and export write into it."""
    run = tmp_path_factory.mktemp("runs") / "four"
    shutil.copytree(_trained_once / "four", run)
    return run


@pytest.fixture(scope="session")
def four_epochs_printed(_trained_once):
    return (_trained_once / "printed.txt").read_text()


@pytest.fixture(autouse=True)
def _no_log_handlers_left():
    yield
    logger = logging.getLogger("dynquant")
    logger.handlers.clear()
    logger.propagate = True
