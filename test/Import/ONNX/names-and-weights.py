# Names are kept exactly, and weights stay where they are.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/names.onnx --stop-after=import -o - | FileCheck %s --check-prefix=NAMES
# RUN: %winnow compile %t/external.onnx --stop-after=import -o - | FileCheck %s --check-prefix=EXTERNAL
# RUN: %winnow compile %t/typed.onnx --stop-after=import -o - | FileCheck %s --check-prefix=TYPED
# RUN: %winnow compile %t/function.onnx --stop-after=import -o - | FileCheck %s --check-prefix=FUNCTION
# RUN: %winnow compile %t/order.onnx --stop-after=import -o - | FileCheck %s --check-prefix=ORDER

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import FLOAT, INT64, build, folder, ints, node, save, value
from onnx import TensorProto, helper
import numpy as np
import onnx

# NAMES: %{{.*}}: tensor<2xf32> {winnow.name = "in \22put\0A%"}
# NAMES-SAME: {winnow.name = "463"}
# NAMES-SAME: {winnow.name = "onnx::Shape_422"}
# NAMES-SAME: winnow.entry
relu = helper.make_node("Relu", ['in "put\n%'], ["463"])
tanh = helper.make_node("Tanh", ["463"], ["onnx::Shape_422"], name="/a/b c/Tanh")
save("names", [relu, tanh], [value('in "put\n%', [2])], ["463", "onnx::Shape_422"])
# NAMES-DAG: loc("Relu#0")
# NAMES-DAG: loc("/a/b c/Tanh")

# EXTERNAL: winnow.constant dense_resource<[[W:w_[a-z_]*]]> : tensor<400xf32>
# EXTERNAL: [[W]]: "0x01000000{{(0000803F)+}}"
model = build([node("Add", "x w", "y")], [value("x", [400])], ["y"],
              {"w": np.ones(400, np.float32)})
onnx.save_model(model, folder() + "/external.onnx", save_as_external_data=True,
                location="weights.bin", size_threshold=0)

# TYPED: dense<[1.500000e+00, -2.000000e+00]> : tensor<2xf16>
# TYPED: dense<[true, false]> : tensor<2xi1>
# TYPED: dense<[255, 1]> : tensor<2xui8>
# TYPED: dense<> : tensor<0xf32>
tensors = {
    "f16": helper.make_tensor("f16", TensorProto.FLOAT16, [2], np.array([1.5, -2], np.float16)),
    "b": helper.make_tensor("b", TensorProto.BOOL, [2], [1, 0]),
    "u8": helper.make_tensor("u8", TensorProto.UINT8, [2], [255, 1]),
    "none": helper.make_tensor("none", FLOAT, [0], []),
}
model = build([node("Constant", "", name, value=tensor) for name, tensor in tensors.items()],
              [], list(tensors))
save("typed", model)

# Functions of the model are inlined, their attributes substituted.
# FUNCTION: winnow.linear {{.*}}transpose_weight
# FUNCTION: winnow.relu
# FUNCTION: loc("call/Gemm#0")
gemm = node("Gemm", "a w", "t")
reference = gemm.attribute.add()
reference.name, reference.ref_attr_name = "transB", "transposed"
reference.type = onnx.AttributeProto.INT
function = helper.make_function("local", "Block", ["a", "w"], ["o"],
                                [gemm, node("Relu", "t", "o")],
                                [helper.make_opsetid("", 18)], ["transposed"])
call = node("Block", "x w", "y", transposed=1, domain="local")
call.name = "call"
save("function", [call], [value("x", ["n", 4])], ["y"], {"w": np.ones((3, 4), np.float32)},
     domains=["local"], functions=[function])

# Nodes come in any order, as ONNX Runtime takes them, and read later ones from branches too.
# A name that a branch makes for itself is not the later node's.
# ORDER: winnow.neg
# ORDER: winnow.erf
# ORDER: scf.if
# ORDER: winnow.exp
# ORDER: winnow.relu
# ORDER: winnow.tanh
then = helper.make_graph([node("Exp", "e", "own")], "then", [], [value("own", [4])])
other = helper.make_graph([node("Relu", "n", "o")], "else", [], [value("o", [4])])
save("order", [node("Tanh", "i", "y"), node("If", "c", "i", then_branch=then, else_branch=other),
               node("Erf", "n", "e"), node("Neg", "x", "n"), node("Abs", "y", "own")],
     [value("x", [4]), value("c", [], TensorProto.BOOL)], ["y", "own"])
