"""The one place that opens pickled models.

`open_checked` is for files nobody vouches for: it admits only the globals of `globals_allowed`, and
it must run inside the sandbox, because a filter is advice and the kernel is the wall.
`open_trusted` is for versions that an authorised person marked as trusted.
"""

import bz2
import gzip
import io
import lzma
import pickle
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from joblib import numpy_pickle
from joblib.compressor import BinaryZlibFile

from inference.errors import ValidationFailed
from inference.runtimes.globals_allowed import resolve
from inference.runtimes.pickled_arrays import CheckedArray

COMPRESSIONS: tuple[tuple[bytes, Callable[[BinaryIO], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ", lzma.open),
    (b"]\x00\x00", lzma.open),
    (b"x\x01", BinaryZlibFile),
    (b"x^", BinaryZlibFile),
    (b"x\x9c", BinaryZlibFile),
    (b"x\xda", BinaryZlibFile),
)
LZ4_MAGIC = b"\x04\x22\x4d\x18"
FORBIDDEN_OPCODES = (
    pickle.INST,
    pickle.OBJ,
    pickle.PERSID,
    pickle.BINPERSID,
    pickle.EXT1,
    pickle.EXT2,
    pickle.EXT4,
    pickle.NEXT_BUFFER,
    pickle.READONLY_BUFFER,
)
WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")


@dataclass(frozen=True, slots=True)
class Opened:
    """saved_with: the other scikit-learn version that wrote the file; None when it was this one."""

    model: Any
    saved_with: str | None


def open_checked(stream: BinaryIO, *, max_array_bytes: int) -> Opened:
    """The object in a joblib or pickle file, its globals limited to the allow-list.

    Raises ValidationFailed: pickle_forbidden_global, pickle_forbidden_opcode, trailing_data,
    missing_library, library_version, memory_limit, unreadable.
    """
    return _open(stream, checked=True, max_array_bytes=max_array_bytes)


def open_widened(stream: BinaryIO, *, max_array_bytes: int) -> Opened:
    """As `open_checked`, with any importable global allowed: trusted files in the sandbox."""
    return _open(stream, checked=False, max_array_bytes=max_array_bytes)


def open_trusted(artifact: bytes) -> Any:
    """joblib first, then pickle: for versions marked as trusted, outside the sandbox.

    Raises whatever the file's classes raise while they are rebuilt.
    """
    from joblib import load  # heavy and only needed for native serving

    try:
        return load(io.BytesIO(artifact))
    except (pickle.UnpicklingError, ValueError, KeyError, EOFError):
        return pickle.loads(artifact)  # noqa: S301 - trusted by decision, see above


def _open(stream: BinaryIO, *, checked: bool, max_array_bytes: int) -> Opened:
    with _decompressed(stream) as plain, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            unpickler = CheckedUnpickler(plain, checked=checked, max_array_bytes=max_array_bytes)
            model = unpickler.load()
            trailing = plain.read(1)
        except (ValidationFailed, MemoryError):
            raise
        except RecursionError:
            raise ValidationFailed(
                "unreadable", "The file nests objects too deeply to be opened.", field="file"
            ) from None
        except (ImportError, AttributeError) as error:
            raise ValidationFailed("library_version", _version_hint(error), field="file") from error
        except Exception as error:
            raise ValidationFailed("unreadable", _unreadable(error), field="file") from error
    if trailing:
        raise ValidationFailed(
            "trailing_data",
            "The file goes on after the end of the model. Save the model alone, with joblib.dump.",
            field="file",
        )
    versions = (getattr(entry.message, "original_sklearn_version", None) for entry in said)
    return Opened(model, next((str(version) for version in versions if version), None))


@contextmanager
def _decompressed(stream: BinaryIO) -> Iterator[Any]:
    head = stream.read(6)
    stream.seek(0)
    if not head:
        raise ValidationFailed("empty", "The file is empty (0 bytes).", field="file")
    if head.startswith(LZ4_MAGIC):
        raise ValidationFailed(
            "missing_library",
            "The file is compressed with lz4, which is not installed here."
            " Save it with joblib.dump(model, path, compress=3).",
            field="file",
        )
    for magic, opener in COMPRESSIONS:
        if head.startswith(magic):
            with opener(stream) as plain:
                yield plain
            return
    yield stream


class CheckedUnpickler(numpy_pickle.NumpyUnpickler):
    """joblib's unpickler (which reads plain pickles too) with opcodes and globals limited."""

    dispatch = numpy_pickle.NumpyUnpickler.dispatch.copy()

    def __init__(self, stream: Any, *, checked: bool, max_array_bytes: int) -> None:
        super().__init__("", stream, ensure_native_byte_order=True)
        self.checked = checked
        self.max_array_bytes = max_array_bytes

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == WRAPPER:
            return CheckedArray
        if not self.checked:
            return super().find_class(module, name)
        return resolve(module, name)

    def nested(self) -> "CheckedUnpickler":
        """An unpickler under the same rules for an object array's own stream."""
        return CheckedUnpickler(self.file_handle, checked=self.checked, max_array_bytes=self.max_array_bytes)


def _refuse_opcode(unpickler: CheckedUnpickler) -> None:
    raise ValidationFailed(
        "pickle_forbidden_opcode",
        "The file uses a pickle instruction that saved models do not use. Save the model with joblib.dump.",
        field="file",
    )


for _opcode in FORBIDDEN_OPCODES:
    CheckedUnpickler.dispatch[_opcode[0]] = _refuse_opcode


def _unreadable(error: Exception) -> str:
    return (
        "The file is damaged or cut short: it cannot be read as joblib or pickle "
        f"({type(error).__name__}: {error}). Save the model again and compare the file sizes."
    )


def _version_hint(error: Exception) -> str:
    return (
        f"The file needs something that the installed libraries do not have ({error}). "
        "Save the model with the versions named in the report, or export it to ONNX."
    )
