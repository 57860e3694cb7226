"""Winnow as an ONNX backend: the interface of onnx.backend.base, for tools that
are written against it, such as onnx.backend.test. Needs the package `onnx`.

    rep = winnow.backend.prepare(model, threads=2)
    outputs = rep.run([x, y])
"""

import numpy as np
import onnx
from onnx.backend.base import Backend, BackendRep, Device, DeviceType, namedtupledict

from ._driver import check
from ._errors import InvalidArgumentError
from ._session import Session


class WinnowBackendRep(BackendRep):
    """A compiled model."""

    def __init__(self, session):
        self.session = session
        self._names = [info.name for info in session.get_inputs()]
        self._outputs = namedtupledict("Outputs", [info.name for info in session.get_outputs()])

    def run(self, inputs, **kwargs):
        """`inputs` are a list in the model's order, a dict by name, or for a
        model of one input an array. -> the outputs, by position or name."""
        if kwargs:
            raise InvalidArgumentError(f"expected no options for run, got {', '.join(kwargs)}")
        if isinstance(inputs, np.ndarray):
            inputs = [inputs]
        if not isinstance(inputs, dict):
            if len(inputs) != len(self._names):
                raise InvalidArgumentError(
                    f"expected {len(self._names)} inputs ({', '.join(map(repr, self._names))}), "
                    f"got {len(inputs)}"
                )
            inputs = dict(zip(self._names, inputs))
        return self._outputs(*self.session.run(None, inputs))


class WinnowBackend(Backend):
    """Compiles for the CPU into a folder that does not outlive the call."""

    @classmethod
    def supports_device(cls, device):
        try:
            return Device(device).type == DeviceType.CPU
        except (AttributeError, ValueError):
            return False

    @classmethod
    def is_compatible(cls, model, device="CPU", **kwargs):
        """Whether `winnow check` finds nothing that is not supported."""
        return cls.supports_device(device) and check(model, **kwargs)["supported"]

    @classmethod
    def prepare(cls, model, device="CPU", **kwargs):
        """`kwargs` are those of winnow.Session. Raises winnow.CompileError."""
        if not cls.supports_device(device):
            raise InvalidArgumentError(f"expected the device 'CPU', got {device!r}")
        return WinnowBackendRep(Session(model, **kwargs))

    @classmethod
    def run_model(cls, model, inputs, device="CPU", **kwargs):
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(cls, node, inputs, device="CPU", outputs_info=None, **kwargs):
        """Runs one operator. `inputs` are one array for each input that has a
        name, `opset_version` says which meaning the operator has; what the
        outputs are follows from the node, so that `outputs_info` is not read."""
        names = [name for name in node.input if name]
        if len(inputs) != len(names):
            raise InvalidArgumentError(
                f"expected {len(names)} inputs for node {node.name or node.op_type!r}, "
                f"got {len(inputs)}"
            )
        arrays = {name: np.asarray(array) for name, array in zip(names, inputs)}
        values = [
            onnx.helper.make_tensor_value_info(
                name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
            )
            for name, array in arrays.items()
        ]
        outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
        opset = kwargs.pop("opset_version", onnx.defs.onnx_opset_version())
        model = onnx.helper.make_model(
            onnx.helper.make_graph([node], "node", values, outputs),
            opset_imports=[onnx.helper.make_opsetid(node.domain, opset)],
        )
        return cls.run_model(model, arrays, device, **kwargs)


is_compatible = WinnowBackend.is_compatible
prepare = WinnowBackend.prepare
run_model = WinnowBackend.run_model
run_node = WinnowBackend.run_node
supports_device = WinnowBackend.supports_device
