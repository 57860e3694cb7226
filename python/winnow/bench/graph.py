"""A small builder of ONNX graphs in the manner of PyTorch's two exporters."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
F32_MIN = float(np.finfo(np.float32).min)


class Graph:
    """Collects nodes and initializers. Values are named by their scope and
    operator, as the TorchScript exporter does: `/encoder/layer.0/Add_1_output_0`."""

    def __init__(self, opset):
        self.opset = opset
        self.nodes, self.initializers = [], []
        self.scope = ""
        self._counts, self._shared = {}, {}

    def op(self, kind, *inputs, out=None, **attributes):
        """Appends a node and returns the name of its output."""
        stem = f"{self.scope}/{kind}"
        count = self._counts.get(stem, 0)
        self._counts[stem] = count + 1
        name = f"{stem}_{count}" if count else stem
        out = out or f"{name}_output_0"
        self.nodes.append(
            helper.make_node(kind, list(inputs), [out], name=name, **attributes)
        )
        return out

    def constant(self, value, dtype):
        """A Constant node of its own, as TorchScript leaves one at each use."""
        tensor = numpy_helper.from_array(np.asarray(value, dtype))
        return self.op("Constant", value=tensor)

    def shared(self, value, dtype):
        """An initializer that equal constants share, as the newer exporter does."""
        array = np.asarray(value, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._shared:
            name = f"val_{len(self._shared)}"
            self._shared[key] = self.weight(name, array)
        return self._shared[key]

    def weight(self, name, array):
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def model(self, name, inputs, outputs):
        """`inputs` and `outputs`: (name, element type, dims) each."""
        infos = [
            [helper.make_tensor_value_info(*value) for value in values]
            for values in (inputs, outputs)
        ]
        graph = helper.make_graph(self.nodes, name, *infos, self.initializers)
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", self.opset)],
            ir_version=8 if self.opset < 18 else 10,
            producer_name="winnow.bench",
        )
