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
"""Breaks of what learns: quantisers, training, methods."""

from tests.mutations.one_break import breaks_of

QUANTISERS = [
    *breaks_of(
        "src/quantizers/rounding.py", "tests/quantizers/test_rounding.py",
        ("ops.floor(v + 0.5)", "ops.rint(v)"),
        ("+ (carrier - ops.stop_gradient(carrier))", "+ (carrier - carrier)"),
    ),
    *breaks_of(
        "src/quantizers/uniform.py", "tests/quantizers/test_lsq.py tests/quantizers/test_pact.py",
        ("ops.minimum(ops.maximum(x * inv, low), high)", "ops.minimum(x * inv, high)"),
        ("inside = ops.logical_and(v > low, v < high)", "inside = ops.logical_and(v > low, v > low)"),
        ("(codes(x, inv, low, high) - v * inside)", "(codes(x, inv, low, high) - v)"),
        ("above = (v >= high)", "above = (v > low)"),
        ("x.sum(tuple(range(1, x.ndim)))", "x.sum(tuple(range(0, x.ndim - 1)))"),
    ),
    *breaks_of(
        "src/quantizers/lsq.py", "tests/quantizers/test_lsq.py",
        ("return 2 * mean / top**0.5", "return mean / top**0.5"),
        (
            "rate / float(weight.size / len(rows) * top_signed(b)) ** 0.5",
            "rate / float(weight.size * top_signed(b)) ** 0.5",
        ),
        ("features = x.size // x.shape[0]", "features = x.size"),
        ("10 ** (-d / 2) for d in below", "10 ** (-d) for d in below"),
    ),
    *breaks_of(
        "src/quantizers/nested.py", "tests/quantizers/test_nested.py",
        ("rounded = round_half_up(q / unit - drop)", "rounded = round_half_up(q / unit)"),
        ("bottom, top = low * self.unit, (high + 1) * self.unit - 1", "bottom, top = low * self.unit, high"),
        ("dout * (code * self.unit - v * inside)", "dout * (code - v * inside)"),
        ("1.0 / (unit**2 *", "1.0 / (unit *"),
        ("scale = scale * self.units[slot]", "scale = scale * self.units[0]"),
    ),
    *breaks_of(
        "src/quantizers/dorefa.py", "tests/quantizers/test_dorefa.py tests/quantizers/test_zeros.py",
        ("u = t / (2 * largest(t)) + 0.5", "u = t / largest(t) + 0.5"),
        ("sign = 2 * (weight >= 0)", "sign = 2 * (weight > 0)"),
        ("return ops.select(top > SMALLEST, top, ops.ones_like(top))", "return top"),
    ),
    *breaks_of(
        "src/quantizers/pact.py", "tests/quantizers/test_pact.py",
        ("return n / alpha, alpha / n, self.lows", "return n / alpha, alpha / (n + 1), self.lows"),
        ("(v <= low).astype(x.dtype) * (low / high)", "(v <= low).astype(x.dtype)"),
    ),
    *breaks_of(
        "src/quantizers/level_starts.py", "tests/quantizers/test_levels.py tests/quantizers/test_properties.py",
        ('(levels[1:] + levels[:-1]) / 2, x, side="right"', '(levels[1:] + levels[:-1]) / 2, x, side="left"'),
        ("above = [2.0**-k for k in range(half - 1)]", "above = [2.0**-k for k in range(half)]"),
    ),
    *breaks_of(
        "src/quantizers/level_table.py", "tests/quantizers/test_levels.py",
        ("whole = self._apart(round_half_up(", "whole = self._apart(ops.floor("),
        ("before = before * own", "before = own"),
        ("return ops.minimum(raised, self.top - (last - block))", "return raised"),
    ),
    *breaks_of(
        "src/quantizers/integer_form.py", "tests/quantizers/test_integer_form.py",
        ("number = (number - 1) / 2 if odd else number", "number = number / 2 if odd else number"),
        ("(np.abs(number + 0.5) < 128)", "(np.abs(number) <= 128)"),
    ),
    *breaks_of(
        "src/quantizers/step_search.py", "tests/quantizers/test_step_search.py",
        ("scale = (steps * grid.factor)", "scale = (steps)"),
        ("off *= importance", "off += importance"),
    ),
]  # fmt: skip

