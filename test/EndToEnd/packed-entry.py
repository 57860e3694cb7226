# RUN: %python %s %S/Inputs %S/../models/make_model.py %winnow %t
"""The form of a model that takes sequences without padding, against ONNX Runtime on each
sequence alone."""

import os
import subprocess
import sys

sys.path.insert(0, sys.argv[1])

import numpy as np
import onnx
from onnx import TensorProto, helper
from support import Checker, compile_model, folder_of, open_onnxruntime

import winnow

MAKE_MODEL, TOOL, WORK = sys.argv[2:]
# Rounding through two layers of another order of sums, relative to the largest output.
TOLERANCE = 1e-5


def make_bert(path, edit=None):
    subprocess.run([sys.executable, MAKE_MODEL, "bert", "ts17", path], check=True)
    if edit:
        model = onnx.load(path)
        edit(model.graph)
        onnx.checker.check_model(model)
        onnx.save(model, path)


def mask_from_ids(graph):
    """A token of number 0 is padding."""
    (mask,) = [value for value in graph.input if value.name == "attention_mask"]
    graph.input.remove(mask)
    zero = helper.make_tensor("no_token", TensorProto.INT64, [], [0])
    graph.initializer.append(zero)
    nodes = [helper.make_node("Equal", ["input_ids", "no_token"], ["is_padding"]),
             helper.make_node("Not", ["is_padding"], ["is_token"]),
             helper.make_node("Cast", ["is_token"], ["attention_mask"], to=TensorProto.INT64)]  # fmt: skip
    for node in reversed(nodes):
        graph.node.insert(0, node)


def sum_from_end(graph):
    """Token types that are summed up from the end of the padded sequence."""
    axis = helper.make_tensor("sum_axis", TensorProto.INT64, [], [1])
    graph.initializer.append(axis)
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name == "token_type_ids":
                node.input[i] = "summed_types"
    inputs = ["token_type_ids", "sum_axis"]
    graph.node.insert(0, helper.make_node("CumSum", inputs, ["summed_types"], reverse=1))


def random_sequences(rng, inputs, lengths):
    """-> for each sequence the arrays [1, length] of the inputs but the mask."""
    return [{name: rng.integers(1, 2 if "type" in name else 99, (1, length)).astype(np.int64)
             for name in inputs if name != "attention_mask"}
            for length in lengths]  # fmt: skip


def check_model(name, model, check):
    reference = open_onnxruntime(model)
    session = winnow.Session(compile_model(TOOL, model, folder_of(os.path.join(WORK, name))), 2)
    rng = np.random.default_rng(6)
    for lengths in ([7], [1, 1, 1], [5, 0, 30, 1, 0], [0, 2], [3] * 20, rng.integers(1, 33, 6)):
        sequences = random_sequences(rng, reference.inputs, lengths)
        packed = {key: np.concatenate([s[key][0] for s in sequences]) for key in sequences[0]}
        packed["cu_seqlens"] = np.cumsum([0, *lengths], dtype=np.int32)
        got = dict(zip(reference.names, session.run_packed(None, packed)))
        for row, (length, sequence) in enumerate(zip(lengths, sequences)):
            if length == 0:
                continue
            if "attention_mask" in reference.inputs:
                sequence["attention_mask"] = np.ones((1, length), np.int64)
            want = reference(sequence)
            begin, end = packed["cu_seqlens"][row : row + 2]
            for key, value in want.items():
                part = got[key][begin:end] if value.ndim == 3 else got[key][row]
                scale = TOLERANCE * np.abs(value).max()
                check.close(f"{name}: {key}, sequence {row} of {lengths}", part, value[0], scale)


def check_refusals(model, check):
    session = winnow.Session(model)
    ids = np.ones(10, np.int64)
    for starts, message in (([0, 5, 3, 10], "that do not fall"), ([1, 10], "begin with token 0"),
                            ([0, 9], "end with the last token"), ([0, 11], "that do not fall"),
                            ([0, -1, 10], "that do not fall")):  # fmt: skip
        feeds = {"input_ids": ids, "token_type_ids": 0 * ids}
        try:
            session.run_packed(None, {**feeds, "cu_seqlens": np.array(starts, np.int32)})
            check.errors.append(f"{starts}: expected an error")
        except winnow.RunCheckError as error:
            if message not in str(error):
                check.errors.append(f"{starts}: expected '{message}', got '{error}'")
    # Longer than the table of positions.
    feeds = {"input_ids": np.ones(1000, np.int64), "token_type_ids": np.zeros(1000, np.int64)}
    try:
        session.run_packed(None, {**feeds, "cu_seqlens": np.array([0, 1000], np.int32)})
        check.errors.append("expected an error for a sequence of 1000 tokens")
    except winnow.Error:
        pass


def check_no_form(model, check):
    session = winnow.Session(model)
    try:
        session.run_packed(None, {})
        check.errors.append("expected no packed form")
    except winnow.NotFoundError as error:
        if "there is no run_packed: 'cumsum' combines tokens" not in str(error):
            check.errors.append(f"expected the reason, got '{error}'")


def main():
    os.makedirs(WORK, exist_ok=True)
    check = Checker()
    paths = {name: os.path.join(WORK, name + ".onnx") for name in ("bert", "from-ids", "no-form")}
    make_bert(paths["bert"])
    make_bert(paths["from-ids"], mask_from_ids)
    make_bert(paths["no-form"], sum_from_end)
    check_model("bert", paths["bert"], check)
    check_model("from-ids", paths["from-ids"], check)
    check_refusals(paths["bert"], check)
    check_no_form(paths["no-form"], check)
    check.finish()


if __name__ == "__main__":
    main()
