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
"""The model card of a record with an artefact, its README.md: what the file is, where it comes from, what it was
measured to do, what it is not good for, how to run it. Made of the record alone.

The questions are those of Mitchell et al., *Model Cards for Model Reporting*, 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from src.data.chance import interval
from src.report.comparable import CLASSES
from src.report.formats import known
from src.report.load import Run
from src.report.performance import performance
from src.report.records import ARTEFACT
from src.report.records_page import markdown_table, setting_lines
from src.report.seeds import mean_and_deviation
from src.report.sources import DATA, PROJECT, WEIGHTS
from src.report.systems import SYSTEMS, role_of
from src.report.totals import float_top1
from src.report.worth import pays

MADE = "<!-- written by `python -m src.report.collect` -->"
NAMES = {"resnet": "ResNet-", "mobilenetv2": "MobileNetV2"}
TESTS = {"digits": "digits", "cifar10": "cifar10:cifar-10-batches-bin"}  # what `infer.py --test` takes
KINDS = {
    "abn": "super-network that runs at every width, with",
    "ddq": "network with levels learned by DDQ,",
    "dqnet": "network whose widths DQNet chooses for each image, with",
    "dqt": "network whose widths DQT chooses for each image, with",
}
ENDS = {"float": "The first layer and the classifier were float in training and are integers of more bits here."}


def card(record: Run, row: dict, seeds: Sequence[dict] = ()) -> str:
    """The text; `row` is the record's of `records.rows`, `seeds` are those that differ in their seed alone, with it."""
    sections = (
        ("Data", _data(record)),
        ("Training", _training(record, row)),
        ("Accuracy", _accuracy(record, row)),
        ("Cost", _cost(record)),
        ("Performance", performance(record)),
        ("Limits", _limits(record, seeds)),
        ("Licence", _licence(record)),
        ("How to run it", _run(record)),
    )
    parts = [f"# {record.name}", MADE, _about(record)]
    parts += [part for title, text in sections for part in (f"## {title}", text)]
    return "\n\n".join(parts) + "\n"


def _about(record: Run) -> str:
    kind = KINDS.get(record.setting("method.name"), f"static {_quantizer(record)} network,")
    inner = [layer for layer in record.layers if layer.kind != "float"]
    ends = record.setting("quant.first_last")
    if ends != "float":
        inner = inner[1:-1]
    widths = sorted({bits for layer in inner for bits in (*_widths(layer.w_bits), *_widths(layer.a_bits))})
    told = f"{_listed(widths)} bits" if widths else "widths that its layers.json does not tell"
    size = (record.path / ARTEFACT).stat().st_size
    return (
        f"[`{ARTEFACT}`]({ARTEFACT}), {size:,} bytes: {_model(record)} as integers, a {kind} weights and activations "
        f"of {told}. {ENDS.get(ends, f'The first layer and the classifier have {ends} bits.')} It "
        f"takes an image and answers one of {_classes(record)} classes."
    )


def _data(record: Run) -> str:
    about, _ = _source(DATA, record.setting("data.name"))
    totals, held = record.evaluation.totals, record.setting("data.val_split") or 0
    told = f"{100 * held:g} % of the training images were held out to choose by" if held else "no image was held out"
    training = f"; {told}" if record.setting("train.epochs") else ""
    return f"{about[:1].upper()}{about[1:]}. Tested on {totals['images']:,} test images{training}."


def _training(record: Run, row: dict) -> str:
    length = f"{row['epochs']} epochs" if row["epochs"] else "not trained: post-training quantisation"
    taught = f", distilled from a float {row['teacher']}" if row["teacher"] and row["epochs"] else ""
    return (
        f"{length[:1].upper()}{length[1:]}, {_start(record)}{taught}; seed {row['seed']}, commit {row['commit']}, "
        f"{row['machine']}{_resumed(record)}. Today's recipes give its configuration with\n\n"
        f"```bash\n{row['command']}\n```"
    )


def _start(record: Run) -> str:
    if weights := record.setting("model.weights"):
        return f"from {_source(WEIGHTS, weights)[0]}"
    is_float_first = record.setting("train.pretrain_epochs") and record.setting("method.name") != "float"
    return "from random weights" + (", in float first" if is_float_first else "")


def _resumed(record: Run) -> str:
    if not record.continuations:
        return ""
    commits, machines = (
        ", ".join(dict.fromkeys(str(one.get(key)) for one in record.continuations))
        for key in ("commit", "machine")
    )
    return f"; resumed {len(record.continuations)} times (commit {commits}; {machines})"


