# RNN, GRU and LSTM as one product of the input and a loop over the state.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/lstm.onnx --stop-after=import -o - | FileCheck %s --check-prefix=LSTM
# RUN: %winnow compile %t/reverse.onnx --stop-after=import -o - | FileCheck %s --check-prefix=REVERSE
# RUN: %winnow compile %t/both.onnx --stop-after=import -o - | FileCheck %s --check-prefix=BOTH
# RUN: %winnow compile %t/both.onnx --stop-after=raise -o - | FileCheck %s --check-prefix=RAISED
# RUN: %winnow compile %t/after.onnx --stop-after=import -o - | FileCheck %s --check-prefix=AFTER
# RUN: %winnow compile %t/lengths.onnx --stop-after=import -o - | FileCheck %s --check-prefix=LENGTHS
# RUN: %winnow compile %t/full.onnx --stop-after=import -o - | FileCheck %s --check-prefix=FULL
# RUN: not %winnow compile %t/activation.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=ACTIVATION
# RUN: not %winnow compile %t/count.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=COUNT
# RUN: not %winnow compile %t/direction.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=DIRECTION
# RUN: not %winnow compile %t/hidden.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=HIDDEN

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import node, save, value
import numpy as np

f = lambda *shape: np.ones(shape, np.float32)


def weights(gates, directions=1, hidden=8, inputs=3):
    return {"w": f(directions, gates * hidden, inputs), "r": f(directions, gates * hidden, hidden),
            "b": f(directions, 2 * gates * hidden)}


x = [value("x", ["t", "n", 3])]

# All gates of all steps at once, then the state's part step by step.
# LSTM: [[X:%.*]] = winnow.linear %arg0, {{.*}} bias({{.*}}) {transpose_weight}{{.*}} -> tensor<?x?x32xf32
# LSTM: scf.for
# LSTM: [[ROW:%.*]] = winnow.extract_at [[X]] at
# LSTM: winnow.linear {{.*}} residual([[ROW]])
# LSTM-COUNT-3: winnow.sigmoid
# LSTM: winnow.insert_at
# LSTM-NOT: winnow.linear
save("lstm", [node("LSTM", "x w r b", "y h c", hidden_size=8)], x, ["y", "h", "c"], weights(4))

# From the last step to the first; no output of all steps.
# REVERSE: scf.for [[I:%[a-z0-9]+]] =
# REVERSE: [[T:%.*]] = arith.subi {{%.*}}, [[I]] : index
# REVERSE: winnow.extract_at {{.*}} at [[T]]
# REVERSE: winnow.tanh
# REVERSE-NOT: winnow.insert_at
save("reverse", [node("RNN", "x w r", "- h", hidden_size=8, direction="reverse")], x, ["h"],
     weights(1))

# Two loops; the batch first inside and out.
# BOTH: winnow.transpose %arg0 [1, 0, 2]
# BOTH-COUNT-2: scf.for
# BOTH: winnow.concat {{.*}} {axis = 1 : i64}
# BOTH: return
# The weights of a direction are a part of the file's bytes.
# RAISED-NOT: winnow.slice {{.*}}48x96
# RAISED: winnow.constant dense_resource
save("both", [node("GRU", "x w r", "y", hidden_size=32, direction="bidirectional", layout=1)],
     [value("x", ["n", "t", 3])], ["y"], weights(3, 2, 32))

# The reset gate after the product: all three gates in one, with their bias.
# AFTER: scf.for
# AFTER: winnow.linear {{.*}} bias({{.*}}) {{.*}} -> tensor<?x24xf32
# AFTER-NOT: winnow.linear
save("after", [node("GRU", "x w r b", "y", hidden_size=8, linear_before_reset=1)], x, ["y"],
     weights(3))

# A sequence that is over keeps its state and puts out zeros.
# LENGTHS: [[INSIDE:%.*]] = winnow.compare lt
# LENGTHS: winnow.select [[INSIDE]]
# LENGTHS: winnow.select [[INSIDE]]
save("lengths", [node("RNN", "x w r - lengths", "y", hidden_size=8)],
     [*x, value("lengths", ["n"], 6)], ["y"], weights(1))

# Lengths that are the input's say nothing.
# FULL: scf.for
# FULL-NOT: winnow.select
save("full", [node("RNN", "x w r - lengths", "y", hidden_size=8)], [value("x", [5, 2, 3])], ["y"],
     {**weights(1), "lengths": np.array([5, 5], np.int32)})

# ACTIVATION: expected an activation that ONNX knows, got 'Cosh'
save("activation", [node("RNN", "x w r", "y", hidden_size=8, activations=["Cosh"])], x, ["y"],
     weights(1))
# COUNT: expected 4 activations, got 2
save("count", [node("GRU", "x w r", "y", hidden_size=8, activations=["Tanh"] * 2,
                    direction="bidirectional")], x, ["y"], weights(3, 2))
# DIRECTION: expected direction forward, reverse or bidirectional, got 'up'
save("direction", [node("RNN", "x w r", "y", hidden_size=8, direction="up")], x, ["y"], weights(1))
# HIDDEN: expected R and hidden_size to match, got 8 and 9
save("hidden", [node("RNN", "x w r", "y", hidden_size=9)], x, ["y"], weights(1))
