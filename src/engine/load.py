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
"""A network that was exported, ready to answer images."""

from pathlib import Path

from src.engine.artefact import load_artefact
from src.engine.choose_engine import open_engine
from src.engine.classifier import Classifier
from src.engine.wish import NO_WISH, Wish


def load(path: str | Path, engine: str = "auto", threads: int = 0, wish: Wish = NO_WISH) -> Classifier:
    """The network in an artefact (`export.py --format int`).

        net = load("model.safetensors")
        answers = net(images)                   # uint8 (N, 3, net.size, net.size): an Answer of each
        cheap = load("model.safetensors", wish=Wish(budget=250e6))

    Args:
        engine, threads: see choose_engine.py.
        wish: see wish.py.

    Raises:
        UserError: a file that is missing or damaged, an engine that cannot be had, a wish that the network
            cannot fulfil.
    """
    path = Path(path)
    return Classifier(load_artefact(path), open_engine(path, engine, threads), wish)
