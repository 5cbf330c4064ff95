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
"""One-line breaks that the tests must see: in each, the kind of slip that is likely in that line.

A break replaces the one place of a file that reads `old` by `new`; one of the `tests` (files, or tests of one)
must then fail.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    """Attributes:
    file: below the project's root.
    old, new: within one line; `old` stands once in the file.
    tests: what pytest is given.
    """

    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def _of(file: str, tests: str, *pairs: tuple[str, str]) -> list[Break]:
    """Breaks of one file, all of them seen by the same tests (names with spaces between)."""
    return [Break(file, old, new, tuple(tests.split())) for old, new in pairs]


QUANTISERS = [
    *_of(
        "src/quantizers/rounding.py", "tests/quantizers/test_rounding.py",
        ("ops.floor(v + 0.5)", "ops.rint(v)"),
        ("+ (carrier - ops.stop_gradient(carrier))", "+ (carrier - carrier)"),
    ),
    *_of(
        "src/quantizers/uniform.py", "tests/quantizers/test_lsq.py tests/quantizers/test_pact.py",
        ("ops.minimum(ops.maximum(x * inv, low), high)", "ops.minimum(x * inv, high)"),
        ("inside = ops.logical_and(v > low, v < high)", "inside = ops.logical_and(v > low, v > low)"),
        ("(codes(x, inv, low, high) - v * inside)", "(codes(x, inv, low, high) - v)"),
        ("above = (v >= high)", "above = (v > low)"),
        ("x.sum(tuple(range(1, x.ndim)))", "x.sum(tuple(range(0, x.ndim - 1)))"),
    ),
    *_of(
        "src/quantizers/lsq.py", "tests/quantizers/test_lsq.py",
        ("return 2 * mean / top**0.5", "return mean / top**0.5"),
        (
            "rate / float(weight.size / len(rows) * top_signed(b)) ** 0.5",
            "rate / float(weight.size * top_signed(b)) ** 0.5",
        ),
        ("features = x.size // x.shape[0]", "features = x.size"),
        ("10 ** (-d / 2) for d in below", "10 ** (-d) for d in below"),
    ),
    *_of(
        "src/quantizers/nested.py", "tests/quantizers/test_nested.py",
        ("rounded = round_half_up(q / unit - drop)", "rounded = round_half_up(q / unit)"),
        ("bottom, top = low * self.unit, (high + 1) * self.unit - 1", "bottom, top = low * self.unit, high"),
        ("dout * (code * self.unit - v * inside)", "dout * (code - v * inside)"),
        ("1.0 / (unit**2 *", "1.0 / (unit *"),
        ("scale = scale * self.units[slot]", "scale = scale * self.units[0]"),
    ),
    *_of(
        "src/quantizers/dorefa.py", "tests/quantizers/test_dorefa.py tests/quantizers/test_zeros.py",
        ("u = t / (2 * largest(t)) + 0.5", "u = t / largest(t) + 0.5"),
        ("sign = 2 * (weight >= 0)", "sign = 2 * (weight > 0)"),
        ("return ops.select(top > SMALLEST, top, ops.ones_like(top))", "return top"),
    ),
    *_of(
        "src/quantizers/pact.py", "tests/quantizers/test_pact.py",
        ("return n / alpha, alpha / n, self.lows", "return n / alpha, alpha / (n + 1), self.lows"),
        ("(v <= low).astype(x.dtype) * (low / high)", "(v <= low).astype(x.dtype)"),
    ),
    *_of(
        "src/quantizers/level_starts.py", "tests/quantizers/test_levels.py tests/quantizers/test_properties.py",
        ('(levels[1:] + levels[:-1]) / 2, x, side="right"', '(levels[1:] + levels[:-1]) / 2, x, side="left"'),
        ("above = [2.0**-k for k in range(half - 1)]", "above = [2.0**-k for k in range(half)]"),
    ),
    *_of(
        "src/quantizers/level_table.py", "tests/quantizers/test_levels.py",
        ("whole = self._apart(round_half_up(", "whole = self._apart(ops.floor("),
        ("before = before * own", "before = own"),
        ("return ops.minimum(raised, self.top - (last - block))", "return raised"),
    ),
    *_of(
        "src/quantizers/integer_form.py", "tests/quantizers/test_integer_form.py",
        ("number = (number - 1) / 2 if odd else number", "number = number / 2 if odd else number"),
        ("(np.abs(number + 0.5) < 128)", "(np.abs(number) <= 128)"),
    ),
    *_of(
        "src/quantizers/step_search.py", "tests/quantizers/test_step_search.py",
        ("scale = (steps * grid.factor)", "scale = (steps)"),
    ),
]  # fmt: skip

TRAIN = [
    *_of(
        "src/train/schedules.py", "tests/train/test_schedules.py",
        ("rates = [lr * (step + 1) / warmup", "rates = [lr * step / warmup"),
        ("max(1, total - warmup - 1)", "max(1, total - warmup)"),
        ("step >= m * steps_per_epoch", "step > m * steps_per_epoch"),
    ),
    *_of(
        "src/train/losses.py", "tests/train/test_losses.py",
        ("return t * t * divergence", "return t * divergence"),
        ("(1 - self.distill) * loss + self", "loss + self"),
    ),
    *_of(
        "src/train/gradients.py", "tests/train/test_step.py tests/train/test_guard.py",
        ("factor = self.limit / ops.maximum(norm, self.limit)", "factor = self.limit / norm"),
        ("g = ops.select(finite, g * factor, ops.zeros_like(g))", "g = g * factor"),
        ("g = g + self.decays[i] * parameters[i]", "g = g - self.decays[i] * parameters[i]"),
    ),
    *_of(
        "src/train/step.py", "tests/train/test_step.py",
        ("decays = parameter.ndim > 1 or train.decay_norms", "decays = True"),
        ("[rate * scale for rate in rates]", "rates"),
        (
            "taught = self.task_loss.distance(other, ops.stop_gradient(logits))",
            "taught = self.task_loss.distance(other, logits)",
        ),
    ),
    *_of(
        "src/train/checkpoints.py", "tests/train/test_checkpoints.py",
        ("if not np.isfinite(parameter.asnumpy()).all():", "if np.isnan(parameter.asnumpy()).all():"),
        ("partial.replace(path)", "partial.rename(partial)"),
        ("os.fsync(file.fileno())", "file.fileno()"),
        ('needed = {n: p for n, p in wanted.items() if "learning_rate" not in n}', "needed = wanted"),
        ("misfit = [n for n in needed if n in stored and stored[n].shape != needed[n].shape]", "misfit = []"),
    ),
    *_of("src/train/trainer.py", "tests/train/test_trainer.py", ("state.go_to(epoch)", "state.epoch = epoch")),
    *_of(
        "src/train/step_numbers.py", "tests/train/test_trainer.py",
        ("return self.sums / self.steps", "return self.sums"),
    ),
    *_of(
        "src/train/resume.py", "tests/train/test_resume.py",
        ("if epochs_done > stage.epochs:", "if epochs_done < 0:"),
        ("if images[0] not in (0, images[1]):", "if images[0] not in (0, images[0]):"),
        ("if rows > 1 and not last.is_file():", "if rows > 9 and not last.is_file():"),
    ),
    *_of(
        "src/train/shuffle.py", "tests/train/test_shuffle.py",
        ("donor[order] = np.roll(order, 1)", "donor[order] = order"),
    ),
    *_of(
        "src/data/chance.py", "tests/data/test_chance.py tests/train/test_shuffle.py",
        ("for k in range(heads, tosses + 1):", "for k in range(heads, tosses):"),
        ("ways = ways * (tosses - k) // (k + 1)", "ways = ways * (tosses - k) // k"),
    ),
    *_of(
        "src/train/evaluate.py", "tests/train/test_evaluate.py",
        ("keep = slice(0, batch.valid)", "keep = slice(0, None)"),
        ('rows["in_top5"][index] = better < 5', 'rows["in_top5"][index] = better <= 5'),
        ("better = (logits > logits", "better = (logits >= logits"),
    ),
    *_of(
        "src/train/escalate.py", "tests/train/test_escalate.py",
        ("tuple(cost - shared for cost in costs)", "tuple(cost for cost in costs)"),
        ("changes = np.cumsum([answers", "changes = np.array([answers"),
    ),
    *_of(
        "src/train/recalibrate.py", "tests/train/test_recalibrate.py",
        ("assign(self.parameter, np.zeros_like(self.before))", "pass"),
        ("system.forced = forced", "pass  # forced"),
    ),
]  # fmt: skip

METHODS = [
    *_of(
        "src/methods/budget.py", "tests/methods/test_budget.py",
        ("ops.relu(mean_bits - self.target)", "ops.abs(mean_bits - self.target)"),
        ("return bits[:, :, 0] * bits[:, :, 1]", "return bits[:, :, 0] * bits[:, :, 0]"),
        ("self.diversity * (1.0 - information)", "self.diversity * information"),
        ("+ self.fixed / self.target_bitops", "+ 0.0 / self.target_bitops"),
        ("ops.relu(self.priced(plan) - 1.0)", "ops.relu(self.relative(plan) - 1.0)"),
    ),
    *_of(
        "src/methods/dqt.py", "tests/methods/test_dqt.py",
        ("self.beta * ops.relu(expected - self.free)", "self.beta * ops.relu(expected)"),
        ("row = self._rows_of_widths()[forced]", "row = self._rows_of_widths()[0]"),
        ("consistency=options.alpha if options.subset else 0.0", "consistency=options.alpha"),
    ),
    *_of(
        "src/methods/ddq_budget.py", "tests/methods/test_ddq.py",
        ("factor = (1.0 + over) ** self.alpha", "factor = over**self.alpha"),
        ("self._zeta(*others) <= self.target", "self._zeta(*others) >= self.target"),
        ("number < width - table.least, SETTLED", "number <= width - table.least, SETTLED"),
    ),
    *_of(
        "src/methods/ddq.py", "tests/methods/test_ddq.py",
        (
            "epoch > min(round(epochs * (1 - share)), epochs - 1)",
            "epoch >= min(round(epochs * (1 - share)), epochs - 1)",
        ),
    ),
    *_of(
        "src/methods/abn.py", "tests/methods/test_abn_finetune.py tests/methods/test_abn.py",
        ("judged_at=(uniform[0], uniform[-1])", "judged_at=(uniform[0], uniform[0])"),
        ("learns=lambda name: not is_of_controller(name)", "learns=lambda name: is_of_controller(name)"),
        ("rising = all(a >= b for", "rising = all(a <= b for"),
    ),
    *_of("src/methods/agent_episodes.py", "tests/methods/test_abn_agent.py", ("exp(self.fall", "exp(-self.fall")),
    *_of("src/methods/agent_ppo.py", "tests/methods/test_abn_agent.py", ("+ (-price * agent", "+ (price * agent")),
    *_of(
        "src/methods/agent_counterfactual.py", "tests/methods/test_abn_agent.py",
        ("better = worth - worth.mean(1, keep_dims=True)", "better = worth"),
        ("[rng.integers(slots, size=images)]", "[noise[:, :, 0, 0].argmax(1)]"),
    ),
    *_of(
        "src/methods/abn_agent.py", "tests/methods/test_abn_agent.py",
        ("spent.append((answers().bitops.mean() - agent.cheapest)", "spent.append((answers().bitops.mean())"),
    ),
    *_of(
        "src/methods/counterfactual.py", "tests/methods/test_counterfactual.py",
        ("+ self.prices).argmin(1)", "- self.prices).argmin(1)"),
        ("ways = [*range(self.choices), None]", "ways = [None, *range(self.choices)]"),
    ),
    *_of(
        "src/methods/rules.py", "tests/methods/test_rules.py tests/methods/test_build.py",
        ('own = "lsq" if name in ends else', 'own = "lsq" if name == names[0] else'),
        ("specs, ends = {}, (names[0], names[-1])", "specs, ends = {}, (names[0], names[0])"),
    ),
    *_of(
        "src/controllers/ppo.py", "tests/controllers/test_agent.py tests/methods/test_abn_agent.py",
        ("rewards[s] + following - values[s] + trace * ahead", "rewards[s] + following - values[s] + ahead"),
        ("gain = ops.minimum(ratio * scaled, bounded * scaled).mean()", "gain = (ratio * scaled).mean()"),
    ),
    *_of(
        "src/controllers/agent.py", "tests/controllers/test_agent.py",
        ("self.extras = [price - price.min() for price in prices]", "self.extras = [price for price in prices]"),
        ("spent = spent + self.extra(slot, choice)", "spent = self.extra(slot, choice)"),
    ),
]  # fmt: skip

COST = [
    *_of(
        "src/cost/bitops.py", "tests/cost",
        ("is_end = place in (0, len(self.layers) - 1)", "is_end = place in (0, len(self.layers))"),
        ("return self.fixed() + products @ self.macs", "return products @ self.macs"),
        ("return self.controller_macs * 32 * 32", "return self.controller_macs * 32"),
        ("np.asarray(w_bits) != master) @ weights", "np.asarray(w_bits) == master) @ weights"),
        (
            "quantised = [layer for layer in self.layers[:place] if layer.w_bits]",
            "quantised = [layer for layer in self.layers[: place + 1] if layer.w_bits]",
        ),
    ),
    *_of(
        "src/cost/ladder.py", "tests/cost",
        ("(margins[rung] < threshold)", "(margins[rung] <= threshold)"),
        ("passes[0] = self.costs[", "passes[0] = self.again["),
        ("if row.bitops <= budget]", "if row.bitops < budget]"),
        ("if not front or row.top1 > front[-1].top1:", "if not front or row.top1 >= front[-1].top1:"),
        ("sorted({0, *last.tolist()})", "sorted({*last.tolist()})"),
    ),
    *_of(
        "src/cost/spending.py", "tests/cost",
        ("spent = np.maximum.accumulate(self.spent)", "spent = np.array(self.spent)"),
    ),
    *_of(
        "src/cost/named_plans.py", "tests/cost",
        ("if len(found) > 1 or ((before != choice)", "if ((before != choice)"),
        (
            "if columns == 2 and w in layer.w_bits and a in layer.a_bits:",
            "if w in layer.w_bits and a in layer.a_bits:",
        ),
    ),
    *_of(
        "src/cost/latency.py", "tests/cost",
        ("times = [table.fixed_ms, table.kept_ms, *", "times = [table.fixed_ms, *"),
        ("alike if columns == 1 else product(layer.w_bits, layer.a_bits)", "alike"),
    ),
    *_of(
        "src/cost/widths.py", "tests/cost",
        (">= COLLAPSE_SHARE", "> COLLAPSE_SHARE"),
    ),
]  # fmt: skip

ENGINE = [
    *_of(
        "src/engine/check.py", "tests/engine/test_check.py",
        ("need(acc < 2**31,", "need(acc < 2**32,"),
        ('need(total < 2**62, "multiplier and bias', 'need(total < 2**63, "multiplier and bias'),
        ('need(total < 2**62, "the weighed', 'need(total < 2**64, "the weighed'),
        ("need((thresholds[1:] >= thresholds[:-1]).all()", "need((thresholds[1:] >= thresholds[:-1]).any()"),
        ("need((levels[1:] > levels[:-1]).all()", "need((levels[1:] >= levels[:-1]).all()"),
        ('need(op.padding < op.kernel, "padding of a whole window")', "need(op.padding >= 0, str())"),
        ("need(op.slot not in self.slots", "need(op.slot >= 0"),
        ("self.decided.isdisjoint(slots)", "slots"),
        ("magnitude = max(abs(int(weight.min())), abs(int(weight.max())))", "magnitude = abs(int(weight.max()))"),
        ('need(x.bits == op.master, "its input', 'need(x.bits >= 0, "its input'),
        ('need(x.shape == y.shape, f"adds', 'need(x.shape[0] == y.shape[0], f"adds'),
    ),
    *_of(
        "src/engine/structure.py", "tests/engine/test_check.py",
        ("need(number.low <= value <= number.high, allowed)", "need(value <= number.high, allowed)"),
        ("need(register.kind == number.reads, what)", "need(register.kind, what)"),
        ('need(not extra, f"has no arrays {extra}")', "need(True, str(extra))"),
        ("value = least if least < declared.low else largest", "value = least"),
        ("need(side in allowed, found)", "need(side >= 1, found)"),
    ),
    *_of(
        "src/engine/integers.py", "tests/engine/test_integers.py",
        ("return (v + (1 << shift >> 1)) >> shift", "return v >> shift"),
    ),
    *_of(
        "src/engine/packing.py", "tests/engine/test_packing.py",
        ("return -(-count * bits // 8)", "return count * bits // 8 + 1"),
    ),
    *_of(
        "src/engine/artefact.py",
        "tests/engine/test_artefact.py tests/engine/test_checksum.py tests/engine/test_level_files.py",
        ("        checksum.verify(content)", "        pass"),
        ("if indices.max() >= len(levels):", "if indices.max() > len(levels):"),
        ('if array.dtype.kind not in "iu":', 'if array.dtype.kind not in "iuf":'),
    ),
    *_of(
        "src/engine/plans.py", "tests/engine/test_plans.py tests/cost/test_properties.py",
        ("choice = cheaper[savings[cheaper].argmin()]", "choice = cheaper[savings[cheaper].argmax()]"),
        ("return 1 + choice if program.rows > 1 else 0", "return choice if program.rows > 1 else 0"),
        ("if not 0 < value < float", "if not 0 <= value < float"),
    ),
    *_of(
        "src/engine/rungs.py", "tests/engine/test_rungs.py",
        ("totals = np.cumsum([costs[0], *again[1:]])", "totals = np.cumsum(costs)"),
        ("margins=row.margins[: kept - 1])", "margins=row.margins[:kept])"),
        ("if (ladder.costs, ladder.again) != own:", "if ladder.costs != own[0]:"),
    ),
    *_of(
        "src/engine/bounds.py", "tests/engine/test_bounds.py",
        ("channels += channels % 2", "channels += 0"),
        ("return most + max(_scratch(op, shapes) for op in operations), held", "return most, held"),
        ("hold(4 * size, first, end if stays else until)", "hold(4 * size, first, until)"),
        ("written = _begun(operations, source.x) if isinstance(source, Quantise) else i", "written = i"),
        ("pairs = widths if op.w_column == op.a_column else widths**2", "pairs = widths"),
    ),
    *_of("src/kernels/build.py", "tests/kernels/test_build.py", ("cache.find_in(kept_in, name) or _", "_")),
    *_of("src/kernels/lock.py", "tests/kernels/test_lock.py", ("if _leads_to(path, lock):", "if True:")),
]  # fmt: skip

DEPLOY = [
    *_of(
        "src/deploy/integer/fixed_point.py", "tests/deploy/integer/test_fixed_point.py",
        ("room.append(shift - int(rounds_up))", "room.append(shift)"),
        ("np.floor(np.log2(2**30 / largest))", "np.floor(np.log2(2**31 / largest))"),
        ("if shift < 1:", "if shift < 0:"),
    ),
    *_of(
        "src/deploy/integer/folding.py", "tests/deploy/integer/test_lower.py",
        ("offset = beta - mean * factor", "offset = beta + mean * factor"),
        ("if first_row_only:", "if not first_row_only:"),
    ),
    *_of(
        "src/deploy/integer/lower.py", "tests/deploy/integer/test_lower.py",
        ("if len(reader.inputs) == 1:  # else", "if len(reader.inputs) >= 1:  # else"),
        ("return 30 - int(np.ceil(", "return 31 - int(np.floor("),
        ("ways.index(k) if k in ways else 0", "0 if k in ways else 0"),
    ),
    *_of(
        "src/deploy/integer/writer.py", "tests/deploy/integer/test_lower.py",
        ("high = INT32.max if activation.high is None else", "high = INT32.max if activation.high else"),
        ("real = factor * scales[None] * self.unit", "real = factor * scales[None]"),
    ),
    *_of(
        "src/deploy/frozen.py", "tests/deploy/test_frozen.py",
        ("factors = gamma / np.sqrt(variance + EPSILON)", "factors = gamma / np.sqrt(variance)"),
        ("self.factor, self.offset = (Tensor(v[row]", "self.factor, self.offset = (Tensor(v[0]"),
    ),
    *_of(
        "src/deploy/held.py", "tests/deploy/test_held.py",
        ("return int(of_slot[0]), int(of_slot[-1])", "return int(of_slot[0]), int(of_slot[0])"),
        ("row = self.ways.index(plan) if", "row = 0 if"),
    ),
    *_of(
        "src/deploy/settle.py", "tests/deploy/test_settle.py",
        ("return ladder if options.recalibrate is None else None", "return ladder"),
        ("system.forced = len(system.widths) - 1", "system.forced = 0"),
    ),
    *_of(
        "src/deploy/mindir/bundle.py", "tests/deploy/mindir/test_bundle.py",
        ('if (stage.output == NONE) == (stage.decides == NONE):', 'if stage.output == stage.decides == NONE:'),
        ("if key in sections[-1][1]:", "if not key:"),
    ),
]  # fmt: skip

WHERE_FROM = [
    *_of(
        "src/train/asked.py", "tests/train/test_asked.py",
        ("float_top1, suffix + beside)", "float_top1, suffix)"),
        ("if now[section][leaf] != own[section][leaf]", "if now[section][leaf] is not own[section][leaf]"),
    ),
    *_of(
        "src/train/origin.py", "tests/train/test_run_folder.py",
        ("CONTINUATIONS: [*before, describe_process()]", "CONTINUATIONS: [describe_process()]"),
    ),
    *_of(
        "src/report/records.py", "tests/report/test_collect.py",
        ('*((one, "resumed") for one in run.continuations)', '*((one, "resumed") for one in run.continuations[:1])'),
    ),
    *_of(
        "src/report/comparable.py", "tests/report/test_comparable.py",
        ('stages.pop("head", None)', 'stages.get("head")'),
    ),
    *_of(
        "src/search/remembered.py", "tests/search/test_of_run.py",
        ("if found.get(JUDGE) == judge", "if JUDGE in found"),
    ),
]  # fmt: skip

BREAKS = [*QUANTISERS, *TRAIN, *METHODS, *COST, *ENGINE, *DEPLOY, *WHERE_FROM]
