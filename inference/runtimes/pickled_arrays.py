"""Arrays inside joblib files: sizes are judged from the header, before anything is allocated."""

import math
from typing import Any

import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper

from inference.errors import ValidationFailed

STATE_KEYS = frozenset({"subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"})
MAX_DIMENSIONS = 32


class CheckedArray(NumpyArrayWrapper):
    """Stands in for joblib's array header and believes none of it."""

    def __init__(self) -> None:
        """Filled by `__setstate__` alone."""

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict) or not state.keys() <= STATE_KEYS:
            raise _refused("it carries unknown fields")
        shape = state.get("shape")
        if not isinstance(shape, tuple) or len(shape) > MAX_DIMENSIONS:
            raise _refused("its shape is not a tuple")
        if any(type(size) is not int or size < 0 for size in shape):
            raise _refused("its shape is not made of counts")
        if not isinstance(state.get("dtype"), np.dtype) or state.get("order") not in ("C", "F"):
            raise _refused("its type or order is unknown")
        subclass = state.get("subclass")
        if not isinstance(subclass, type) or not issubclass(subclass, np.ndarray):
            raise _refused("it is not an array")
        self.__dict__.update(state)

    def read(self, unpickler: Any, ensure_native_byte_order: bool) -> Any:
        needed = math.prod(self.shape) * max(self.dtype.itemsize, 1)
        if needed > unpickler.max_array_bytes:
            raise ValidationFailed(
                "memory_limit",
                f"The file declares an array of {needed:,} bytes; the limit is {unpickler.max_array_bytes:,}.",
                field="file",
            )
        if self.dtype.hasobject:
            array = unpickler.nested().load()
            if not isinstance(array, np.ndarray):
                raise _refused("its content is not an array")
            return array
        return super().read(unpickler, ensure_native_byte_order)


def _refused(reason: str) -> ValidationFailed:
    return ValidationFailed("unreadable", f"An array header in the file is malformed: {reason}.", field="file")
