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
"""A folder of records as rows: what `index.json` lists, and the table that its README shows.

A row is a plain dictionary, in this order of keys:

    record            name of its folder
    method            float, static, dqnet, ...
    top1              accuracy on the test set, 0..1
    bitops            mean over the test images; 0 for a net without quantised layers
    mean_bits         mean width, as eval.py counts it; 32 for a float net
    seed, commit      of the run
    artefact          its integer program, as a path in the folder of records; None where there is none
    shuffled_top1     top-1 where each image has another one's plan, 0..1; None where that was not tried
    hardness_correlation
                      rank correlation of an image's cost with how hard it is; None like that
    system            the method; of ABN `supernet`, or `agent` where it has one
    quantizer         name, as in the configuration
    model, data       names, as in the configuration
    float_top1        of the network that the run started from; None for a float run
    teacher           network that it was distilled from; None without distillation
    epochs            of the method
    bitops_controller mean over the test images; this and the next three are None where all images have
                      one plan by design
    plans             different choices of widths among the test images
    most_frequent     share of the images with the commonest plan, 0..1
    bitops_and_loss   Spearman's rank correlation over the images, -1..1; None for a single cost
    machine           what the run was made on
    resumed           commits that went on with it, where it was resumed; missing where it was not
    command           gives the record's configuration with the recipes as they are now
    uniform, ladder, searched, budgets
                      the same net at other settings, on the test set, by rising BitOPs: lists of objects
                      with bitops, top1, bits (widths of its rungs) and budget (what `infer.py --budget`
                      takes for it), the last two where they have a meaning
"""

import json
import re
import shlex
from pathlib import Path

from src.cost.correlation import rank_correlation
from src.errors import UserError
from src.recipes import DEFAULT_FILE
from src.report.knob import Knob, Setting
from src.report.load import Run, load_run
from src.report.stats import plan_use
from src.report.totals import float_top1

ARTEFACT = "model.safetensors"
# What `git describe --dirty` says of a committed tree; where there is no git, versions.json has words.
COMMITTED = re.compile(r"\S+(?<!-dirty)")


def rows(out: Path) -> list[dict]:
    """A row per record in the folder, by name.

    Raises:
        UserError: a record is of an uncommitted tree, or its answers are damaged.
    """
    return [_row(load_run(path.parent)) for path in sorted(out.glob("*/versions.json"))]


def path_keys() -> list[tuple[str, str]]:
    """(section, key) of every path of a configuration."""
    from src.config import known_keys  # needs MindSpore, which a page does not

    return [tuple(name.split(".")) for name, (_, item) in known_keys().items() if item.metadata["is_path"]]


def check_committed(run: Run) -> None:
    """Raises UserError where a commit, of the start or of a resume, is missing, or was not all of its code."""
    for made, verb in ((run.versions, "started"), *((one, "resumed") for one in run.continuations)):
        commit = str(made.get("commit") or "")
        if not COMMITTED.fullmatch(commit):
            raise UserError(
                f"{run.path}: commit {commit!r} in versions.json is of no committed tree, and nobody could "
                f"run it again; a record needs a run that was {verb} from a clean git checkout"
            )


def _row(record: Run) -> dict:
    from src.config import load_config  # needs MindSpore, which a page does not

    check_committed(record)
    evaluation = record.evaluation
    if evaluation is None:
        raise UserError(f"{record.path}: {record.gaps['evaluation'].what}")
    totals, config = evaluation.totals, load_config(record.path / "config.yaml")
    artefact = record.path / ARTEFACT
    return {
        "record": record.name,
        "method": config.method.name,
        **{key: totals[key] for key in ("top1", "bitops", "mean_bits")},
        **{key: record.versions[key] for key in ("seed", "commit")},
        "artefact": f"{record.name}/{ARTEFACT}" if artefact.is_file() else None,
        **{key: totals.get(key) for key in ("shuffled_top1", "hardness_correlation")},
        "system": _system(config),
        "quantizer": config.quant.quantizer,
        "model": config.model.name,
        "data": config.data.name,
        "float_top1": float_top1(totals),
        "teacher": _teacher(config),
        "epochs": config.train.epochs,
        **_choice(record, _system(config)),
        "machine": record.versions["machine"],
        **({"resumed": [one["commit"] for one in record.continuations]} if record.continuations else {}),
        "command": command(record),
        **_settings(record.knob),
    }


