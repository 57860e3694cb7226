"""Types, shapes and data that do not fit, of inputs, outputs and initializers."""
# RUN: %python %s %winnow %t

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
from corpus import (BIG, BOOL, FLOAT, INT64, TensorProto, W, X, build, edit, helper, node, np, onnx,
                    refuse, relu, tensor, value, with_weight)

T = TensorProto


def typed(type_proto):
    return edit(relu(), lambda m: m.graph.input[0].type.CopyFrom(type_proto))


def weight(proto):
    """x times an initializer."""
    return with_weight(lambda t: t.CopyFrom(proto))


def constant(proto):
    """A Constant's value."""
    return build([node("Constant", "", "w", value=proto), node("MatMul", "x w", "y")], X, ["y"])


def sparse(values, indices, dims, dtype=FLOAT, index_type=INT64, values_dims=None, index_dims=None):
    """x times a sparse initializer."""
    model = build([node("MatMul", "x w", "y")], X, ["y"])
    proto = model.graph.sparse_initializer.add(dims=dims)
    proto.values.CopyFrom(tensor(dtype, values_dims or [len(values)], raw_data=np.float32(values).tobytes()))
    shape = index_dims or np.shape(indices)
    proto.indices.CopyFrom(
        tensor(index_type, shape, "", int64_data=np.array(indices, np.int64).ravel()))
    return model


def sparse_constant(proto):
    attr = onnx.AttributeProto(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR)
    attr.sparse_tensor.CopyFrom(proto.graph.sparse_initializer[0])
    constant = node("Constant", "", "w")
    constant.attribute.append(attr)
    return build([constant, node("MatMul", "x w", "y")], X, ["y"])


def segment(t):
    t.segment.begin, t.segment.end = 0, 4


sequence = helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, [1]))
FULL = np.ones(16, np.float32)

