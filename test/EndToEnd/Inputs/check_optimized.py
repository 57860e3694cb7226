#!/usr/bin/env python3
"""Cases of shared/models after ONNX Runtime's optimiser, which writes operators of
its own, against the outputs that PyTorch gave.

    check_optimized.py WINNOW MODELS_FOLDER WORK_FOLDER "CASE: OPERATOR ...: SITES"...

The optimised model of each case must have the operators, and its report say SITES of
attention.
"""

import os
import sys

import onnx
import onnxruntime
from check_shared import check_case
from support import Checker, folder_of


def optimize(model, path):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = path
    options.log_severity_level = 3
    # Beyond this level are layouts that only this machine's peer knows.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return path


def main():
    tool, models, work, *cases = sys.argv[1:]
    check = Checker()
    for each in cases:
        name, operators, attention = each.split(": ")
        case = os.path.join(models, name)
        folder = folder_of(os.path.join(work, name))
        path = optimize(os.path.join(case, "model.onnx"), os.path.join(folder, "optimized.onnx"))
        found = {node.op_type for node in onnx.load(path).graph.node}
        missing = set(operators.split()) - found
        if missing:
            check.errors.append(f"{name}: expected the optimiser to write {', '.join(sorted(missing))}")
        check_case(tool, case, os.path.join(folder, "out"), {"attention": attention}, check, path)
    check.finish()


main()
