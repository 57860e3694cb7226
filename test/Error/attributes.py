"""Attributes that are missing, of another type, or that say what cannot be."""
# RUN: %python %s %winnow %t

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
from corpus import (BIG, INT64, W, X, build, edit, helper, ints, node, np, one, onnx, refuse, tensor,
                    value)

IMAGE = [value("x", [1, 4, 8, 8])]
KERNEL = {"w": np.ones((4, 4, 3, 3), np.float32)}
ATTR = onnx.AttributeProto


def conv(**attributes):
    return one("Conv", KERNEL, "x w", args=IMAGE, **attributes)


def pool(**attributes):
    return one("MaxPool", args=IMAGE, **attributes)


def with_attribute(op, attr, inputs="x"):
    model = one(op, inputs=inputs)
    model.graph.node[0].attribute.append(attr)
    return model


LEAST = -(2**63)

refuse({
    # Missing, or of another type.
    "missing attribute": (one("Concat"), "node 'Concat#0': Concat, opset 18: expected attribute 'axis', got none"),
    "float for an integer": (one("Softmax", axis=1.5), "node 'Softmax#0': Softmax, opset 18: expected attribute 'axis' of type INT, got FLOAT"),
    "string for an integer": (one("Softmax", axis="1"), "node 'Softmax#0': Softmax, opset 18: expected attribute 'axis' of type INT, got STRING"),
    "list for an integer": (one("Softmax", axis=[1]), "node 'Softmax#0': Softmax, opset 18: expected attribute 'axis' of type INT, got INTS"),
    "integer for a list": (one("Transpose", perm=1), "node 'Transpose#0': Transpose, opset 18: expected attribute 'perm' of type INTS, got INT"),
    "floats for a list": (one("Transpose", perm=[1.0, 0.0]), "node 'Transpose#0': Transpose, opset 18: expected attribute 'perm' of type INTS, got FLOATS"),
    "integer for a float": (one("Elu", alpha=1), "node 'Elu#0': Elu, opset 18: expected attribute 'alpha' of type FLOAT, got INT"),
    "integer for a string": (one("Gelu", opset=20, approximate=1), "node 'Gelu#0': Gelu, opset 20: expected attribute 'approximate' of type STRING, got INT"),
    "no type": (with_attribute("Softmax", ATTR(name="axis", i=1)), "node 'Softmax#0': Softmax, opset 18: expected attribute 'axis' of type INT, got UNDEFINED"),
    "integer for a tensor": (one("ConstantOfShape", {"s": ints(4)}, "s", args=[], value=1), "node 'ConstantOfShape#0': ConstantOfShape, opset 18: expected attribute 'value' of type TENSOR, got INT"),
    "constant without value": (build([node("Constant", "", "y")], [], ["y"]), "node 'Constant#0': Constant, opset 18: expected exactly one value attribute, got 0"),
    "constant of two values": (
        build([node("Constant", "", "y", value_int=1, value_float=1.0)], [], ["y"]), "node 'Constant#0': Constant, opset 18: expected exactly one value attribute, got 2"),
    "constant of a float for an integer": (
        edit(build([node("Constant", "", "y", value_int=1)], [], ["y"]),
             lambda m: m.graph.node[0].attribute[0].CopyFrom(helper.make_attribute("value_int", 1.0))), "node 'Constant#0': Constant, opset 18: expected attribute 'value_int' of type INT, got FLOAT"),
    "reference outside a function": (
        with_attribute("Softmax", ATTR(name="axis", type=ATTR.INT, ref_attr_name="a")), "node 'Softmax#0': attribute 'axis' refers to 'a', expected a function that has it"),
    # Axes.
    "axis too large": (one("Softmax", axis=2), "node 'Softmax#0': Softmax, opset 18: expected an axis in [-2, 2), got 2"),
    "axis too small": (one("Softmax", axis=-3), "node 'Softmax#0': Softmax, opset 18: expected an axis in [-2, 2), got -3"),
    "the least axis": (one("Softmax", axis=LEAST), "node 'Softmax#0': Softmax, opset 18: expected an axis in [-2, 2), got -9223372036854775808"),
    "the largest axis": (one("Gather", {"i": ints(0)}, "x i", axis=2**63 - 1), "node 'Gather#0': Gather, opset 18: expected an axis in [-2, 2), got 9223372036854775807"),
    "axis of a scalar": (one("Softmax", args=[value("x", [])], axis=0), "node 'Softmax#0': Softmax, opset 18: expected an axis in [0, 0), got 0"),
    "flatten axis": (one("Flatten", axis=3), "node 'Flatten#0': Flatten, opset 18: expected an axis in [-2, 2], got 3"),
    "repeated axes": (one("ReduceSum", {"a": ints(1, -1)}, "x a"), "node 'ReduceSum#0': ReduceSum, opset 18: expected distinct axes, got -1 twice"),
    "axes out of range": (one("ReduceMean", opset=13, axes=[BIG]), "node 'ReduceMean#0': ReduceMean, opset 13: expected an axis in [-2, 2), got 4611686018427387904"),
    "squeezed axis": (one("Squeeze", {"a": ints(1)}, "x a"), "node 'Squeeze#0': Squeeze, opset 18: expected a squeezed dimension and 1 to match, got 4 and 1"),
    "unsqueezed axis": (one("Unsqueeze", {"a": ints(4)}, "x a"), "node 'Unsqueeze#0': Unsqueeze, opset 18: expected an axis in [-3, 3), got 4"),
    "unsqueezed twice": (one("Unsqueeze", {"a": ints(0, 0)}, "x a"), "node 'Unsqueeze#0': Unsqueeze, opset 18: expected distinct axes, got 0 twice"),
    "no axes to unsqueeze": (one("Unsqueeze"), "node 'Unsqueeze#0': Unsqueeze, opset 18: expected axes, got none"),
    "perm too short": (one("Transpose", perm=[0]), "node 'Transpose#0': Transpose, opset 18: expected a permutation of 2 dimensions, got 1 entries"),
    "perm too long": (one("Transpose", perm=[0, 1, 2]), "node 'Transpose#0': Transpose, opset 18: expected an axis in [-2, 2), got 2"),
    "huge perm": (one("Transpose", perm=[0, 2**40]), "node 'Transpose#0': Transpose, opset 18: expected an axis in [-2, 2), got 1099511627776"),
    "very long perm": (one("Transpose", perm=list(range(100000))), "node 'Transpose#0': Transpose, opset 18: expected an axis in [-2, 2), got 2"),
    "repeated perm": (one("Transpose", perm=[0, 0]), "node 'Transpose#0': Transpose, opset 18: expected distinct axes, got 0 twice"),
    # Words.
    "unknown mode": (one("Pad", {"p": ints(0, 0, 0, 0)}, "x p", mode="mirror"), "node 'Pad#0': Pad, opset 18: expected mode constant, reflect, edge or wrap, got 'mirror'"),
    "unknown auto_pad": (conv(auto_pad="SAME"), "node 'Conv#0': Conv, opset 18: expected auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER, got 'SAME'"),
    "unknown approximation": (one("Gelu", opset=20, approximate="erf"), "node 'Gelu#0': Gelu, opset 20: expected approximate to be none or tanh, got 'erf'"),
    "unknown reduction": (
        one("ScatterElements", {"i": np.zeros((1, 4), np.int64), "u": np.zeros((1, 4), np.float32)}, "x i u",
            reduction="sub"), "node 'ScatterElements#0': ScatterElements, opset 18: expected a reduction of opset 18, got 'sub'"),
    "reduction of a later opset": (
        one("ScatterElements", {"i": np.zeros((1, 4), np.int64), "u": np.zeros((1, 4), np.float32)}, "x i u",
            opset=16, reduction="max"), "node 'ScatterElements#0': ScatterElements, opset 16: expected a reduction of opset 16, got 'max'"),
    "no equation": (one("Einsum"), "node 'Einsum#0': Einsum, opset 18: expected attribute 'equation', got none"),
    "letters that are not there": (one("Einsum", equation="ab->c"), "node 'Einsum#0': Einsum, opset 18: expected the output's letters in the inputs, once each, in 'ab->c'"),
    "letters of two inputs": (one("Einsum", equation="ab,bc->ac"), "node 'Einsum#0': Einsum, opset 18: expected as many terms as inputs in 'ab,bc->ac', got 2 and 1"),
    "letters of another rank": (one("Einsum", equation="abc->a"), "node 'Einsum#0': Einsum, opset 18: expected a letter for each dimension of input 0 in 'abc->a'"),
    "no letters": (one("Einsum", equation="a!->a"), "node 'Einsum#0': Einsum, opset 18: expected letters in 'a!->a'"),
    "a long equation": (
        one("Einsum", equation="a" * 1000000 + "->a"),
        "node 'Einsum#0': Einsum, opset 18: expected a letter for each dimension of input 0 in "
        f"'{'a' * 200}...{'a' * 197}->a'"),
    # Windows.
    "window over a matrix": (one("AveragePool", kernel_shape=[2, 2]), "node 'AveragePool#0': AveragePool, opset 18: expected an input of rank 3 or more, got rank 2"),
    "window larger than the image": (pool(kernel_shape=[9, 9]), "node 'MaxPool#0': MaxPool, opset 18: expected dimension 3 of at least 9 elements with padding, got 8"),
    "window of one dimension": (pool(kernel_shape=[2]), "node 'MaxPool#0': MaxPool, opset 18: expected 2 kernel_shape, got 1"),
    "window of no elements": (pool(kernel_shape=[0, 2]), "node 'MaxPool#0': MaxPool, opset 18: expected kernel_shape in [1, 2147483647], got 0"),
    "no window": (pool(), "node 'MaxPool#0': MaxPool, opset 18: expected kernel_shape in [1, 2147483647], got 0"),
    "zero stride": (pool(kernel_shape=[2, 2], strides=[0, 1]), "node 'MaxPool#0': MaxPool, opset 18: expected strides in [1, 2147483647], got 0"),
    "negative stride": (pool(kernel_shape=[2, 2], strides=[-1, 1]), "node 'MaxPool#0': MaxPool, opset 18: expected strides in [1, 2147483647], got -1"),
    "huge stride": (pool(kernel_shape=[2, 2], strides=[BIG, 1]), "node 'MaxPool#0': MaxPool, opset 18: expected strides in [1, 2147483647], got 4611686018427387904"),
    "negative pads": (pool(kernel_shape=[2, 2], pads=[-1, 0, 0, 0]), "node 'MaxPool#0': MaxPool, opset 18: expected pads in [0, 2147483647], got -1"),
    "pads of one dimension": (pool(kernel_shape=[2, 2], pads=[1, 1]), "node 'MaxPool#0': MaxPool, opset 18: expected 4 pads, got 2"),
    "huge dilation": (pool(kernel_shape=[2, 2], dilations=[BIG, 1]), "node 'MaxPool#0': MaxPool, opset 18: expected dilations in [1, 2147483647], got 4611686018427387904"),
    "large dilation": (pool(kernel_shape=[2, 2], dilations=[2**31 - 1, 1]), "node 'MaxPool#0': MaxPool, opset 18: expected dimension 2 of at least 2147483648 elements with padding, got 8"),
    "kernel_shape of another kernel": (conv(kernel_shape=[2, 2]), "node 'Conv#0': Conv, opset 18: expected kernel_shape to be that of the weights"),
    "group 0": (conv(group=0), "node 'Conv#0': Conv, opset 18: expected a group of 1 or more, got 0"),
    "group that does not divide": (conv(group=3), "node 'Conv#0': Conv, opset 18: expected the channels of the input to be a multiple of 3, got 4"),
    "group of another kernel": (conv(group=2), "node 'Conv#0': Conv, opset 18: expected the channels of input and weights to match, got 4 and 2"),
    # Numbers.
    "cast to 0": (one("Cast", to=0), "1 node is not supported:\n  node 'Cast#0' (Cast, opset 18): elements of type UNDEFINED are not supported"),
    "cast to strings": (one("Cast", to=8), "1 node is not supported:\n  node 'Cast#0' (Cast, opset 18): elements of type STRING are not supported"),
    "cast beyond 32 bits": (one("Cast", to=2**32 + 1), "node 'Cast#0': Cast, opset 18: expected a data type of 32 bits, got 4294967297"),
    "blocks of 0": (one("DepthToSpace", args=IMAGE, blocksize=0), "node 'DepthToSpace#0': DepthToSpace, opset 18: expected an input of rank 4 and a positive blocksize, got rank 4 and 0"),
    "blocks below 0": (one("SpaceToDepth", args=IMAGE, blocksize=-2), "node 'SpaceToDepth#0': SpaceToDepth, opset 18: expected an input of rank 4 and a positive blocksize, got rank 4 and -2"),
    "blocks that do not divide": (one("DepthToSpace", args=IMAGE, blocksize=3), "node 'DepthToSpace#0': DepthToSpace, opset 18: expected the channels to be a multiple of 9, got 4"),
    "a grid that blocks do not divide": (one("SpaceToDepth", args=[value("x", [1, 4, 6, 7])], blocksize=2), "node 'SpaceToDepth#0': SpaceToDepth, opset 18: expected the width to be a multiple of 2, got 7"),
    "huge blocks": (one("SpaceToDepth", args=IMAGE, blocksize=2**40), "node 'SpaceToDepth#0': SpaceToDepth, opset 18: expected an input of rank 4 and a positive blocksize, got rank 4 and 1099511627776"),
    "batch dimensions": (one("GatherND", {"i": np.zeros((1, 1), np.int64)}, "x i", batch_dims=2), "node 'GatherND#0': GatherND, opset 18: expected batch dimension 1 to match, got 4 and 1"),
    "negative batch dimensions": (one("GatherND", {"i": np.zeros((1, 1), np.int64)}, "x i", batch_dims=-1), "node 'GatherND#0': GatherND, opset 18: expected batch_dims below both ranks, got -1 for ranks 2 and 2"),
    "split into another number": (
        build([node("Split", "x", "y z", axis=1, num_outputs=3)], X, ["y", "z"]), "node 'Split#0': Split, opset 18: expected num_outputs to be 2, got 3"),
    "groups of 0": (
        one("GroupNormalization", {"s": np.ones(4, np.float32)}, "x s s", opset=21, args=IMAGE, num_groups=0), "node 'GroupNormalization#0': GroupNormalization, opset 21: expected num_groups of 1 or more, got 0"),
    "heads that do not divide": (
        build([node("Attention", "q q q", "y", q_num_heads=3, kv_num_heads=3)], [value("q", [1, 2, 8])], ["y"],
              opset=23), "node 'Attention#0': Attention, opset 23: expected the last dimension, which q_num_heads divides, to be a multiple of 3, got 8"),
    "fmod of floats": (one("Mod", {"w": W}, "x w"), "node 'Mod#0': Mod, opset 18: expected attribute 'fmod' to be 1 for floats, got 0"),
})
