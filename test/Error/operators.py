"""Inputs that operators cannot take: too few, of types and shapes that do not
fit, with values that name what is not there or ask for too much."""
# RUN: %python %s %winnow %t

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
from corpus import BIG, BOOL, INT64, TensorProto, W, X, build, edit, helper, ints, node, np, one, refuse, value

LEAST, MOST = -(2**63), 2**63 - 1
SQUARE = [value("x", [4, 4])]
IDS = value("i", ["n"], INT64)


def floats(*shape):
    return np.ones(shape, np.float32)


def shape_of(nodes, constants=None):
    """Nodes after s = Shape(x)."""
    return build([node("Shape", "x", "s")] + nodes, X, ["y"], constants)


ONE = helper.make_graph([node("Identity", "a", "b")], "body", [value("a", None)], [value("b", None)])
ROUND = helper.make_graph([node("Identity", "c2", "c3"), node("Identity", "i", "j")], "body", [value("i", [], INT64), value("c2", [], BOOL)],
                          [value("c3", [], BOOL), value("j", [], INT64)])
FLOATING = helper.make_graph([node("Cast", "i", "c3", to=1), node("Identity", "i", "j")], "body", [value("i", [], INT64), value("c2", [], BOOL)],
                             [value("c3", [], TensorProto.FLOAT), value("j", [], INT64)])

