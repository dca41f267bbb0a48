"""Tells a model file's format from its content, and turns away what can't be a model, without running any of it.

These are the cheap checks at the door. They read the file's structure only; the sandbox in `inference.validation`
is what decides.
"""

import bz2
import lzma
import pickletools
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from registry import archives, boosters, torch_files
from registry.errors import ArtifactInvalid
from registry.models import Format

_PIECE = 1 << 20
_STOP = b"."
# A pickle that names a global outside these packages is refused at the door; the exact list is the sandbox's.
_LIBRARIES = frozenset(
    {
        "sklearn",
        "numpy",
        "scipy",
        "joblib",
        # Known, so that the sandbox can say which of them is missing here.
        "catboost",
        "imblearn",
        "lightgbm",
        "pandas",
        "xgboost",
        "collections",
        "builtins",
        "__builtin__",
        "copyreg",
        "copy_reg",
        "_codecs",
        "datetime",
        "functools",
    }
)
_FORBIDDEN_BUILTINS = frozenset(
    {
        "eval",
        "exec",
        "compile",
        "open",
        "__import__",
        "getattr",
        "setattr",
        "delattr",
        "breakpoint",
        "input",
        "globals",
        "locals",
        "vars",
    }
)
# How pickles name what joblib writes in front of an array's bytes: in one piece up to protocol 3, then in two.
_ARRAY_WRAPPER = ("joblib.numpy_pickle NumpyArrayWrapper", "NumpyArrayWrapper")
# Text protocols 0 and 1 begin with one of these opcodes: (, c, ], }, ), l, d.
_TEXT_PICKLE = b"(c]})ld"


def _gunzip() -> Any:
    return zlib.decompressobj(wbits=31)


def _lzma_any() -> Any:
    return lzma.LZMADecompressor(format=lzma.FORMAT_AUTO)


_CODECS: list[tuple[bytes, Callable[[], Any]]] = [
    (b"\x1f\x8b", _gunzip),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\x00", _lzma_any),
    (b"\x5d\x00\x00", _lzma_any),
    (b"\x78\x01", zlib.decompressobj),
    (b"\x78\x5e", zlib.decompressobj),
    (b"\x78\x9c", zlib.decompressobj),
    (b"\x78\xda", zlib.decompressobj),
]


def recognise(path: Path, *, max_unpacked_bytes: int = 8 * 1024**3) -> Format:
    """The format of the file at `path`.

    Raises ArtifactInvalid with code `empty`, `unreadable`, `unknown_format`, `archive_not_supported`,
    `archive_unsafe`, `not_torchscript`, `trailing_data`, `pickle_forbidden_global` or `size_limit`.
    """
    with path.open("rb") as file:
        head = file.read(16)
        file.seek(0)
        if not head:
            raise _refuse("empty", "The file is empty.")
        if head.startswith(archives.MAGIC):
            return _recognise_archive(path, max_unpacked_bytes)
        if head.startswith(torch_files.LEGACY_MAGIC):
            raise torch_files.no_program()
        if head.startswith(b"\x04\x22\x4d\x18"):
            raise _refuse(
                "unknown_compression",
                "lz4-compressed files can't be read here: save with joblib.dump(model, path, compress=3).",
            )
        if head[:1] == b"\x08" and _walk_onnx(file, path.stat().st_size):
            return Format.ONNX
        if (booster := boosters.recognise(file)) is not None:
            return booster
        if _looks_pickled(head) or _codec(head):
            _check_pickle(_unpacked(file, head, max_unpacked_bytes))
            return Format.SKLEARN
    raise _refuse(
        "unknown_format",
        "This is neither an ONNX model, nor a scikit-learn model saved with joblib, pickle or skops, nor a model file"
        " of XGBoost or LightGBM, nor a PyTorch program.",
    )


def _recognise_archive(path: Path, max_unpacked_bytes: int) -> Format:
    found = archives.Archive(path, max_unpacked_bytes=max_unpacked_bytes)
    if "schema.json" in found.names:
        return Format.SKOPS
    if (program := torch_files.recognise(found)) is not None:
        return program
    raise _refuse(
        "archive_not_supported",
        "Of zip files, those of TorchScript, torch.export (.pt2) and skops are accepted. Other models: upload ONNX or"
        " joblib.",
    )


def _refuse(code: str, message: str) -> ArtifactInvalid:
    return ArtifactInvalid(message, code=code, field="file")


# -- ONNX: the top level of a protocol buffer ---------------------------------------------------------


def _walk_onnx(file: BinaryIO, size: int) -> bool:
    """Whether the file is a ModelProto: known top-level fields to the very end, with a graph (field 7) among them.

    Raises ArtifactInvalid when it begins as one and breaks off.
    """
    seen: set[int] = set()
    try:
        while file.tell() < size:
            field, kind = divmod(_varint(file), 8)
            if field not in {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26} or kind not in (0, 2):
                return _broken(seen)
            seen.add(field)
            length = _varint(file)
            if kind == 2:
                if file.tell() + length > size:
                    return _broken(seen | {field})
                file.seek(length, 1)
    except EOFError:
        return _broken(seen)
    finally:
        end = file.tell()
        file.seek(0)
    return 7 in seen and end == size