TRAIN = [
    *breaks_of(
        "src/train/schedules.py", "tests/train/test_schedules.py",
        ("rates = [lr * (step + 1) / warmup", "rates = [lr * step / warmup"),
        ("max(1, total - warmup - 1)", "max(1, total - warmup)"),
        ("step >= m * steps_per_epoch", "step > m * steps_per_epoch"),
    ),
    *breaks_of(
        "src/train/losses.py", "tests/train/test_losses.py",
        ("return t * t * divergence", "return t * divergence"),
        ("(1 - self.distill) * loss + self", "loss + self"),
        ("(apart / (size + TINY)).mean()", "(apart / size).mean()"),
    ),
    *breaks_of(
        "src/train/update.py", "tests/train/test_step.py tests/train/test_guard.py",
        ("factor = self.limit / ops.maximum(norm, self.limit)", "factor = self.limit / norm"),
        ("g = ops.select(finite, g * factor, ops.zeros_like(g))", "g = g * factor"),
        ("g = g + self.decays[i] * self.parameters[i]", "g = g - self.decays[i] * self.parameters[i]"),
        ("self.decays = [0.0] * len(decays) if is_adam else decays", "self.decays = decays"),
        ("kernels.momentum(groups, decays, train.momentum,", "kernels.momentum(groups, decays, 0.0,"),
        ("kernels.adamw(groups, decays,", "kernels.adamw(groups, self.decays,"),
        ("distinct.index(schedule)", "0"),
        ("optimizer.assignadd(optimizer.global_step, optimizer.global_step_increase_tensor)", "pass"),
    ),
    *breaks_of(
        "src/train/optimizers.py", "tests/train/test_step.py",
        ("decays = parameter.ndim > 1 or train.decay_norms", "decays = True"),
        ("[rate * scale for rate in rates]", "rates"),
        ("assign(first, np.zeros(first.shape))", "pass"),
    ),
    *breaks_of(
        "src/train/step.py", "tests/train/test_step.py",
        ('ops.stop_gradient(taught["embedding"])', 'taught["embedding"]'),
        (
            "apart = self.task_loss.distance(other, ops.stop_gradient(logits))",
            "apart = self.task_loss.distance(other, logits)",
        ),
    ),
    *breaks_of(
        "src/models/ckpt_file.py", "tests/models/test_ckpt_file.py",
        ("held != taken", "held > taken"),
        ("min(shape, default=0) < 0", "min(shape, default=0) < -9"),
        ("1 if shape == (0,) else prod(shape)", "prod(shape)"),
    ),
    *breaks_of(
        "src/train/post_training.py", "tests/train/test_post_training.py",
        ("equalise(float_network.backbone)", "equalise(system.network.backbone)"),
    ),
    *breaks_of(
        "src/models/equalise.py", "tests/models/test_equalise.py",
        ("[(NORM, i)]", "[(CONV, i)]"),
        ("assign(norm.moving_mean, k * mean)", "assign(norm.moving_mean, mean)"),
        ("/ (variance + EPSILON)) / k)", "/ (variance + EPSILON)))"),
        ("_MOST), 1)", "np.inf), 1)"),
    ),
    *breaks_of(
        "src/methods/__init__.py", "tests/models/test_equalise.py",
        ("if config.quant.equalise and method != FLOAT:", "if config.quant.equalise:"),
    ),
    *breaks_of(
        "src/train/checkpoints.py", "tests/train/test_checkpoints.py",
        ("if not np.isfinite(parameter.asnumpy()).all():", "if np.isnan(parameter.asnumpy()).all():"),
        ("partial.replace(path)", "partial.rename(partial)"),
        ("os.fsync(file.fileno())", "file.fileno()"),
        ('needed = {n: p for n, p in wanted.items() if "learning_rate" not in n}', "needed = wanted"),
        ("misfit = [n for n in needed if n in stored and stored[n].shape != needed[n].shape]", "misfit = []"),
    ),
    *breaks_of(
        "src/train/trainer.py", "tests/train/test_trainer.py",
        ("state.go_to(epoch)", "state.epoch = epoch"),
        ("self.step = build_step(self.objective, self.optimizer, self.train, self.runtime)", "pass"),
    ),
    *breaks_of(
        "src/train/step_numbers.py", "tests/train/test_trainer.py",
        ("return self.sums / self.steps", "return self.sums"),
    ),
    *breaks_of(
        "src/train/resume.py", "tests/train/test_resume.py",
        ("if epochs_done > stage.epochs:", "if epochs_done < 0:"),
        ("if images[0] not in (0, images[1]):", "if images[0] not in (0, images[0]):"),
        ("if rows > 1 and not last.is_file():", "if rows > 9 and not last.is_file():"),
    ),
    *breaks_of(
        "src/train/shuffle.py", "tests/train/test_shuffle.py",
        ("donor[order] = np.roll(order, 1)", "donor[order] = order"),
    ),
    *breaks_of(
        "src/data/chance.py", "tests/data/test_chance.py tests/train/test_shuffle.py",
        ("for k in range(heads, tosses + 1):", "for k in range(heads, tosses):"),
        ("ways = ways * (tosses - k) // (k + 1)", "ways = ways * (tosses - k) // k"),
    ),
    *breaks_of(
        "src/train/evaluate.py", "tests/train/test_evaluate.py",
        ("keep = slice(0, batch.valid)", "keep = slice(0, None)"),
        ('rows["in_top5"][index] = better < 5', 'rows["in_top5"][index] = better <= 5'),
        ("better = (logits > logits", "better = (logits >= logits"),
    ),
    *breaks_of(
        "src/train/escalate.py", "tests/train/test_escalate.py",
        ("tuple(cost - shared for cost in costs)", "tuple(cost for cost in costs)"),
        ("changes = np.cumsum([answers", "changes = np.array([answers"),
    ),
    *breaks_of(
        "src/train/recalibrate.py", "tests/train/test_recalibrate.py",
        ("assign(self.parameter, np.zeros_like(self.before))", "pass"),
        ("system.forced = forced", "pass  # forced"),
    ),
]  # fmt: skip

