"""How much work a model is: floating-point operations and bytes of weights."""

import math

import onnx
from onnx import shape_inference


def drop_weights(model):
    """Forgets the values of weights, in place, and keeps small integers, from
    which shapes follow."""
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) > 1024:
            tensor.ClearField("raw_data")
            tensor.ClearField("float_data")


def _shapes(model):
    """Value name -> list of sizes, where all are known."""
    small = onnx.ModelProto()
    small.CopyFrom(model)
    drop_weights(small)
    try:
        small = shape_inference.infer_shapes(small, data_prop=True)
    except Exception:
        pass  # what is not known is not counted
    graph, shapes = small.graph, {}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        dims = value.type.tensor_type.shape.dim
        if all(dim.WhichOneof("value") == "dim_value" for dim in dims):
            shapes[value.name] = [dim.dim_value for dim in dims]
    for tensor in graph.initializer:
        shapes[tensor.name] = list(tensor.dims)
    return shapes


def _node_flops(node, shapes):
    """Of a matrix product or convolution, two for a multiplication and an
    addition; None where a shape is not known."""
    left, right, result = (shapes.get(name) for name in (*node.input[:2], node.output[0]))
    if node.op_type == "MatMulNBits":  # whose result is not inferred
        k, n = (next(a.i for a in node.attribute if a.name == name) for name in "KN")
        if left is None:
            return None
        shapes.setdefault(node.output[0], [*left[:-1], n])
        return 2 * math.prod(left[:-1]) * k * n
    if left is None or right is None or result is None:
        return None
    if node.op_type in ("MatMul", "MatMulInteger"):
        return 2 * math.prod(result) * left[-1]
    if node.op_type == "Gemm":
        across = next((a.i for a in node.attribute if a.name == "transA"), 0)
        return 2 * math.prod(result) * left[0 if across else 1]
    return 2 * math.prod(result) * math.prod(right[1:])


def measure(model):
    """-> {flops, weight_bytes}: of all MatMul, MatMulInteger, MatMulNBits, Gemm and Conv, and of the weights
    that they read; flops is None if the shape of one is not known."""
    shapes = _shapes(model)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    flops, read = 0, set()
    for node in model.graph.node:
        # An output layer often reads the table of an embedding, turned round.
        if node.op_type == "Transpose" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
        kind = (node.domain, node.op_type)
        if kind != ("com.microsoft", "MatMulNBits") and (
            node.op_type not in ("MatMul", "MatMulInteger", "Gemm", "Conv") or node.domain):  # fmt: skip
            continue
        count = _node_flops(node, shapes)
        flops = None if count is None or flops is None else flops + count
        read.update(weights[name].name for name in node.input if name in weights)
    size = sum(
        math.prod(weights[name].dims)
        * onnx.helper.tensor_dtype_to_np_dtype(weights[name].data_type).itemsize
        for name in read
    )
    return {"flops": flops, "weight_bytes": size}
