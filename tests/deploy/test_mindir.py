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
"""A MINDIR gives the network's own answers in a process that knows nothing of it."""

import numpy as np
import pytest
from mindspore import Tensor

from src.config import load_config
from src.deploy.mindir import export_checked, export_mindir, run_mindir
from src.errors import UserError
from src.methods import build_method
from tests.methods.build import method


def exported(tiny, path, *overrides, batch=3):
    built, _ = build_method(load_config(None, [*tiny, *overrides]), 10, 32, native=False)
    images = np.random.default_rng(0).normal(size=(batch, 3, 32, 32)).astype(np.float32)
    deployed = export_mindir(built, path, batch, 32)
    return deployed, images


def test_dynamic_network_keeps_logits_and_choices(tiny, tmp_path):
    deployed, images = exported(tiny, tmp_path / "net.mindir", "method.name=dqnet")
    logits, plan = [output.asnumpy() for output in deployed(Tensor(images))]
    again = run_mindir(tmp_path / "net.mindir", images)
    np.testing.assert_array_equal(again[0], logits)
    np.testing.assert_array_equal(again[1], plan)
    np.testing.assert_array_equal(plan.sum(-1), np.ones(plan.shape[:-1]))


def test_static_network_with_8_bit_ends_at_a_path_with_other_signs(tiny, tmp_path):
    overrides = ["method.name=static", "quant.quantizer=lsq", "quant.first_last=8"]
    path = tmp_path / "it's my net" / "a+b.mindir"
    deployed, images = exported(tiny, path, *overrides, batch=1)
    again = run_mindir(path, images)
    np.testing.assert_array_equal(again[0], deployed(Tensor(images)).asnumpy())
    assert path.stat().st_mode & 0o200, "its owner may write it, as any new file"


def test_damaged_file_is_named(tmp_path):
    path = tmp_path / "net.mindir"
    path.write_bytes(b"no graph")
    with pytest.raises(UserError, match="net.mindir"):
        run_mindir(path, np.zeros((1, 3, 32, 32), np.float32))


def test_a_batch_of_more_images_than_there_are(digits, tmp_path):
    batch = len(digits) + 45
    row = export_checked(method("method.name=float"), tmp_path / "net.mindir", batch, digits)
    assert row["batch"] == batch and row["largest_difference"] < 1e-4
