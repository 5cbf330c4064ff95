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
"""Breaks of what answers: costs, engine, exports, and where numbers come from."""

from tests.mutations.one_break import breaks_of

COST = [
    *breaks_of(
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
    *breaks_of(
        "src/cost/ladder.py", "tests/cost",
        ("(margins[rung] < threshold)", "(margins[rung] <= threshold)"),
        ("passes[0] = self.costs[", "passes[0] = self.again["),
        ("if row.bitops <= budget]", "if row.bitops < budget]"),
        ("if not front or row.top1 > front[-1].top1:", "if not front or row.top1 >= front[-1].top1:"),
        ("sorted({0, *last.tolist()})", "sorted({*last.tolist()})"),
    ),
    *breaks_of(
        "src/cost/spending.py", "tests/cost",
        ("spent = np.maximum.accumulate(self.spent)", "spent = np.array(self.spent)"),
    ),
    *breaks_of(
        "src/cost/named_plans.py", "tests/cost",
        ("if len(found) > 1 or ((before != choice)", "if ((before != choice)"),
        (
            "if columns == 2 and w in layer.w_bits and a in layer.a_bits:",
            "if w in layer.w_bits and a in layer.a_bits:",
        ),
    ),
    *breaks_of(
        "src/cost/latency.py", "tests/cost",
        ("times = [table.fixed_ms, table.kept_ms, *", "times = [table.fixed_ms, *"),
        ("alike if columns == 1 else product(layer.w_bits, layer.a_bits)", "alike"),
    ),
    *breaks_of(
        "src/cost/widths.py", "tests/cost",
        (">= COLLAPSE_SHARE", "> COLLAPSE_SHARE"),
    ),
]  # fmt: skip

ENGINE = [
    *breaks_of(
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
    *breaks_of(
        "src/engine/structure.py", "tests/engine/test_check.py",
        ("need(number.low <= value <= number.high, allowed)", "need(value <= number.high, allowed)"),
        ("need(register.kind == number.reads, what)", "need(register.kind, what)"),
        ('need(not extra, f"has no arrays {extra}")', "need(True, str(extra))"),
        ("value = least if least < declared.low else largest", "value = least"),
        ("need(side in allowed, found)", "need(side >= 1, found)"),
    ),
    *breaks_of(
        "src/engine/integers.py", "tests/engine/test_integers.py",
        ("return (v + (1 << shift >> 1)) >> shift", "return v >> shift"),
    ),
    *breaks_of(
        "src/engine/packing.py", "tests/engine/test_packing.py",
        ("return -(-count * bits // 8)", "return count * bits // 8 + 1"),
    ),
    *breaks_of(
        "src/engine/artefact.py",
        "tests/engine/test_artefact.py tests/engine/test_checksum.py tests/engine/test_level_files.py",
        ("        checksum.verify(content)", "        pass"),
        ("if indices.max() >= len(levels):", "if indices.max() > len(levels):"),
        ('if array.dtype.kind not in "iu":', 'if array.dtype.kind not in "iuf":'),
    ),
    *breaks_of(
        "src/engine/plans.py", "tests/engine/test_plans.py tests/cost/test_properties.py",
        ("choice = cheaper[savings[cheaper].argmin()]", "choice = cheaper[savings[cheaper].argmax()]"),
        ("return 1 + choice if program.rows > 1 else 0", "return choice if program.rows > 1 else 0"),
        ("if not 0 < value < float", "if not 0 <= value < float"),
    ),
    *breaks_of(
        "src/engine/rungs.py", "tests/engine/test_rungs.py",
        ("totals = np.cumsum([costs[0], *again[1:]])", "totals = np.cumsum(costs)"),
        ("margins=row.margins[: kept - 1])", "margins=row.margins[:kept])"),
        ("if (ladder.costs, ladder.again) != own:", "if ladder.costs != own[0]:"),
    ),
    *breaks_of(
        "src/engine/bounds.py", "tests/engine/test_bounds.py",
        ("channels += channels % 2", "channels += 0"),
        ("return most + max(_scratch(op, shapes) for op in operations), held", "return most, held"),
        ("hold(4 * size, first, end if stays else until)", "hold(4 * size, first, until)"),
        ("written = _begun(operations, source.x) if isinstance(source, Quantise) else i", "written = i"),
        ("pairs = widths if op.w_column == op.a_column else widths**2", "pairs = widths"),
    ),
    *breaks_of("src/kernels/build.py", "tests/kernels/test_build.py", ("cache.find_in(kept_in, name) or _", "_")),
    *breaks_of("src/kernels/lock.py", "tests/kernels/test_lock.py", ("if _leads_to(path, lock):", "if True:")),
]  # fmt: skip

DEPLOY = [
    *breaks_of(
        "src/deploy/integer/fixed_point.py", "tests/deploy/integer/test_fixed_point.py",
        ("room.append(shift - int(rounds_up))", "room.append(shift)"),
        ("np.floor(np.log2(2**30 / largest))", "np.floor(np.log2(2**31 / largest))"),
        ("if shift < 1:", "if shift < 0:"),
    ),
    *breaks_of(
        "src/deploy/integer/folding.py", "tests/deploy/integer/test_lower.py",
        ("offset = beta - mean * factor", "offset = beta + mean * factor"),
        ("if first_row_only:", "if not first_row_only:"),
    ),
    *breaks_of(
        "src/deploy/integer/lower.py", "tests/deploy/integer/test_lower.py",
        ("if len(reader.inputs) == 1:  # else", "if len(reader.inputs) >= 1:  # else"),
        ("return 30 - int(np.ceil(", "return 31 - int(np.floor("),
        ("ways.index(k) if k in ways else 0", "0 if k in ways else 0"),
    ),
    *breaks_of(
        "src/deploy/integer/writer.py", "tests/deploy/integer/test_lower.py",
        ("high = INT32.max if activation.high is None else", "high = INT32.max if activation.high else"),
        ("real = factor * scales[None] * self.unit", "real = factor * scales[None]"),
    ),
    *breaks_of(
        "src/deploy/frozen.py", "tests/deploy/test_frozen.py",
        ("factors = gamma / np.sqrt(variance + EPSILON)", "factors = gamma / np.sqrt(variance)"),
        ("self.factor, self.offset = (Tensor(v[row]", "self.factor, self.offset = (Tensor(v[0]"),
    ),
    *breaks_of(
        "src/deploy/held.py", "tests/deploy/test_held.py",
        ("return int(of_slot[0]), int(of_slot[-1])", "return int(of_slot[0]), int(of_slot[0])"),
        ("row = self.ways.index(plan) if", "row = 0 if"),
    ),
    *breaks_of(
        "src/deploy/settle.py", "tests/deploy/test_settle.py",
        ("return ladder if options.recalibrate is None else None", "return ladder"),
        ("system.forced = len(system.widths) - 1", "system.forced = 0"),
    ),
    *breaks_of(
        "src/deploy/mindir/bundle.py", "tests/deploy/mindir/test_bundle.py",
        ('if (stage.output == NONE) == (stage.decides == NONE):', 'if stage.output == stage.decides == NONE:'),
        ("if key in sections[-1][1]:", "if not key:"),
    ),
]  # fmt: skip

WHERE_FROM = [
    *breaks_of(
        "src/train/asked.py", "tests/train/test_asked.py",
        ("float_top1, suffix + beside)", "float_top1, suffix)"),
        ("if now[section][leaf] != own[section][leaf]", "if now[section][leaf] is not own[section][leaf]"),
    ),
    *breaks_of(
        "src/train/origin.py", "tests/train/test_run_folder.py",
        ("CONTINUATIONS: [*before, describe_process()]", "CONTINUATIONS: [describe_process()]"),
    ),
    *breaks_of(
        "src/report/records.py", "tests/report/test_collect.py",
        ('*((one, "resumed") for one in run.continuations)', '*((one, "resumed") for one in run.continuations[:1])'),
    ),
    *breaks_of(
        "src/report/comparable.py", "tests/report/test_comparable.py",
        ('stages.pop("head", None)', 'stages.get("head")'),
    ),
    *breaks_of(
        "src/search/remembered.py", "tests/search/test_of_run.py",
        ("if found.get(JUDGE) == judge", "if JUDGE in found"),
    ),
]  # fmt: skip
