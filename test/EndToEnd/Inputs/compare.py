"""Nodes in one model, in several forms, compiled and compared with ONNX Runtime."""

import os
import sys

import numpy as np
from build import save, value
from onnx import TensorProto, helper
from support import Checker, compile_model, open_onnxruntime, open_winnow

MICROSOFT = "com.microsoft"


class Comparison:
    """`shapes` are the inputs' dimensions by name, sizes or names of dimensions."""

    def __init__(self, name, shapes, dtypes=None, opset=21):
        self.name, self.shapes, self.dtypes, self.opset = name, shapes, dtypes or {}, opset
        self.nodes, self.peer_nodes, self.constants, self.forms = [], [], {}, {}
        self.typed = set()

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants[name] = array
        return name

    def add(self, op, inputs, outputs=1, domain=MICROSOFT, tolerance=1e-5, peer=None, typed=None,
            **attributes):  # fmt: skip
        """`inputs` are names, `-` for one that is left out; `outputs` how many there
        are, or the places of those that are compared, of which `typed` is one whose
        type the model has to say. `peer` are inputs that say the same to a peer that
        does not take these."""
        places = range(outputs) if isinstance(outputs, int) else outputs
        names = [f"y{len(self.nodes)}_{i}" if i in places else "" for i in range(max(places) + 1)]
        split = lambda text: ["" if each == "-" else each for each in text.split()]
        for nodes, each in ((self.nodes, inputs), (self.peer_nodes, peer or inputs)):
            nodes.append(helper.make_node(op, split(each), names, domain=domain, **attributes))
        form = f"{op} {inputs} {' '.join(f'{k}={v}' for k, v in attributes.items())}"
        for name in filter(None, names):
            self.forms[name] = (form, tolerance)
        if typed is not None:
            self.typed.add(names[typed])
        return names

    def run(self, sizes, feed, compare=None):
        """`feed(size)` makes the inputs for each of `sizes`; `compare(name, array)`
        is what of an output has a meaning."""
        inputs = [value(name, dims, self.dtypes.get(name, TensorProto.FLOAT))
                  for name, dims in self.shapes.items()]  # fmt: skip
        outputs = [value(name, None) if name in self.typed else name for name in self.forms]
        model, peer = (
            save(name, nodes, inputs, outputs, self.constants, self.opset, [MICROSOFT])
            for name, nodes in ((self.name, self.nodes), (self.name + "-peer", self.peer_nodes))
        )
        # Nodes are compared at all positions, also at those that a mask calls padding.
        folder = compile_model(sys.argv[2], model, os.path.join(sys.argv[1], self.name),
                               "--remove-padding=off")  # fmt: skip
        ours, peer = open_winnow(folder, threads=2), open_onnxruntime(peer)
        check = Checker()
        for size in sizes:
            feeds = feed(size)
            got, want = ours(feeds), peer(feeds)
            for name, (form, tolerance) in self.forms.items():
                a, b = got[name], want[name]
                if a.dtype != b.dtype:
                    check.errors.append(f"{form}: expected {b.dtype}, got {a.dtype}")
                if compare:
                    a, b = compare(name, a, size, feeds), compare(name, b, size, feeds)
                check.close(f"{form}: {name} for {size}", a, b, tolerance)
        check.finish()


def floats(rng, *shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)