refuse({
    # Inputs and outputs.
    "string input": (build([node("Identity", "x", "y")], [value("x", [1], T.STRING)], ["y"]), "1 part of the model is not supported:\n  input 'x': elements of type STRING are not supported"),
    "complex input": (build([node("Identity", "x", "y")], [value("x", [1], T.COMPLEX64)], ["y"]), "1 part of the model is not supported:\n  input 'x': elements of type COMPLEX64 are not supported"),
    "undefined input type": (build([node("Identity", "x", "y")], [value("x", [1], 0)], ["y"]), "1 part of the model is not supported:\n  input 'x': elements of type UNDEFINED are not supported"),
    "unknown input type": (build([node("Identity", "x", "y")], [value("x", [1], 99)], ["y"]), "1 part of the model is not supported:\n  input 'x': elements of type 99 are not supported"),
    "sequence input": (typed(sequence), "1 part of the model is not supported:\n  input 'x': expected a tensor, got a sequence"),
    "optional input": (typed(helper.make_optional_type_proto(sequence)), "1 part of the model is not supported:\n  input 'x': expected a tensor, got an optional"),
    "no type": (typed(onnx.TypeProto()), "input 'x': expected a type, got none"),
    "no shape": (build([node("Relu", "x", "y")], [value("x", None)], ["y"]), "input 'x': expected a shape, got none; its rank must be known"),
    "negative dimension": (build([node("Relu", "x", "y")], [value("x", [-4])], ["y"]), "input 'x': expected dimensions of 0 or more, got -4"),
    "rank 65": (build([node("Relu", "x", "y")], [value("x", [1] * 65)], ["y"]), "input 'x': expected a rank of at most 64, got 65"),
    "huge input": (build([node("Relu", "x", "y")], [value("x", [BIG, BIG])], ["y"]), "node 'Relu#0': Relu, opset 18: a tensor of shape [4611686018427387904, 4611686018427387904] does not fit in memory"),
    "dimensions too large together": (build([node("Relu", "x", "y")], [value("x", [2**31, 2**31, 2**31])], ["y"]), "node 'Relu#0': Relu, opset 18: a tensor of shape [2147483648, 2147483648, 2147483648] does not fit in memory"),
    "output of another type": (build([node("Relu", "x", "y")], X, [value("y", ["n", 4], INT64)]), "output 'y': expected elements of int64 as declared, got float32"),
    "output of an unknown type": (build([node("Relu", "x", "y")], X, [value("y", ["n", 4], 99)]), "output 'y': elements of type 99 are not supported"),
    "a dimension that the model lacks": (relu(), "no dimension is called 'batch'; the model has 'n'", "--dim=batch=1"),
    "a bound that the model excludes": (
        build([node("Add", "x w", "y")], [value("x", ["n"])], ["y"], {"w": np.ones(4, np.float32)}), "node 'Add#0': Add, opset 18: expected dimension 0 of the operands to match, got n and 4",
        "--dim=n=5..9"),
    # Data.
    "dtype 0": (weight(tensor(0)), "1 part of the model is not supported:\n  initializer 'w': elements of type UNDEFINED are not supported"),
    "unknown dtype": (weight(tensor(77)), "1 part of the model is not supported:\n  initializer 'w': elements of type 77 are not supported"),
    "short raw data": (weight(tensor(raw_data=bytes(63))), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected 64 bytes of data for shape [4, 4] of FLOAT, got 63"),
    "long raw data": (weight(tensor(raw_data=bytes(65))), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected 64 bytes of data for shape [4, 4] of FLOAT, got 65"),
    "no data": (weight(tensor()), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected 64 bytes of data for shape [4, 4] of FLOAT, got 0"),
    "raw and typed data": (weight(tensor(raw_data=bytes(64), float_data=[1])), "node 'MatMul#0': MatMul, opset 18: constant 'w': the tensor has both raw and typed data"),
    "too few typed elements": (weight(tensor(float_data=[1] * 15)), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected 64 bytes of data for shape [4, 4] of FLOAT, got 60"),
    "the wrong typed field": (weight(tensor(int64_data=[1] * 16)), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected 64 bytes of data for shape [4, 4] of FLOAT, got 0"),
    "strings": (weight(tensor(T.STRING, string_data=[b"a"] * 16)), "1 part of the model is not supported:\n  initializer 'w': elements of type STRING are not supported"),
    "a scalar of no data": (weight(tensor(dims=[])), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected 4 bytes of data for shape [] of FLOAT, got 0"),
    "data where a dimension is 0": (weight(tensor(dims=[0, 4], raw_data=bytes(16))), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected 0 bytes of data for shape [0, 4] of FLOAT, got 16"),
    "an odd number of nibbles": (weight(tensor(T.INT4, [5], raw_data=bytes(2))), "initializer 'w': expected 3 bytes of data for shape [5] of INT4, got 2"),
    "negative tensor dimension": (weight(tensor(dims=[4, -4], raw_data=bytes(64))), "initializer 'w': expected dimensions of 0 or more, got -4"),
    "the least dimension": (weight(tensor(dims=[-(2**63)])), "initializer 'w': expected dimensions of 0 or more, got -9223372036854775808"),
    "a size that overflows": (weight(tensor(dims=[BIG, BIG])), "initializer 'w': the tensor's size in bytes overflows 64 bits"),
    "a size that overflows behind a 0": (weight(tensor(dims=[0, BIG, BIG])), "initializer 'w': the tensor's size in bytes overflows 64 bits"),
    "4 TiB": (weight(tensor(dims=[2**40])), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected 4398046511104 bytes of data for shape [1099511627776] of FLOAT, got 0"),
    "initializer of rank 65": (weight(tensor(dims=[1] * 65, float_data=[1])), "initializer 'w': expected a rank of at most 64, got 65"),
    "a segment": (with_weight(segment), "node 'MatMul#0': MatMul, opset 18: constant 'w': tensors in segments are not supported"),
    "a bad constant": (constant(tensor(raw_data=bytes(63))), "node 'MatMul#1': MatMul, opset 18: constant 'w': expected 64 bytes of data for shape [4, 4] of FLOAT, got 63"),
    "a constant of negative size": (constant(tensor(dims=[-1])), "node 'Constant#0': Constant, opset 18: expected dimensions of 0 or more, got -1"),
    "a constant of complex numbers": (constant(tensor(T.COMPLEX128, [1], double_data=[0, 0])), "1 node is not supported:\n  node 'Constant#0' (Constant, opset 18): elements of type COMPLEX128 are not supported"),
    "a constant without a tensor": (constant(T()), "1 node is not supported:\n  node 'Constant#0' (Constant, opset 18): elements of type UNDEFINED are not supported"),
    "integers that need unpacking": (
        edit(build([node("Cast", "i", "y", to=FLOAT)], [], ["y"]),
             lambda m: m.graph.initializer.append(tensor(T.INT8, [2000], "i", int32_data=[0] * 2000))),
        "node 'Cast#0': Cast, opset 18: constant 'i': constants that need a copy take more than 1024 bytes; allow more with --max-constant-fold-bytes", "--max-constant-fold-bytes=1K"),
    # Sparse tensors.
    "sparse index too large": (sparse([1, 2], [3, 16], [4, 4]), "sparse initializer 'w': expected sparse indices in [0, 16), got 16"),
    "sparse index below 0": (sparse([1, 2], [-1, 3], [4, 4]), "sparse initializer 'w': expected sparse indices in [0, 16), got -1"),
    "sparse indices not sorted": (sparse([1, 2], [3, 2], [4, 4]), "sparse initializer 'w': expected sparse indices in ascending order, got position 2 after 3"),
    "sparse indices twice": (sparse([1, 2], [3, 3], [4, 4]), "sparse initializer 'w': expected sparse indices in ascending order, got position 3 after 3"),
    "sparse pair out of range": (sparse([1, 2], [[0, 1], [1, 4]], [4, 4]), "sparse initializer 'w': expected sparse indices in [0, 4), got 4"),
    "sparse triples for a matrix": (sparse([1, 2], [[0, 1, 0], [1, 3, 0]], [4, 4]), "sparse initializer 'w': expected n values of shape [n] and INT64 indices of shape [n] or [n, 2], got shapes [2] and [2, 3] of INT64"),
    "fewer sparse indices than values": (sparse([1, 2], [3], [4, 4]), "sparse initializer 'w': expected n values of shape [n] and INT64 indices of shape [n] or [n, 2], got shapes [2] and [1] of INT64"),
    "sparse indices of no data": (sparse([1, 2], [], [4, 4], index_dims=[2]), "sparse initializer 'w': expected 16 bytes of data for shape [2] of INT64, got 0"),
    "sparse indices of 32 bits": (sparse([1, 2], [2, 3], [4, 4], index_type=T.INT32), "sparse initializer 'w': expected n values of shape [n] and INT64 indices of shape [n] or [n, 2], got shapes [2] and [2] of INT32"),
    "sparse values of rank 2": (sparse([1, 2], [2, 3], [4, 4], values_dims=[2, 1]), "sparse initializer 'w': expected n values of shape [n] and INT64 indices of shape [n] or [n, 2], got shapes [2, 1] and [2] of INT64"),
    "sparse values of no data": (sparse([1, 2], [2, 3], [4, 4], dtype=T.DOUBLE), "sparse initializer 'w': expected 16 bytes of data for shape [2] of DOUBLE, got 8"),
    "sparse nibbles": (sparse([1, 2], [2, 3], [4, 4], dtype=T.INT4), "sparse initializer 'w': sparse tensors of INT4 are not supported"),
    "sparse strings": (sparse([1, 2], [2, 3], [4, 4], dtype=T.STRING), "sparse initializer 'w': elements of type STRING are not supported"),
    "sparse tensor of negative size": (sparse([1], [2], [-4, 4]), "sparse initializer 'w': expected dimensions of 0 or more, got -4"),
    "sparse tensor of 8 TiB": (sparse([1], [2], [2**41]), "sparse initializer 'w': constants that need a copy take more than 2147483648 bytes; allow more with --max-constant-fold-bytes"),
    "sparse tensor above the budget": (sparse([1], [2], [512, 512]), "sparse initializer 'w': constants that need a copy take more than 1047552 bytes; allow more with --max-constant-fold-bytes", "--max-constant-fold-bytes=1023K"),
    "bad sparse constant": (sparse_constant(sparse([1, 2], [3, 16], [4, 4])), "node 'Constant#0': Constant, opset 18: expected sparse indices in [0, 16), got 16"),
    "sparse constant without a tensor": (
        build([node("Constant", "", "w", sparse_value=3), node("MatMul", "x w", "y")], X, ["y"]), "node 'Constant#0': Constant, opset 18: expected attribute 'sparse_value' of type SPARSE_TENSOR, got INT"),
})
