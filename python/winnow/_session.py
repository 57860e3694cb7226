"""Running compiled models, with onnxruntime's calling habits."""

import ctypes
import math
import os
import tempfile
import threading

import numpy as np

from ._abi import DTYPES, ContextOptions, Library, ModelOptions, Tensor
from ._artifact import find_artifact
from ._driver import compile
from ._errors import CapacityError, InvalidArgumentError, NotFoundError, OutOfMemoryError
from ._memory import OutputMemory


class TensorInfo:
    """An input or output: `name`, `type` ("tensor(float)") and `shape`, a list
    of sizes, names of symbols, and None for sizes computed from others."""

    def __init__(self, desc, symbols):
        self.name = desc.name.decode(errors="surrogateescape")
        self.type = f"tensor({DTYPES[desc.dtype][0]})"
        self.shape = []
        for dim in desc.dims[: desc.rank]:
            if dim.size >= 0:
                self.shape.append(dim.size)
            else:
                self.shape.append(symbols[dim.symbol] if dim.factor == 1 and not dim.offset else None)
        self._number, self.dtype = desc.dtype, DTYPES[desc.dtype][1]
        # What numpy does not know may be given as its bits.
        self.bits = self.dtype if desc.dtype < 16 else np.dtype(f"u{self.dtype.itemsize}")
        self._from_data = any(dim.from_data for dim in desc.dims[: desc.rank])

    def __repr__(self):
        return f"TensorInfo(name={self.name!r}, type={self.type!r}, shape={self.shape!r})"


class _Model:
    """An open model; closed when nothing uses it any more."""

    def __init__(self, library, descriptor, weights=None, shared=None):
        self.library, self.handle = library, ctypes.c_void_p()
        options = ModelOptions(struct_size=ctypes.sizeof(ModelOptions))
        if shared:
            options.shared = shared.handle
        else:
            options.weights_path = os.fsencode(weights)
        library.check(
            library.model_open(ctypes.addressof(descriptor), options, ctypes.byref(self.handle))
        )

    def __del__(self):
        if self.handle:
            self.library.model_close(self.handle)


class _Context:
    """A context and the memory of its calls. One thread uses it."""

    def __init__(self, model, threads, inputs, outputs):
        self.model, self.library, self.process = model, model.library, os.getpid()
        self.memory = OutputMemory()
        self.handle = ctypes.c_void_p()
        options = ContextOptions(struct_size=ctypes.sizeof(ContextOptions), num_threads=threads)
        self.library.check(
            self.library.context_create(model.handle, options, ctypes.byref(self.handle))
        )
        self.inputs = (Tensor * max(len(inputs), 1))()
        self.outputs = (Tensor * max(len(outputs), 1))()
        for tensor, info in [*zip(self.inputs, inputs), *zip(self.outputs, outputs)]:
            tensor.struct_size = ctypes.sizeof(Tensor)
            tensor.dtype = info._number
        for tensor, info in zip(self.outputs, outputs):
            tensor.rank = len(info.shape)
        self.infos = outputs
        self.dims = (ctypes.c_int64 * max(sum(len(info.shape) for info in outputs), 1))()
        self.from_data = any(info._from_data for info in outputs)
        self.shapes = None  # of the inputs at the last call

    def _set_inputs(self, arrays):
        for tensor, array in zip(self.inputs, arrays):
            tensor.data = array.__array_interface__["data"][0]
            tensor.bytes = array.nbytes
        shapes = [array.shape for array in arrays]
        if shapes == self.shapes:
            return
        self.shapes = None
        # Kept: the tensors hold their addresses.
        self.input_dims = [(ctypes.c_int64 * max(len(s), 1))(*s) for s in shapes]
        for tensor, shape, dims in zip(self.inputs, shapes, self.input_dims):
            tensor.rank = len(shape)
            tensor.dims = ctypes.addressof(dims)
        self._plan(len(arrays))
        self.shapes = shapes

    def _read_dims(self, function):
        """-> the shapes of the outputs that a function of the runtime writes."""
        total = sum(len(info.shape) for info in self.infos)
        self.library.check(function(self.handle, self.dims, total))
        shapes, end = [], 0
        for info in self.infos:
            begin, end = end, end + len(info.shape)
            shapes.append(tuple(self.dims[begin:end]))
        return shapes

    def _plan(self, count):
        """Asks what room the outputs need, which is the same for equal shapes of
        inputs until data needs more."""

        def plan(handle, dims, total):
            return self.library.context_plan(handle, self.inputs, count, dims, total, None)

        self.output_shapes = self._read_dims(plan)
        self.memory.plan(
            math.prod(s) * i.dtype.itemsize for s, i in zip(self.output_shapes, self.infos)
        )

    def run(self, inputs):
        """-> the outputs."""
        self._set_inputs(inputs)
        while True:
            outputs = self._make_outputs()
            try:
                self._run(len(inputs), outputs)
            except CapacityError:
                self._plan(len(inputs))
                continue
            if not self.from_data:
                return outputs
            shapes = self._read_dims(self.library.context_output_dims)
            return [_trim(array, shape) for array, shape in zip(outputs, shapes)]

    def _make_outputs(self):
        try:
            return [
                self.memory.make_array(shape, info.dtype)
                for shape, info in zip(self.output_shapes, self.infos)
            ]
        except (MemoryError, ValueError) as error:
            # What is not to be had is not to be asked for in the next run.
            self.shapes = None
            self.memory.clear()
            self.library.check(self.library.context_set_workspace(self.handle, None, 0))
            raise OutOfMemoryError(
                f"expected memory for outputs of the shapes {self.output_shapes}, got none"
            ) from error

    def _run(self, count, outputs):
        for tensor, array in zip(self.outputs, outputs):
            tensor.data = array.__array_interface__["data"][0]
            tensor.bytes = array.nbytes
        library = self.library
        # ctypes releases the GIL here.
        library.check(library.run(self.handle, self.inputs, count, self.outputs, len(outputs)))

    def __del__(self):
        self.memory.clear()  # outputs that live on keep the rest
        # A forked child has the memory but not the threads, which could not be
        # joined there.
        if self.handle and self.process == os.getpid():
            self.library.context_destroy(self.handle)