refuse({
    # Numbers of inputs.
    "loop on a number": (one("Loop", {"c": np.float32(1)}, "- c", body=ROUND),
                         "node 'Loop#0': Loop, opset 18: expected a bool as input 1, got float32"),
    "loop to a number": (one("Loop", {"m": np.int64(3)}, "m -", body=FLOATING), "node 'Loop#0': Loop, opset 18: expected value 0 that one iteration hands to the next to have one element type, got bool and float32"),
    "scan of a huge count": (build([node("Scan", "- x", "y", body=ONE, num_scan_inputs=2**62)], X, ["y"], opset=8),
                             "node 'Scan#0': Scan, opset 8: expected num_scan_inputs in [1, 2) and a body of as many outputs as the node, got 4611686018427387904 and 1"),
    "scan with a gap": (one("Scan", inputs="- x", body=ONE, num_scan_inputs=1), "node 'Scan#0': Scan, opset 18: expected input 0, got none"),
    "missing input": (one("Add"), "node 'Add#0': Add, opset 18: expected input 1, got none"),
    "empty input": (build([node("Add", "x -", "y")], X, ["y"]), "node 'Add#0': Add, opset 18: expected input 1, got none"),
    "too many inputs": (one("Relu", inputs="x x x"), "node 'Relu#0': Relu, opset 18: expected at most 1 inputs, got 3"),
    "list with a gap": (one("SequenceConstruct", inputs="x -"), "node 'SequenceConstruct#0': SequenceConstruct, opset 18: expected input 1, got none"),
    "no inputs": (one("Relu", inputs=""), "node 'Relu#0': Relu, opset 18: expected input 0, got none"),
    "no pads": (one("Pad"), "node 'Pad#0': Pad, opset 18: expected input 1, got none"),
    "threshold for each box": (build([node("NonMaxSuppression", "b s m t", "y")], [value("b", [1, 2, 4]), value("s", [1, 1, 2])], ["y"], {"m": ints(1), "t": floats(2)}),
                               "node 'NonMaxSuppression#0': NonMaxSuppression, opset 18: expected the elements of input 3 and 1 to match, got 2 and 1"),
    "axes of a huge rank": (build([node("Unsqueeze", "x a", "y")], X + [value("a", [65536], INT64)], ["y"]),
                            "1 node is not supported:\n  node 'Unsqueeze#0' (Unsqueeze, opset 18): input 1 has 65536 elements, above the limit of ranks of 64"),
    "slice of no axes": (build([node("Slice", "x i i e", "y")], X + [value("i", [3], INT64)], ["y"], {"e": ints()}),
                         "node 'Slice#0': Slice, opset 18: expected the numbers of starts and axes to match, got 3 and 0"),
    "no starts": (one("Slice"), "node 'Slice#0': Slice, opset 18: expected starts and ends, got none"),
    # Types.
    "types of an addition": (one("Add", {"w": np.ones(4, np.int64)}, "x w"), "node 'Add#0': Add, opset 18: expected operand element types to match, got 'f32' and 'i64'"),
    "types of a concatenation": (one("Concat", {"w": np.ones((1, 4), np.int64)}, "x w", axis=0), "node 'Concat#0': Concat, opset 18: expected operand element types to match, got 'f32' and 'i64'"),
    "types of a product": (one("MatMul", {"w": np.ones((4, 4))}, "x w"), "node 'MatMul#0': MatMul, opset 18: expected operand element types to match, got 'f32' and 'f64'"),
    "softmax of integers": (one("Softmax", inputs="i", args=[value("i", [4], INT64)]), "node 'Softmax#0': Softmax, opset 18: expected floating-point values, got int64"),
    "conjunction of floats": (one("And", inputs="x x"), "node 'And#0': And, opset 18: expected integer values, got float32"),
    "negation of floats": (one("Not"), "node 'Not#0': Not, opset 18: expected integer values, got float32"),
    "choice by floats": (one("Where", inputs="x x x"), "node 'Where#0': Where, opset 18: expected boolean values, got float32"),
    "square root of booleans": (one("Sqrt", inputs="b", args=[value("b", [4], BOOL)]), "node 'Sqrt#0': Sqrt, opset 18: expected floating-point values, got bool"),
    "sum of float8": (one("Add", inputs="f f", args=[value("f", [4], TensorProto.FLOAT8E5M2)]), "node 'Add#0': Add, opset 18: expected floating-point or integer values, got float8e5m2, which is stored, moved and cast only"),
    "negation of nibbles": (one("Neg", inputs="i", args=[value("i", [4], TensorProto.INT4)]), "node 'Neg#0': Neg, opset 18: expected floating-point or integer values, got int4, which is stored, moved and cast only"),
    "range of nibbles": (one("Range", inputs="i i i", args=[value("i", [], TensorProto.INT4)]), "node 'Range#0': Range, opset 18: expected floating-point or integer values, got int4, which is stored, moved and cast only"),
    "rounding by a mode of its own": (one("Cast", to=TensorProto.FLOAT8E8M0, round_mode="sideways"), "node 'Cast#0': Cast, opset 18: expected round_mode up, down or nearest, got 'sideways'"),
    "indices that are floats": (one("Gather", inputs="x x"), "node 'Gather#0': Gather, opset 18: expected integer values, got float32"),
    "scatter indices that are floats": (one("ScatterElements", inputs="x x x"), "node 'ScatterElements#0': ScatterElements, opset 18: expected indices of type int32 or int64"),
    "shape that is floats": (one("Reshape", {"s": floats(2)}, "x s"), "node 'Reshape#0': Reshape, opset 18: expected integers as input 1, got float32"),
    "unknown attention type": (
        build([node("Attention", "q q q", "y")], [value("q", [1, 2, 3, 8], INT64)], ["y"], opset=23), "node 'Attention#0': Attention, opset 23: expected floating-point values, got int64"),
    # Shapes.
    "broadcast": (one("Add", {"w": floats(3)}, "x w"), "node 'Add#0': Add, opset 18: expected dimension 1 of the operands to match, got 4 and 3"),
    "broadcast of inputs": (
        build([node("Add", "a b", "y")], [value("a", [2, 3]), value("b", [3, 2])], ["y"]), "node 'Add#0': Add, opset 18: expected dimension 0 of the operands to match, got 2 and 3"),
    "inner dimensions": (one("MatMul", {"w": floats(5, 4)}, "x w"), "node 'MatMul#0': MatMul, opset 18: expected the inner dimensions to match, got 4 and 5"),
    "product of scalars": (one("MatMul", {"w": np.float32(1)}, "x w"), "node 'MatMul#0': MatMul, opset 18: expected operands of rank 1 or more, got ranks 2 and 0"),
    "batch dimensions": (
        build([node("MatMul", "a b", "y")], [value("a", [2, 3, 4]), value("b", [3, 4, 5])], ["y"]), "node 'MatMul#0': MatMul, opset 18: expected dimension 0 of the operands to match, got 2 and 3"),
    "gemm ranks": (one("Gemm", {"w": floats(1, 4, 4)}, "x w"), "node 'Gemm#0': Gemm, opset 18: expected operands of rank 2, got ranks 2 and 3"),
    "gemm inner dimensions": (one("Gemm", {"w": floats(4, 5)}, "x w", transB=1), "node 'Gemm#0': Gemm, opset 18: expected the inner dimensions to match, got 4 and 5"),
    "gemm bias": (one("Gemm", {"w": floats(4, 5), "c": floats(3)}, "x w c"), "node 'Gemm#0': Gemm, opset 18: expected dimension 1 of the operands to match, got 5 and 3"),
    "concatenated ranks": (one("Concat", {"w": floats(4)}, "x w", axis=0), "node 'Concat#0': Concat, opset 18: expected input ranks to match, got 2 and 1"),
    "concatenated dimensions": (one("Concat", {"w": floats(1, 5)}, "x w", axis=0), "node 'Concat#0': Concat, opset 18: expected dimension 1 of the inputs to match, got 4 and 5"),
    "concatenated scalars": (one("Concat", args=[value("x", [])], axis=0), "node 'Concat#0': Concat, opset 18: expected an axis in [0, 0), got 0"),
    "split sizes": (build([node("Split", "x n", "y z", axis=1)], X, ["y", "z"], {"n": ints(3, 2)}), "node 'Split#0': Split, opset 18: expected the dimension and the sum of the sizes to match, got 4 and 5"),
    "negative split sizes": (build([node("Split", "x n", "y z", axis=1)], X, ["y", "z"], {"n": ints(5, -1)}), "node 'Split#0': Split, opset 18: expected sizes of 0 or more, got [5, -1]"),
    "number of split sizes": (build([node("Split", "x n", "y z", axis=1)], X, ["y", "z"], {"n": ints(4)}), "node 'Split#0': Split, opset 18: expected 2 sizes, got 1"),
    "integer convolution ranks": (build([node("ConvInteger", "x x", "y")], [value("x", ["n"], TensorProto.UINT8)], ["y"]),
                                  "node 'ConvInteger#0': ConvInteger, opset 18: expected input and weights of one rank of 3 or more, got ranks 1 and 1"),
    "convolution ranks": (one("Conv", {"w": W}, "x w"), "node 'Conv#0': Conv, opset 18: expected input and weights of one rank of 3 or more, got ranks 2 and 2"),
    "convolution channels": (one("Conv", {"w": floats(4, 3, 3)}, "x w", args=[value("x", [1, 4, 8])]), "node 'Conv#0': Conv, opset 18: expected the channels of input and weights to match, got 3 and 4"),
    "convolution bias": (
        one("Conv", {"w": floats(4, 4, 3), "b": floats(3)}, "x w b", args=[value("x", [1, 4, 8])]), "node 'Conv#0': Conv, opset 18: expected the channels of output and bias to match, got 3 and 4"),
    "normalisation scale": (one("LayerNormalization", {"w": floats(3)}, "x w", axis=-1), "node 'LayerNormalization#0': LayerNormalization, opset 18: expected dimension 1 of the operands to match, got 4 and 3"),
    "batch normalisation of a vector": (
        one("BatchNormalization", {"w": floats(4)}, "x w w w w", args=[value("x", [4])]), "node 'BatchNormalization#0': BatchNormalization, opset 18: expected an input of rank 2 or more and parameters of rank 1, got ranks 1 and 1"),
    "pooled regions": (one("MaxRoiPool", {"r": floats(2, 5)}, "x r", args=[value("x", [1, 4, 8, 8])], pooled_shape=[2]), "node 'MaxRoiPool#0': MaxRoiPool, opset 18: expected two sizes from 1 to 65536 as pooled_shape"),
    "gathered pairs": (one("GatherND", {"i": np.zeros((1, 3), np.int64)}, "x i"), "node 'GatherND#0': GatherND, opset 18: expected the last dimension of indices in [1, 2], got 3"),
    "gathered ranks": (one("GatherElements", {"i": ints(0)}, "x i"), "node 'GatherElements#0': GatherElements, opset 18: expected data and indices of one rank, got 2 and 1"),
    "scattered ranks": (one("ScatterElements", {"i": ints(0), "u": floats(1)}, "x i u"), "node 'ScatterElements#0': ScatterElements, opset 18: expected data, indices and updates of one rank, got 2, 1 and 1"),
    "scattered updates": (
        one("ScatterND", {"i": np.zeros((2, 1), np.int64), "u": floats(3, 4)}, "x i u", args=SQUARE), "node 'ScatterND#0': ScatterND, opset 18: expected dimension 0 of the updates to match, got 2 and 3"),
    "scattered tuples": (one("ScatterND", {"i": np.zeros((1, 3), np.int64), "u": floats(1)}, "x i u"), "node 'ScatterND#0': ScatterND, opset 18: expected index tuples of at most 2 indices, got 3"),
    "scattered scalars": (one("ScatterND", {"i": np.int64(0), "u": floats(4)}, "x i u"), "node 'ScatterND#0': ScatterND, opset 18: expected indices of rank 1 or more, got rank 0"),
    "einsum dimensions": (one("Einsum", {"w": floats(5, 4)}, "x w", equation="ab,bc->ac"), "node 'Einsum#0': Einsum, opset 18: expected dimensions of one letter to match, got 4 and 5"),
    "scales of a scalar": (
        one("DequantizeLinear", {"s": floats(2)}, "x s", args=[value("x", [], TensorProto.UINT8)]),
        "node 'DequantizeLinear#0': DequantizeLinear, opset 18: expected an axis in [0, 0), got 1"),
    "triangle of a vector": (one("Trilu", args=[value("x", [4])]), "node 'Trilu#0': Trilu, opset 18: expected an input of rank 2 or more, got rank 1"),
    "attention batch": (
        build([node("Attention", "q k k", "y")], [value("q", [1, 2, 3, 8]), value("k", [2, 2, 3, 8])], ["y"],
              opset=23), "node 'Attention#0': Attention, opset 23: expected batch sizes of query and key to match, got 1 and 2"),
    # Values.
    "two -1": (one("Reshape", {"s": ints(-1, -1)}, "x s"), "node 'Reshape#0': Reshape, opset 18: expected at most one -1 in the target shape, got two"),
    "dimension -2": (one("Reshape", {"s": ints(-2, 4)}, "x s"), "node 'Reshape#0': Reshape, opset 18: expected target dimensions of -1 or more, got -2"),
    "the least dimension": (one("Reshape", {"s": ints(LEAST)}, "x s"), "node 'Reshape#0': Reshape, opset 18: expected target dimensions of -1 or more, got -9223372036854775808"),
    "numbers of elements": (one("Reshape", {"s": ints(3, 5)}, "x s", args=SQUARE), "node 'Reshape#0': Reshape, opset 18: expected the numbers of elements before and after to match, got 16 and 15"),
    "elements that do not come out even": (one("Reshape", {"s": ints(3, -1)}, "x s", args=SQUARE), "node 'Reshape#0': Reshape, opset 18: expected the number of elements that a -1 divides to be a multiple of 3, got 16"),
    "0 beyond the rank": (one("Reshape", {"s": ints(4, -1, 0)}, "x s"), "node 'Reshape#0': Reshape, opset 18: expected a 0 in the target shape to name an input dimension, got 0 at 2 for rank 2"),
    "0 that is not a dimension": (one("Reshape", {"s": ints(0, 4)}, "x s", args=SQUARE, allowzero=1), "node 'Reshape#0': Reshape, opset 18: expected the numbers of elements before and after to match, got 16 and 0"),
    "product that overflows": (one("Reshape", {"s": ints(BIG, 4)}, "x s", args=SQUARE), "node 'Reshape#0': Reshape, opset 18: a tensor of shape [4611686018427387904, 4] does not fit in memory"),
    "step 0": (one("Slice", {"a": ints(0), "e": ints(1), "s": ints(0)}, "x a e a s"), "node 'Slice#0': Slice, opset 18: expected a step other than 0, got 0"),
    "the least step": (one("Slice", {"a": ints(0), "e": ints(1), "s": ints(LEAST)}, "x a e a s"), "node 'Slice#0': Slice, opset 18: expected a step other than 0, got -9223372036854775808"),
    "slice axes": (one("Slice", {"a": ints(0, 0), "e": ints(1, 1)}, "x a e a"), "node 'Slice#0': Slice, opset 18: expected distinct axes, got 0 twice"),
    "slice bounds": (one("Slice", {"a": ints(0, 0), "e": ints(1)}, "x a e"), "node 'Slice#0': Slice, opset 18: expected as many starts, ends, axes and steps, at most the rank 2, got 2, 1, 2 and 2"),
    "slices of more dimensions": (one("Slice", {"a": ints(0, 0, 0), "e": ints(1, 1, 1)}, "x a e"), "node 'Slice#0': Slice, opset 18: expected as many starts, ends, axes and steps, at most the rank 2, got 3, 3, 3 and 3"),
    "more pads than dimensions": (one("Pad", {"p": ints(0, 0, 0, 0, 0, 0)}, "x p"), "node 'Pad#0': Pad, opset 18: expected 4 pads, got 6"),
    "pads that leave nothing": (one("Pad", {"p": ints(0, -3, 0, -3)}, "x p"), "node 'Pad#0': Pad, opset 18: expected pads to leave elements, got -2"),
    "the least pads": (one("Pad", {"p": ints(0, LEAST, 0, LEAST)}, "x p"), "node 'Pad#0': Pad, opset 18: expected sensible pads, got -9223372036854775808 and -9223372036854775808"),
    "pads beyond a reflection": (one("Pad", {"p": ints(0, 4, 0, 0)}, "x p", mode="reflect"), "node 'Pad#0': Pad, opset 18: expected at least 5 elements to pad from, got 4"),
    "more than there are": (one("TopK", {"k": ints(5)}, "x k", axis=1), "node 'TopK#0': TopK, opset 18: expected k to be at most 4, got 5"),
    "fewer than none": (one("TopK", {"k": ints(-1)}, "x k", axis=1), "node 'TopK#0': TopK, opset 18: expected a k of 0 or more, got -1"),
    "two k": (one("TopK", {"k": ints(1, 2)}, "x k", axis=1), "node 'TopK#0': TopK, opset 18: expected k to be one element, got 2"),
    "negative repeats": (one("Tile", {"r": ints(1, -1)}, "x r"), "node 'Tile#0': Tile, opset 18: expected repeats of 0 or more, got -1"),
    "number of repeats": (one("Tile", {"r": ints(1)}, "x r"), "node 'Tile#0': Tile, opset 18: expected 2 repeats, got 1"),
    "negative expansion": (one("Expand", {"s": ints(-1, 4)}, "x s"), "node 'Expand#0': Expand, opset 18: expected target dimensions of 0 or more, got [-1, 4]"),
    "constant index too large": (shape_of([node("Gather", "s i", "y")], {"i": np.int64(2)}), "node 'Gather#1': Gather, opset 18: expected indices in [-2, 2), got one outside"),
    "constant index too small": (shape_of([node("Gather", "s i", "y")], {"i": np.int64(-3)}), "node 'Gather#1': Gather, opset 18: expected indices in [-2, 2), got one outside"),
    "range without end": (
        build([node("Range", "a b c", "y")], [], ["y"], {"a": np.int64(0), "b": np.int64(9), "c": np.int64(0)}), "node 'Range#0': Range, opset 18: expected a step other than 0, got 0"),
    "range of infinite length": (
        build([node("Range", "a b c", "y")], [], ["y"],
              {"a": np.float32(0), "b": np.float32(np.inf), "c": np.float32(1)}), "node 'Range#0': Range, opset 18: expected a range of finite length, from 0.000000 to inf by 1.000000"),
    "range of tiny steps": (
        build([node("Range", "a b c", "y")], [], ["y"],
              {"a": np.float32(0), "b": np.float32(1), "c": np.float32(1e-38)}), "node 'Range#0': Range, opset 18: expected a range of finite length, from 0.000000 to 1.000000 by 0.000000"),
    "two axes for a sum": (one("CumSum", {"a": ints(0, 1)}, "x a"), "node 'CumSum#0': CumSum, opset 18: expected one axis, got shape [2]"),
    "axis of a sum": (one("CumSum", {"a": ints(2)}, "x a"), "node 'CumSum#0': CumSum, opset 18: expected an axis in [-2, 2), got 2"),
    "two diagonals": (one("Trilu", {"k": ints(0, 1)}, "x k"), "node 'Trilu#0': Trilu, opset 18: expected one element as input 1, got 2"),
    "negative depth": (one("OneHot", {"d": np.int64(-1), "v": floats(2)}, "i d v", args=[IDS]), "node 'OneHot#0': OneHot, opset 18: expected a depth of 0 or more, got -1"),
    # Sizes that no machine has.
    "huge expansion": (one("Expand", {"s": ints(BIG, BIG, 1, 1)}, "x s"), "node 'Expand#0': Expand, opset 18: a tensor of shape [4611686018427387904, 4611686018427387904, n, 4] does not fit in memory"),
    "huge tiles": (one("Tile", {"s": ints(BIG, BIG)}, "x s", args=[value("x", [2, 2])]), "node 'Tile#0': Tile, opset 18: a tensor of shape [4611686018427387904, 2, 4611686018427387904, 2] does not fit in memory"),
    "huge fill": (one("ConstantOfShape", {"s": ints(BIG)}, "s", args=[]), "node 'ConstantOfShape#0': ConstantOfShape, opset 18: a tensor of shape [4611686018427387904] does not fit in memory"),
    "negative fill": (one("ConstantOfShape", {"s": ints(-1)}, "s", args=[]), "node 'ConstantOfShape#0': ConstantOfShape, opset 18: expected dimensions of 0 or more, got [-1]"),
    "huge range": (
        build([node("Range", "a b c", "y")], [], ["y"], {"a": np.int64(0), "b": np.int64(MOST), "c": np.int64(1)}), "node 'Range#0': Range, opset 18: a tensor of shape [9223372036854775807] does not fit in memory"),
    "huge one-hot": (one("OneHot", {"d": np.int64(BIG), "v": floats(2)}, "i d v", args=[IDS]), "node 'OneHot#0': OneHot, opset 18: a tensor of shape [4611686018427387904] does not fit in memory"),
    "huge pads": (one("Pad", {"p": ints(0, MOST, 0, MOST)}, "x p"), "node 'Pad#0': Pad, opset 18: expected sensible pads, got 9223372036854775807 and 9223372036854775807"),
    "large pads": (one("Pad", {"p": ints(0, 2**40, 0, 2**40)}, "x p", args=[value("x", [2**20, 4])]), "node 'Pad#0': Pad, opset 18: a tensor of shape [1048576, 1099511627776] does not fit in memory"),
    "outer product of petabytes": (
        build([node("Add", "a b", "y")], [value("a", [2**30, 1]), value("b", [2**30])], ["y"]), "node 'Add#0': Add, opset 18: a tensor of shape [1073741824, 1073741824] does not fit in memory"),
    # Not supported, all in one list.
    "a list": (
        build([node("Foo", "x", "b"), node("Bar", "x", "c", domain="com.microsoft"), node("Add", "b x", "y")],
              X, ["y", "c"], domains=["com.microsoft"]), "2 nodes are not supported:\n  node 'Foo#0' (Foo, opset 18): the operator is not supported\n  node 'Bar#1' (com.microsoft.Bar, opset 1): the operator is not supported; export the model without ONNX Runtime's graph optimizations"),
    "control characters": (
        build([helper.make_node("Foo", ["x"], ["y"], name="a\n\x1b[31m'b\"")], X, ["y"]), "1 node is not supported:\n  node 'a\\0A\\1B[31m'b\\22' (Foo, opset 18): the operator is not supported"),
})
