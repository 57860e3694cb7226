"""winnow/abi.h and winnow/runtime.h, version 7, for ctypes. A model's shared
library exports both its descriptor and the runtime."""

import ctypes
from ctypes import (
    POINTER,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)

import numpy as np

from ._errors import BY_CODE, Error, FileError, NotFoundError, VersionError

VERSION = 10


def _small(name, bits):
    """A type that numpy does not have of its own; without ml_dtypes it is its bits."""
    try:
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, name))
    except (ImportError, AttributeError):
        return np.dtype(bits)


# number: (onnxruntime's name, numpy's type)
DTYPES = {
    1: ("float", np.dtype(np.float32)),
    2: ("uint8", np.dtype(np.uint8)),
    3: ("int8", np.dtype(np.int8)),
    4: ("uint16", np.dtype(np.uint16)),
    5: ("int16", np.dtype(np.int16)),
    6: ("int32", np.dtype(np.int32)),
    7: ("int64", np.dtype(np.int64)),
    9: ("bool", np.dtype(np.bool_)),
    10: ("float16", np.dtype(np.float16)),
    11: ("double", np.dtype(np.float64)),
    12: ("uint32", np.dtype(np.uint32)),
    13: ("uint64", np.dtype(np.uint64)),
    16: ("bfloat16", _small("bfloat16", np.uint16)),
    17: ("float8e4m3fn", _small("float8_e4m3fn", np.uint8)),
    18: ("float8e4m3fnuz", _small("float8_e4m3fnuz", np.uint8)),
    19: ("float8e5m2", _small("float8_e5m2", np.uint8)),
    20: ("float8e5m2fnuz", _small("float8_e5m2fnuz", np.uint8)),
    21: ("uint4", _small("uint4", np.uint8)),
    22: ("int4", _small("int4", np.uint8)),
    23: ("float4e2m1", _small("float4_e2m1fn", np.uint8)),
    24: ("float8e8m0", _small("float8_e8m0fnu", np.uint8)),
    25: ("uint2", _small("uint2", np.uint8)),
    26: ("int2", _small("int2", np.uint8)),
}


class Dim(ctypes.Structure):
    _fields_ = [
        ("size", c_int64),
        ("symbol", c_int32),
        ("from_data", c_int32),
        ("factor", c_int64),
        ("offset", c_int64),
    ]


class SymbolDesc(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p),
        ("min", c_int64),
        ("max", c_int64),
        ("from_data", c_int32),
        ("reserved", c_int32),
    ]


class TensorDesc(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p),
        ("c_name", c_char_p),
        ("dtype", c_int32),
        ("rank", c_int32),
        ("dims", POINTER(Dim)),
    ]


class Code(ctypes.Structure):
    _fields_ = [
        ("cpu_level", c_char_p),
        ("cpu_features", c_uint64),
        ("scratch_bytes", c_int64),
        ("workspace_bytes", c_void_p),
        ("run", c_void_p),
        ("gpu", c_void_p),
    ]


class ModelDesc(ctypes.Structure):
    """As far as it is read here."""

    _fields_ = [
        ("abi_version", c_uint32),
        ("struct_size", c_uint32),
        ("name", c_char_p),
        ("compiler_version", c_char_p),
        ("target", c_char_p),
        ("num_inputs", c_int32),
        ("num_outputs", c_int32),
        ("num_symbols", c_int32),
        ("num_sites", c_int32),
        ("num_ops", c_int32),
        ("num_codes", c_int32),
        ("inputs", POINTER(TensorDesc)),
        ("outputs", POINTER(TensorDesc)),
        ("symbols", POINTER(SymbolDesc)),
        ("sites", c_void_p),
        ("ops", c_void_p),
        ("codes", POINTER(Code)),
        ("weights_bytes", c_int64),
        ("weights_sha256", c_uint8 * 32),
        ("embedded_weights", c_void_p),
    ]


class ModelOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("weights_path", c_char_p),
        ("weights", c_void_p),
        ("weights_bytes", c_size_t),
        ("flags", c_uint32),
        ("shared", c_void_p),
    ]


class ContextOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("num_threads", c_int32),
        ("spin_us", c_int32),
        ("workspace", c_void_p),
        ("workspace_bytes", c_size_t),
    ]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("dtype", c_int32),
        ("rank", c_int32),
        ("reserved", c_uint32),
        ("dims", c_void_p),
        ("data", c_void_p),
        ("bytes", c_size_t),
        ("name", c_char_p),
    ]


class Library:
    """A model's shared library. It stays loaded until the process ends."""

    _SIGNATURES = {
        "status_code": (ctypes.c_int, [c_void_p]),
        "status_message": (c_char_p, [c_void_p]),
        "status_free": (None, [c_void_p]),
        "runtime_version": (c_char_p, []),
        "model_open": (c_void_p, [c_void_p, POINTER(ModelOptions), POINTER(c_void_p)]),
        "model_close": (None, [c_void_p]),
        "model_code": (POINTER(Code), [c_void_p]),
        "context_create": (
            c_void_p,
            [c_void_p, POINTER(ContextOptions), POINTER(c_void_p)],
        ),
        "context_destroy": (None, [c_void_p]),
        "context_num_threads": (c_int32, [c_void_p]),
        "context_plan": (
            c_void_p,
            [c_void_p, c_void_p, c_size_t, POINTER(c_int64), c_size_t, c_void_p],
        ),
        "context_output_dims": (c_void_p, [c_void_p, POINTER(c_int64), c_size_t]),
        "context_set_workspace": (c_void_p, [c_void_p, c_void_p, c_size_t]),
        "run": (c_void_p, [c_void_p, c_void_p, c_size_t, c_void_p, c_size_t]),
    }

    def __init__(self, path, name):
        try:
            library = ctypes.CDLL(path)
        except OSError as error:
            raise FileError(f"cannot load the model: {error}") from None
        for function, (result, arguments) in self._SIGNATURES.items():
            try:
                entry = getattr(library, "winnow_" + function)
            except AttributeError:
                raise VersionError(
                    f"expected '{path}' to hold winnow's runtime, got a library without "
                    f"winnow_{function}; compile the model with this version of winnow"
                ) from None
            entry.restype, entry.argtypes = result, arguments
            setattr(self, function, entry)
        self._library, self._name = library, name
        self.descriptor = self.find_form("")
        if self.descriptor is None:
            raise NotFoundError(
                f"expected '{path}' to export '{name}_model', got no such symbol; a library "
                "keeps the name that it was compiled with"
            )
        if self.descriptor.abi_version != VERSION:
            raise VersionError(
                f"expected a model of ABI version {VERSION}, got version "
                f"{self.descriptor.abi_version}; compile it with this version of winnow"
            )

    def find_form(self, form):
        """-> the descriptor of a form of the model, or None."""
        try:
            return ModelDesc.in_dll(self._library, "_".join(filter(None, (self._name, form, "model"))))
        except ValueError:
            return None

    def check(self, status):
        """Raises what a status says, if it says anything."""
        if not status:
            return
        code = self.status_code(status)
        message = self.status_message(status).decode(errors="replace")
        self.status_free(status)
        raise BY_CODE.get(code, Error)(message)