class Session:
    """A compiled model, ready to run. Usable from several threads at a time;
    each gets a context with `threads` threads of its own.

    `model` is the folder of winnow.compile, a .so in it, or a model that
    winnow.compile takes, which is then compiled into a folder that does not
    outlive the call. `threads` counts the caller's; 0 means all cores.
    `options` are those of winnow.compile."""

    def __init__(self, model, threads=0, **options):
        if not isinstance(threads, int) or threads < 0:
            raise InvalidArgumentError(f"expected threads to be 0 or more, got {threads!r}")
        path = os.fspath(model) if isinstance(model, (str, os.PathLike)) else None
        if path is not None and (os.path.isdir(path) or path.endswith(".so")):
            if options:
                raise InvalidArgumentError(
                    f"expected an ONNX model to compile with {', '.join(options)}, got the "
                    f"compiled model '{path}'"
                )
            self._open(path)
        else:
            # The library stays mapped, and the weights in memory, when their files are gone.
            with tempfile.TemporaryDirectory(prefix="winnow-") as folder:
                options.setdefault("emit", "shared")
                self._open(compile(model, folder, **options))
        self._start(threads)

    def _start(self, threads):
        self._threads = threads
        self._packed, self._lock = None, threading.Lock()
        self._local = threading.local()
        self._context()  # so that too many threads are refused here

    def _open(self, path):
        library_path, weights, self.name, self.report = find_artifact(path)
        library = Library(library_path, self.name)
        self._use(_Model(library, library.descriptor, weights), library.descriptor)

    def _use(self, model, desc):
        self._model, library = model, model.library
        symbols = [s.name.decode(errors="replace") for s in desc.symbols[: desc.num_symbols]]
        self._inputs = [TensorInfo(d, symbols) for d in desc.inputs[: desc.num_inputs]]
        self._outputs = [TensorInfo(d, symbols) for d in desc.outputs[: desc.num_outputs]]
        self.cpu_level = library.model_code(self._model.handle).contents.cpu_level.decode()
        self.cpu_levels = [code.cpu_level.decode() for code in desc.codes[: desc.num_codes]]
        self._positions = {info.name: i for i, info in enumerate(self._outputs)}

    def get_inputs(self):
        return list(self._inputs)

    def get_outputs(self):
        return list(self._outputs)

    @property
    def threads(self):
        """Threads of one run, the caller's included."""
        context = self._context()
        return context.library.context_num_threads(context.handle)

    def _context(self):
        context = getattr(self._local, "context", None)
        if context is None or context.process != os.getpid():
            context = _Context(self._model, self._threads, self._inputs, self._outputs)
            self._local.context = context
        return context

    def run(self, output_names, input_feed):
        """-> list of arrays, those of `output_names` or, for None, all."""
        if output_names is None:
            chosen = None
        else:
            chosen = [self._find_output(name) for name in output_names]
        arrays = self._take_inputs(input_feed)
        outputs = self._context().run(arrays)
        return outputs if chosen is None else [outputs[i] for i in chosen]

    @property
    def packed(self):
        """The same model for sequences without padding, as a session of its own that
        uses the same weights. The tokens of all sequences lie one after the other:
        what is [batch, sequence, ...] here is [tokens, ...] there. In place of the
        mask there is `cu_seqlens`, [batch + 1] of int32: sequence i has the tokens
        from cu_seqlens[i] to cu_seqlens[i + 1]. Raises NotFoundError for a model
        that has no such form; its report says why."""
        with self._lock:
            if self._packed is None:
                library = self._model.library
                desc = library.find_form("packed")
                if desc is None:
                    raise NotFoundError(self._explain_no_packed())
                packed = Session.__new__(Session)
                packed.name, packed.report = self.name, self.report
                packed._use(_Model(library, desc, shared=self._model), desc)
                packed._start(self._threads)
                self._packed = packed
            return self._packed

    def _explain_no_packed(self):
        sentences = [
            entry["sentence"]
            for entry in self.report.get("passes", [])
            if entry.get("pass") == "remove-padding" and not entry.get("applied")
        ]
        why = "; ".join(sentences) or "padding was not removed from it"
        return f"expected a model that takes packed sequences, got '{self.name}': {why}"

    def run_packed(self, output_names, input_feed):
        """Session.packed.run: runs sequences without padding, given and returned one
        after the other."""
        return self.packed.run(output_names, input_feed)

    def _find_output(self, name):
        if name not in self._positions:
            raise InvalidArgumentError(
                f"unknown output {name!r}; the model's outputs are "
                + ", ".join(repr(info.name) for info in self._outputs)
            )
        return self._positions[name]

    def _take_inputs(self, feed):
        known = [info.name for info in self._inputs]
        listed = ", ".join(map(repr, known)) or "none"
        unknown = [name for name in feed if name not in known]
        if unknown:
            raise InvalidArgumentError(
                f"unknown input {unknown[0]!r}; the model's inputs are {listed}"
            )
        missing = [name for name in known if name not in feed]
        if missing:
            raise InvalidArgumentError(
                f"expected all inputs ({listed}), got none for {', '.join(map(repr, missing))}"
            )
        return [_take_input(info, feed[info.name]) for info in self._inputs]


