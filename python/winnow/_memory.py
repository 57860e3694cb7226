"""Memory of outputs, which is used again when nobody holds them any more."""

import collections
import math

import numpy as np

# Below, malloc does the same. It gives larger memory back to the system when it is
# freed, whose pages then cost more than a memcpy of the output.
_LEAST_BYTES = 1 << 17
_ALIGNMENT = 64


def _round_up(size):
    """Room for a size that grows from call to call: up to an eighth more."""
    step = 1 << (size.bit_length() - 4)
    return -(-size // step) * step


class OutputMemory:
    """Keeps as much as the outputs of one call take. One thread makes arrays; they
    may end on any."""

    def __init__(self):
        self._free, self._counts = {}, {}  # by size

    def plan(self, sizes):
        """The sizes in bytes of the outputs of the calls to come."""
        self._counts = collections.Counter(_round_up(s) for s in sizes if s >= _LEAST_BYTES)
        self._free = {size: self._free.get(size, []) for size in self._counts}
        for size, count in self._counts.items():
            del self._free[size][count:]

    def clear(self):
        self._free, self._counts = {}, {}

    def make_array(self, shape, dtype):
        size = math.prod(shape) * dtype.itemsize
        if size < _LEAST_BYTES:
            return np.empty(shape, dtype)
        size = _round_up(size)
        free = self._free.get(size)
        memory = free.pop() if free else np.empty(size + _ALIGNMENT, np.uint8)
        return np.asarray(_Lease(self, size, memory)).view(dtype)[: math.prod(shape)].reshape(shape)

    def take_back(self, size, memory):
        # Appending is atomic, so no lock, which an array that ends while it is held
        # would wait for.
        free = self._free.get(size)
        if free is not None and len(free) < self._counts.get(size, 0):
            free.append(memory)


class _Lease:
    """What an array and its views hold: its end is the end of the last of them."""

    def __init__(self, owner, size, memory):
        self._owner, self._size, self._memory = owner, size, memory
        address = memory.__array_interface__["data"][0]
        self.__array_interface__ = {
            "version": 3,
            "typestr": "|u1",
            "shape": (size,),
            "data": (address + -address % _ALIGNMENT, False),
        }

    def __del__(self):
        self._owner.take_back(self._size, self._memory)
