"""Names and edges that make no graph: missing, duplicate and cyclic ones, in the
graph, in branches and in functions."""
# RUN: %python %s %winnow %t

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
from corpus import (BOOL, W, X, build, call, choose, edit, function, graph, helper, node, np, onnx,
                    refuse, relu, value)

CONSTANT = helper.make_tensor("k", 1, [1], [1.0])


def chain(depth, per_level=1, name="F"):
    """Functions that each call the next `per_level` times."""
    functions = [function("F0", "a", "b", [node("Neg", "a", "b")])]
    for level in range(1, depth):
        nodes = [
            node(f"F{level - 1}", "a" if i == 0 else f"t{i - 1}",
                 "b" if i == per_level - 1 else f"t{i}", domain="local", name=name)
            for i in range(per_level)
        ]
        functions.append(function(f"F{level}", "a", "b", nodes))
    return call(functions, f"F{depth - 1}")


def long_names(levels):
    """Calls whose inlined names would take gigabytes."""
    return chain(levels, per_level=2, name="n" * 100000)


CYCLE = build([node("Add", "x b", "a"), node("Relu", "a", "b")], X, ["b"])

refuse({
    # Edges.
    "undefined input": (build([node("Add", "x z", "y")], X, ["y"]), "node 'Add#0': Add, opset 18: reads 'z', which no input, initializer or node before it defines; nodes must be free of cycles"),
    "cycle": (CYCLE, "node 'Relu#1': Relu, opset 18: reads 'a', which no input, initializer or node before it defines; nodes must be free of cycles"),
    "node that reads itself": (build([node("Add", "x y", "y")], X, ["y"]), "node 'Add#0': Add, opset 18: reads 'y', which no input, initializer or node before it defines; nodes must be free of cycles"),
    "missing output": (build([node("Relu", "x", "y")], X, ["z"]), "output 'z' is not computed by any node"),
    "no outputs": (build([node("Relu", "x", "y")], X, []), "expected a graph with outputs, got none"),
    "output listed twice": (build([node("Relu", "x", "y")], X, ["y", "y"]), "output 'y' is listed twice"),
    "node without outputs": (build([node("Relu", "x", "")], X, ["x"]), "node 'Relu#0': Relu, opset 18: expected at least one output, got none"),
    "variadic hole": (build([node("Concat", "x - x", "y", axis=0)], X, ["y"]), "node 'Concat#0': Concat, opset 18: expected input 1, got none"),
    "output of the second result": (build([node("Relu", "x", "y z")], X, ["z"]), "1 node is not supported:\n  node 'Relu#0' (Relu, opset 18): its output 'z' is not supported"),
    # Names.
    "duplicate result": (build([node("Relu", "x", "y"), node("Relu", "x", "y")], X, ["y"]), "node 'Relu#1': the name 'y' is defined twice"),
    "duplicate input": (build([node("Relu", "x", "y")], X + X, ["y"]), "the name 'x' is defined twice"),
    "result named as an input": (build([node("Relu", "x", "x")], X, ["x"]), "node 'Relu#0': the name 'x' is defined twice"),
    "result named as an initializer": (build([node("Relu", "x", "w")], X, ["w"], {"w": W}), "node 'Relu#0': the name 'w' is defined twice"),
    "one node, one name twice": (build([node("TopK", "x k", "y y")], X, ["y"], {"k": np.array([1])}), "node 'TopK#0': the name 'y' is defined twice"),
    "duplicate initializer": (
        edit(build([node("Relu", "x", "y")], X, ["y"], {"w": W}),
             lambda m: m.graph.initializer.append(m.graph.initializer[0])), "the name 'w' is defined twice"),
    "input without a name": (build([node("Relu", "x", "y")], X + [value("", [1])], ["y"]), "expected an input with a name, got none"),
    "initializer without a name": (
        edit(relu(), lambda m: m.graph.initializer.add(data_type=1, dims=[0])), "expected an initializer with a name, got none"),
    "output without a name": (build([node("Relu", "x", "y")], X, ["y", ""]), "output '' is not computed by any node"),
    # Branches.
    "no branch": (build([node("If", "c", "y")], X, ["y"], {"c": np.array(True)}), "node 'If#0': If, opset 18: expected a graph in attribute 'then_branch', got none"),
    "branch of another type": (
        build([node("If", "c", "y", then_branch=1, else_branch=2)], X, ["y"], {"c": np.array(True)}), "node 'If#0': If, opset 18: expected a graph in attribute 'then_branch', got none"),
    "branch of no outputs": (choose(graph([node("Neg", "x", "t")], "")), "node 'If#0': If, opset 18: expected a branch of 1 outputs, got 0"),
    "branch of two outputs": (choose(graph([node("Neg", "x", "t"), node("Abs", "x", "u")], "t u")), "node 'If#0': If, opset 18: expected a branch of 1 outputs, got 2"),
    "branch output not computed": (choose(graph([node("Neg", "x", "t")], "s")), "node 'If#0': output 's' of its subgraph is not computed by any node"),
    "branch cycle": (choose(graph([node("Add", "x s", "t"), node("Neg", "t", "s")], "s")), "node 'If#0/Neg#1': Neg, opset 18: reads 't', which no input, initializer or node before it defines; nodes must be free of cycles"),
    "branch redefines": (choose(graph([node("Neg", "x", "x")], "x")), "node 'If#0/Neg#0': the name 'x' is defined twice"),
    "name of a branch used outside": (
        edit(choose(graph([node("Neg", "x", "t")], "t")),
             lambda m: (m.graph.node.append(node("Abs", "t", "z")), m.graph.output.append(onnx.ValueInfoProto(name="z")))),
        "node 'Abs#1': Abs, opset 18: reads 't', which no input, initializer or node before it defines; nodes must be free of cycles"),
    "condition of two elements": (
        build([node("If", "c", "y", then_branch=graph([node("Neg", "x", "t")], "t"),
                    else_branch=graph([node("Abs", "x", "t")], "t"))], X, ["y"],
              {"c": np.array([True, False])}), "node 'If#0': If, opset 18: expected a condition of one bool"),
    "bad initializer in a branch": (
        choose(graph([node("Mul", "x k", "t")], "t", [helper.make_tensor("k", 7, [2], [1, 2]), helper.make_tensor("k", 7, [2], [1, 2])])), "the name 'k' is defined twice"),
    # Functions.
    "recursive function": (call([function("F", "a", "b", [node("F", "a", "b", domain="local")])]), "node 'F#0/F#0': function 'F' calls itself"),
    "mutual recursion": (
        call([function("F", "a", "b", [node("G", "a", "b", domain="local")]),
              function("G", "a", "b", [node("F", "a", "b", domain="local")])]), "node 'F#0/G#0/F#0': function 'F' calls itself"),
    "recursion in a branch": (
        call([function("F", "a", "b", [
            node("Constant", "", "c", value=helper.make_tensor("c", BOOL, [], [True])),
            node("If", "c", "b",
                 then_branch=graph([node("F", "a", "t", domain="local")], "t"),
                 else_branch=graph([node("Neg", "a", "t")], "t"))])]), "node 'F#0/If#1/F#0': function 'F' calls itself"),
    "unknown function": (call([], "F"), "1 node is not supported:\n  node 'F#0' (local.F, opset 1): the operator's domain is not supported"),
    "layout of one CPU": (build([node("Conv", "x x", "y", domain="com.microsoft.nchwc")], X, ["y"]), "1 node is not supported:\n  node 'Conv#0' (com.microsoft.nchwc.Conv): the operator's domain is not supported; have ONNX Runtime save the model with ORT_ENABLE_EXTENDED, not with layouts that only some CPUs have"),
    "function of too many inputs": (call([function("F", "a", "b", [node("Neg", "a", "b")])], inputs="x x"), "node 'F#0': local.F, opset 1: expected at most 1 inputs and 1 outputs, got 2 and 1"),
    "function of too many outputs": (
        call([function("F", "a", "b", [node("Neg", "a", "b")])], outputs="y z"), "node 'F#0': local.F, opset 1: expected at most 1 inputs and 1 outputs, got 1 and 2"),
    "function input that is left out": (
        call([function("F", "a c", "b", [node("Add", "a c", "b")])], inputs="x"), "node 'F#0/Add#0': Add, opset 18: reads 'c', which no input, initializer or node before it defines; nodes must be free of cycles"),
    "function sees no outer names": (call([function("F", "a", "b", [node("Add", "a x", "b")])]), "node 'F#0/Add#0': Add, opset 18: reads 'x', which no input, initializer or node before it defines; nodes must be free of cycles"),
    "function output not computed": (call([function("F", "a", "b", [node("Neg", "a", "c")])]), "node 'F#0': output 'b' of function 'F' is not computed by any node"),
    "function inputs of one name": (
        call([function("F", "a a", "b", [node("Neg", "a", "b")])], inputs="x x"), "node 'F#0': function 'F' has two inputs of one name"),
    "function without an opset": (
        call([helper.make_function("local", "F", ["a"], ["b"], [node("Neg", "a", "b")], [])]), "node 'F#0/Neg#0': Neg: the model imports no opset of the default domain"),
    "function of another opset": (call([function("F", "a", "b", [node("Neg", "a", "b")], opset=99)]), "node 'F#0': expected an opset of the default domain from 1 to 27, got 99"),
    "deep calls": (chain(66), "node 'F65#0/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F': expected at most 64 nested calls, got more"),
    # What a small file may ask for.
    "too many nodes": (chain(30, per_level=2), "node 'F29#0/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/F/Neg#0': expected at most 1048576 nodes, got more; allow them with --max-nodes"),
    "fewer nodes allowed": (
        build([node("Neg", "x", "a"), node("Neg", "a", "b"), node("Neg", "b", "y")], X, ["y"]), "node 'Neg#2': expected at most 2 nodes, got more; allow them with --max-nodes",
        "--max-nodes=2"),
    "too many operations": (
        build([node("Conv", "x k", "y")], [value("x", [1, 1, 16, 16])], ["y"],
              {"k": np.ones((1, 1, 7, 7), np.float32)}), "node 'Conv#0': Conv, opset 18: expected a model that is taken apart into at most 40 operations, got more; allow them with --max-nodes",
        "--max-nodes=40"),
    "names that grow": (long_names(14), f"node 'F13#0/{'n' * 194}...{'n' * 200}': inlined functions and branches take more than 67108864 bytes; allow more with --max-constant-fold-bytes", "--max-constant-fold-bytes=64M"),
    "too many symbols": (
        build([node("Neg", "x0", "y")], [value(f"x{i}", [f"n{i}"]) for i in range(1025)], ["y"]), "MODEL: expected at most 1024 dynamic dimensions, got 1025"),
    "a chain of squares": (
        build([node("Shape", "x", "s0")] + [node("Mul", f"s{i} s{i}", f"s{i + 1}") for i in range(60)] +
              [node("Expand", "k s60", "y")], [value("x", ["n"])], ["y"], {"k": np.float32([1])}), "1 node is not supported:\n  node 'Mul#10' (Mul, opset 18): its sizes are too large an expression over the dynamic dimensions; fix the dimensions with --dim NAME=SIZE"),
    "a chain of products of sums": (
        build([node("Shape", "x", "s"), node("Split", "s", "a0 b", axis=0, num_outputs=2)] +
              [n for i in range(60) for n in (node("Add", f"a{i} b", f"c{i}"), node("Mul", f"c{i} a{i}", f"a{i + 1}"))] +
              [node("Expand", "k a60", "y")], [value("x", ["n", "m"])], ["y"], {"k": np.float32([1])}), "1 node is not supported:\n  node 'Mul#9' (Mul, opset 18): its sizes are too large an expression over the dynamic dimensions; fix the dimensions with --dim NAME=SIZE"),
})