def _trim(array, shape):
    """The first elements of an array, in another shape. They are copied where
    they would keep more than twice their memory alive."""
    if array.shape == shape:
        return array
    count = math.prod(shape)
    part = array.reshape(-1)[:count].reshape(shape)
    return part if array.size <= 2 * count else part.copy()


def _take_input(info, value):
    """`value` as a dense array of the input's type; never cast."""
    if not isinstance(value, np.ndarray):
        value = _to_array(info, value)
    dtype = value.dtype
    if dtype != info.dtype and dtype != info.bits:
        raise InvalidArgumentError(
            f"input {info.name!r}: expected {info.dtype.name}, got {dtype.name}"
            + ("" if dtype.isnative else " in the other byte order")
            + f"; convert it with .astype({info.dtype.name!r}) if that is what you mean"
        )
    # Not numpy.ascontiguousarray, which makes a vector of a scalar.
    if not (value.flags.c_contiguous and value.flags.aligned):
        value = value.copy(order="C")
    return value


def _to_array(info, value):
    if hasattr(value, "__dlpack__"):
        try:
            return np.from_dlpack(value)
        except Exception as error:
            raise InvalidArgumentError(
                f"input {info.name!r}: cannot take {type(value).__name__} by DLPack: {error}"
            ) from error
    return np.asarray(value)