def _system(config) -> str:
    """What chooses the widths: of a super-network, its agent where it has one."""
    if config.method.name != "abn":
        return config.method.name
    return "agent" if config.as_dict()["abn"].get("agent_epochs") else "supernet"


def _teacher(config) -> str | None:
    train = config.as_dict()["train"]
    return (train.get("teacher_model") or config.model.name) if train["distill_weight"] else None


def _settings(knob: Knob) -> dict[str, list[dict]]:
    return {
        "uniform": [_setting(setting) for setting in knob.uniform],
        "ladder": [_setting(setting, knob.budget_of(setting)) for setting in knob.ladder],
        "searched": [_setting(setting) for setting in knob.searched],
        "budgets": [_setting(setting, setting.budget) for setting in knob.budgets],
    }


def _setting(setting: Setting, budget: float | None = None) -> dict:
    found = {"bits": setting.bits, "bitops": setting.bitops, "top1": setting.top1, "budget": budget}
    return {key: value for key, value in found.items() if value not in (None, ())}


def _choice(record: Run, system: str) -> dict:
    """What a choice costs and does; None of all where the net itself makes none."""
    evaluation = record.evaluation
    names = ("bitops_controller", "plans", "most_frequent", "bitops_and_loss")
    if not evaluation.n_dynamic or (system == "supernet" and not evaluation.climbs):
        return dict.fromkeys(names)
    arrays = evaluation.arrays
    related = rank_correlation(arrays["bitops"], arrays["loss"])
    found = (evaluation.totals["bitops_controller"], *plan_use(evaluation), related)
    return dict(zip(names, found, strict=True))


def command(record: Run) -> str:
    """The command that gives the record's configuration today.

    Recipes and defaults change after a run, so the command that was typed may mean something else
    by now: this one names every key in which the record differs from its recipe as it is. A key
    that is younger than the record has its default, which must stand for what was done before it.
    """
    from src.config import load_config  # needs MindSpore, which a page does not

    recipe, wanted = _recipe(record), load_config(record.path / "config.yaml").as_dict()
    # Paths are never a recipe's, and a recipe may be incomplete without them.
    paths = [f"{s}.{key}={wanted[s][key]}" for s, key in path_keys() if wanted[s][key]]
    today = load_config(recipe, paths).as_dict()
    others = [
        f"{section}.{key}={value if isinstance(value, str) else json.dumps(value)}"
        for section, values in wanted.items()
        for key, value in values.items()
        if value != today[section][key]
    ]
    return shlex.join(["python", "train.py", "--config", _shown(recipe), *paths, *others])


def _recipe(record: Run) -> Path:
    """The shipped recipe that the run was started with, or the one that has the same name but for
    the width (other widths are overrides); the record's own configuration else."""
    typed = re.search(r"--config[= ](\S+)", str(record.versions.get("command", "")))
    name = Path(typed[1]).name.removesuffix(".yaml") if typed else ""
    shipped = {path.stem: path for path in sorted(DEFAULT_FILE.parent.glob("*.yaml"))}
    alike = [path for stem, path in shipped.items() if name and _but_width(stem) == _but_width(name)]
    return shipped.get(name) or next(iter(alike), record.path / "config.yaml")


def _but_width(stem: str) -> str:
    return re.sub(r"_[^_]*bit$", "", stem)


def _shown(recipe: Path) -> str:
    """As seen from the project's root, where that holds it."""
    root = DEFAULT_FILE.parent.parent
    return str(recipe.relative_to(root) if recipe.is_relative_to(root) else recipe)


def as_json(made: list[dict]) -> str:
    """What index.json holds: a list, a line per record."""
    lines = ",\n".join(json.dumps(row) for row in made)
    return f"[\n{lines}\n]\n"