METHODS = [
    *breaks_of(
        "src/methods/budget.py", "tests/methods/test_budget.py",
        ("ops.relu(mean_bits - self.target)", "ops.abs(mean_bits - self.target)"),
        ("return bits[:, :, 0] * bits[:, :, 1]", "return bits[:, :, 0] * bits[:, :, 0]"),
        ("self.diversity * (1.0 - information)", "self.diversity * information"),
        ("+ self.fixed / self.target_bitops", "+ 0.0 / self.target_bitops"),
        ("ops.relu(self.priced(plan) - 1.0)", "ops.relu(self.relative(plan) - 1.0)"),
    ),
    *breaks_of(
        "src/methods/dqt.py", "tests/methods/test_dqt.py",
        ("self.beta * ops.relu(expected - self.free)", "self.beta * ops.relu(expected)"),
        ("row = self._rows_of_widths()[forced]", "row = self._rows_of_widths()[0]"),
        ("consistency=options.alpha if options.subset else 0.0", "consistency=options.alpha"),
    ),
    *breaks_of(
        "src/methods/ddq_budget.py", "tests/methods/test_ddq.py",
        ("factor = (1.0 + over) ** self.alpha", "factor = over**self.alpha"),
        ("self._zeta(*others) <= self.target", "self._zeta(*others) >= self.target"),
        ("number < width - table.least, SETTLED", "number <= width - table.least, SETTLED"),
    ),
    *breaks_of(
        "src/methods/base.py", "tests/methods/test_ddq.py",
        (
            "epoch > min(round(epochs * (1 - share)), epochs - 1)",
            "epoch >= min(round(epochs * (1 - share)), epochs - 1)",
        ),
    ),
    *breaks_of(
        "src/methods/abn.py", "tests/methods/test_abn_finetune.py tests/methods/test_abn.py",
        ("judged_at=(trained[0], trained[-1])", "judged_at=(trained[0], trained[0])"),
        ("learns=lambda name: not is_of_controller(name)", "learns=lambda name: is_of_controller(name)"),
        ("rising = all(a >= b for", "rising = all(a <= b for"),
    ),
    *breaks_of("src/methods/agent_episodes.py", "tests/methods/test_abn_agent.py", ("exp(self.fall", "exp(-self.fall")),
    *breaks_of(
        "src/methods/agent_ppo.py", "tests/methods/test_abn_agent.py", ("+ (-price * agent", "+ (price * agent")
    ),
    *breaks_of(
        "src/methods/agent_counterfactual.py", "tests/methods/test_abn_agent.py",
        ("better = worth - worth.mean(1, keep_dims=True)", "better = worth"),
        ("[rng.integers(slots, size=images)]", "[noise[:, :, 0, 0].argmax(1)]"),
    ),
    *breaks_of(
        "src/methods/abn_agent.py", "tests/methods/test_abn_agent.py",
        ("spent.append((answers().bitops.mean() - agent.cheapest)", "spent.append((answers().bitops.mean())"),
    ),
    *breaks_of(
        "src/methods/counterfactual.py", "tests/methods/test_counterfactual.py",
        ("+ self.prices).argmin(1)", "- self.prices).argmin(1)"),
        ("ways = [*range(self.choices), None]", "ways = [None, *range(self.choices)]"),
    ),
    *breaks_of(
        "src/methods/rules.py", "tests/methods/test_rules.py tests/methods/test_build.py",
        ('own = "lsq" if name in ends else', 'own = "lsq" if name == names[0] else'),
        ("specs, ends = {}, (names[0], names[-1])", "specs, ends = {}, (names[0], names[0])"),
    ),
    *breaks_of(
        "src/controllers/ppo.py", "tests/controllers/test_agent.py tests/methods/test_abn_agent.py",
        ("rewards[s] + following - values[s] + trace * ahead", "rewards[s] + following - values[s] + ahead"),
        ("gain = ops.minimum(ratio * scaled, bounded * scaled).mean()", "gain = (ratio * scaled).mean()"),
    ),
    *breaks_of(
        "src/controllers/agent.py", "tests/controllers/test_agent.py",
        ("self.extras = [price - price.min() for price in prices]", "self.extras = [price for price in prices]"),
        ("spent = spent + self.extra(slot, choice)", "spent = self.extra(slot, choice)"),
    ),
]  # fmt: skip