def _accuracy(record: Run, row: dict) -> str:
    totals = record.evaluation.totals
    images, top1 = totals["images"], totals["top1"]
    low, high = interval(round(top1 * images), images)
    sure = f"95 % interval {100 * low:.1f} to {100 * high:.1f}: Wilson's, of the images alone"
    text = f"Top-1 {100 * top1:.2f} % of {images:,} test images ({sure})"
    start = float_top1(totals)
    text += f"; the float network it started from has {100 * start:.2f} %." if start is not None else "."
    parts = [text]
    if lines := [cells[1:] for cells in setting_lines(row)]:
        parts.append("The same file at other settings of `infer.py`:")
        parts.append(markdown_table(("widths", "setting", "top-1 %", "M BitOPs"), lines))
    if known(totals.get("shuffled_top1")):
        found = "pays" if pays(totals) else "is worth nothing beyond chance on this test set"
        parts.append(
            f"The choice of widths by image {found}: with every image at another image's widths "
            f"{100 * totals['shuffled_top1']:.2f} % are right (p = {totals.get('shuffled_p', float('nan')):.2g})."
        )
    return "\n\n".join(parts)


def _cost(record: Run) -> str:
    totals = record.evaluation.totals
    text = f"{totals['bitops'] / 1e6:.1f} M BitOPs per image (mean over the test images)"
    static = totals.get("bitops_static") or {}
    listed = ", ".join(f"{value / 1e6:.1f} M at {bits} bits" for bits, value in static.items())
    return f"{text}; the same network at one width: {listed}." if listed else f"{text}."


def _limits(record: Run, seeds: Sequence[dict]) -> str:
    classes = CLASSES.get(record.setting("data.name"), ())
    told = f" ({', '.join(classes)})" if classes else ""
    limits = [
        f"It knows its {_classes(record)} classes{told} and nothing else: any picture gets one of them as its answer.",
        "It was tested on images of its own data set alone. Others, of another camera or size, were not tried.",
        f"It is one network, of one seed: another seed gives another one, {_apart(seeds)}.",
        "The accuracy is that of the training graph in floating point; the integers may answer a few images in 10,000 "
        "differently.",
        "Run on CPUs alone; nothing was run on Ascend or on a GPU.",
    ]
    return "\n".join(f"* {limit}" for limit in limits)


def _apart(seeds: Sequence[dict]) -> str:
    if len(seeds) < 2:
        return "and how far apart they lie was not measured"
    told = mean_and_deviation([row["top1"] for row in seeds], 100, 2)
    return f"and {len(seeds)} of them have a top-1 of {told} % (mean and standard deviation)"


def _licence(record: Run) -> str:
    weights = record.setting("model.weights")
    lines = [f"* the file: {PROJECT}"]
    if weights:
        lines.append(f"* the weights that it started from: {_source(WEIGHTS, weights)[1]}")
    lines.append(f"* the data: {_source(DATA, record.setting('data.name'))[1]}")
    return "\n".join(lines)


def _run(record: Run) -> str:
    file = f"results/{record.name}/{ARTEFACT}"
    pictures = f"results/{record.name}/images" if (record.path / "images").is_dir() else "IMAGE..."
    lines = [f"python infer.py --model {file} {pictures}"]
    if test := TESTS.get(record.setting("data.name")):
        lines.append(f"python infer.py --model {file} --test {test}")
    lines.append(f"dynquant-infer --model {file} {pictures}    # after pip install ./runtime, without MindSpore")
    return "\n".join(("```bash", *lines, "```"))


def _model(record: Run) -> str:
    name = str(record.setting("model.name"))
    known_as = next((full for start, full in NAMES.items() if name.startswith(start)), name)
    return known_as + name.removeprefix("resnet") if known_as.endswith("-") else known_as


def _quantizer(record: Run) -> str:
    role = role_of(record)
    return str(record.setting("quant.quantizer")) if role == "other" else SYSTEMS[role].title.removeprefix("static ")


def _classes(record: Run) -> int:
    return record.setting("model.num_classes") or len(CLASSES.get(record.setting("data.name"), ())) or "its"


def _source(known_ones: dict, name: object) -> tuple[str, str]:
    return known_ones.get(str(name), (f"`{name}`", "not known here"))


def _widths(value: object) -> Iterable[int]:
    return value if isinstance(value, list) else () if value is None else (value,)


def _listed(values: Sequence[int]) -> str:
    *most, last = map(str, values)
    return f"{', '.join(most)} or {last}" if most else last