def _broken(seen: set[int]) -> bool:
    if seen & {7, 8} or {1, 2} <= seen:
        raise _refuse(
            "unreadable",
            "The file begins as an ONNX model but is cut off or damaged: save it and upload it again.",
        )
    return False


def _varint(file: BinaryIO) -> int:
    value = shift = 0
    while shift < 64:
        byte = file.read(1)
        if not byte:
            raise EOFError
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
        shift += 7
    raise EOFError


# -- Pickles, compressed or not -----------------------------------------------------------------------


def _looks_pickled(head: bytes) -> bool:
    return (
        (head[:1] == b"\x80" and 2 <= head[1] <= 5)
        if head[:1] == b"\x80" and len(head) > 1
        else head[:1] in [bytes([b]) for b in _TEXT_PICKLE]
    )


def _codec(head: bytes) -> Callable[[], Any] | None:
    return next((make for magic, make in _CODECS if head.startswith(magic)), None)


def _unpacked(file: BinaryIO, head: bytes, limit: int) -> Iterator[bytes]:
    """The file's pieces, decompressed once. Raises `unreadable` when it breaks off, `size_limit` over `limit` bytes."""
    make = _codec(head)
    if make is None:
        yield from iter(lambda: file.read(_PIECE), b"")
        return
    codec, total = make(), 0
    try:
        while piece := file.read(_PIECE):
            if codec.eof:
                raise _refuse("trailing_data", "There is data after the end of the compressed model.")
            for part in _pieces(codec, piece):
                total += len(part)
                if total > limit:
                    raise _refuse("size_limit", "The file unpacks to more than the platform accepts.")
                yield part
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise _refuse("unreadable", "The compressed file is damaged: save it and upload it again.") from error
    if not codec.eof:
        raise _refuse("unreadable", "The compressed file is cut off: save it and upload it again.")


def _pieces(codec: Any, piece: bytes) -> Iterator[bytes]:
    """What `piece` decompresses to, in bounded parts, whichever way the codec keeps its rest."""
    yield codec.decompress(piece, _PIECE)
    while not codec.eof and (rest := getattr(codec, "unconsumed_tail", b"")):
        yield codec.decompress(rest, _PIECE)
    while not codec.eof and not getattr(codec, "needs_input", True):
        yield codec.decompress(b"", _PIECE)


def _check_pickle(pieces: Iterator[bytes]) -> None:
    """Refuse a stream that doesn't end as a pickle does, or whose readable beginning names a forbidden global."""
    first = next(pieces, b"")
    last = first[-1:]
    for piece in pieces:
        last = piece[-1:] or last
    if not _looks_pickled(first[:2]):
        raise _refuse("unknown_format", "The compressed file doesn't hold a scikit-learn model.")
    _check_globals(first)
    if last != _STOP:
        raise _refuse("unreadable", "The model file is cut off: save it and upload it again.")


def _check_globals(beginning: bytes) -> None:
    """Judge the globals that the opcodes name, up to the first array that joblib put between them.

    Its bytes are no opcodes of this stream: an array of objects is a pickle with a memo of its own, and names looked
    up in ours would be made up. What comes after is judged in the sandbox.
    """
    pushed: list[str | None] = []  # what each opcode left on the stack: a text, or None for anything else
    memo: dict[int, str | None] = {}
    before, array_follows = "", False
    try:
        for opcode, argument, _ in pickletools.genops(beginning):
            name = opcode.name
            if array_follows and name == "BUILD" and before in ("SETITEM", "SETITEMS"):
                return  # the wrapper's own state ends here
            before, array_follows = name, array_follows or argument in _ARRAY_WRAPPER
            if name in ("GLOBAL", "INST"):
                module, _, attribute = str(argument).partition(" ")
                _judge(module, attribute)
            elif name == "STACK_GLOBAL" and len(pushed) >= 2 and pushed[-1] is not None and pushed[-2] is not None:
                _judge(pushed[-2], pushed[-1])
            if name == "MEMOIZE":
                memo[len(memo)] = pushed[-1] if pushed else None
            elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
                memo[int(str(argument))] = pushed[-1] if pushed else None
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                pushed.append(memo.get(int(str(argument))))
            else:
                pushed.append(argument if isinstance(argument, str) else None)
    except ValueError:
        return  # no opcode: the walk ends here, and the sandbox judges the rest


def _judge(module: str, name: str) -> None:
    if module.partition(".")[0] not in _LIBRARIES or (
        module in ("builtins", "__builtin__") and name in _FORBIDDEN_BUILTINS
    ):
        raise _refuse(
            "pickle_forbidden_global",
            f"The file would run {module}.{name} when it is opened. Only scikit-learn, NumPy and SciPy objects "
            "are accepted; for custom code export the model to ONNX.",
        )
