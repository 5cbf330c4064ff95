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
"""What an integer artefact says of itself: names, labels, how it was made. No engine needs it."""

import json
from pathlib import Path

from src.errors import UserError
from src.keys import Config

OF_THE_EXPORT = ("run", "device")  # where it was exported, not how it was trained


def as_notes(config: Config, dataset, run: Path | None, recalibrated: int | None) -> dict:
    """Plain values, ready for JSON.

    Args:
        dataset: a data set of `data`: name, classes, image_size, mean, std.
        run: run folder, whose versions.json is taken in.
        recalibrated: training batches that its statistics were estimated anew from, or None.

    Raises:
        UserError: a damaged versions.json.
    """
    notes = {
        "model": config.model.name,
        "method": config.method.name,
        "data": dataset.name,
        "classes": dataset.classes,
        "image_size": dataset.image_size,
        "mean": dataset.mean.tolist(),
        "std": dataset.std.tolist(),
        "config": {k: v for k, v in config.as_dict().items() if k not in OF_THE_EXPORT},
        "recalibrated": recalibrated,
    }
    if run is not None and (run / "versions.json").is_file():
        try:
            notes["versions"] = json.loads((run / "versions.json").read_text(encoding="utf-8"))
        except ValueError as error:
            raise UserError(f"{run / 'versions.json'} is damaged: {error}; delete it") from error
    return notes
