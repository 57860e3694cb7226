"""The page that lists how the operators fare."""

import collections
import os

import onnx

from cases import DATA, MODES
from outcome import PASS

KINDS = {
    "light": "(networks)",
    "simple": "(simple models)",
    "pytorch-converted": "(modules exported by PyTorch)",
    "pytorch-operator": "(operators exported by PyTorch)",
}


def operator_of(name):
    """The operator that a test is about: the only one, for an operator that was
    expanded into its function's body that operator, else the one that the
    test's name has, or the first."""
    kind, test = name.split("/")
    if kind in KINDS:
        return KINDS[kind]
    folder = os.path.join(DATA, name)
    base = folder.removesuffix("_expanded").removesuffix("_expanded_ver18")
    model = onnx.load(os.path.join(base if os.path.exists(base) else folder, "model.onnx"))
    operators = [node.op_type for node in model.graph.node]
    plain = test.replace("_", "")
    named = [op for op in operators if op.lower() in plain]
    return max(named, key=len) if named else operators[0]


def _shorten_ulp(ulp):
    return f"{ulp:.0f}" if ulp >= 100 else f"{ulp:.2g}"


def _rows(results):
    """`results` are lists of (name, reason, detail, ulp) by mode. -> lines."""
    tests = collections.defaultdict(dict)
    for mode, lines in results.items():
        for name, reason, _, ulp in lines:
            tests[name][mode] = (reason, ulp)
    operators = collections.defaultdict(list)
    for name, outcomes in tests.items():
        operators[operator_of(name)].append(outcomes)
    for operator, group in sorted(operators.items(), key=lambda row: (row[0][0] == "(", row[0])):
        passed = [
            str(sum(outcomes.get(mode, ("",))[0] == PASS for outcomes in group)) for mode in MODES
        ]
        ulps = [ulp for outcomes in group for reason, ulp in outcomes.values() if reason == PASS]
        others = collections.Counter(
            reason
            for outcomes in group
            for reason in {reason for reason, _ in outcomes.values()} - {PASS}
        )
        why = ", ".join(
            reason + (f" ({count})" if count > 1 else "") for reason, count in sorted(others.items())
        )
        cells = [operator, str(len(group)), *passed, _shorten_ulp(max(ulps)) if ulps else "", why]
        yield "| " + " | ".join(cells) + " |"


def write_table(path, results):
    total = {mode: sum(line[1] == PASS for line in lines) for mode, lines in results.items()}
    count = max(len(lines) for lines in results.values())
    with open(path, "w") as file:
        file.write(
            f"""# Conformance, operator by operator

Written by `tools/conformance.sh all --table docs/conformance-results.md` from the
tests of the onnx package {onnx.__version__}; [conformance.md](conformance.md) says what the
modes and the reasons mean. Of {count} tests {total["static"]} pass with the models' shapes,
{total["dynamic"]} with dynamic shapes and {total["constant"]} with constant inputs. The largest error of
those that pass is in units of the last place of the expected number; 0 also
stands where all outputs are integers, and near zero few units are much.

| operator | tests | static | dynamic | constant | largest ULP | others |
|---|---|---|---|---|---|---|
"""
        )
        file.writelines(line + "\n" for line in _rows(results))
