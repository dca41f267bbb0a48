"""XGBoost's and LightGBM's own model files, told by how they begin and end. Nothing is parsed."""

import re
from typing import BinaryIO

from registry.errors import ArtifactInvalid
from registry.models import Format

_HEAD_BYTES, _TAIL_BYTES = 512, 256
_PIECE = 1 << 20
# JSON of any layout, and UBJSON: an object whose first key is the learner (or, rewritten by hand, the version).
_JSON = re.compile(rb'\s*\{\s*"(learner|version)"\s*:\s*[\[{]')
_UBJSON = re.compile(rb"\{(?:L\x00{7}|l\x00{3}|I\x00|[iU])(\x07learner\{|\x07version\[)")
_LIGHTGBM = re.compile(rb"tree\r?\nversion=v\d+\r?\n")
_LIGHTGBM_END = b"\nend of trees"


def recognise(file: BinaryIO) -> Format | None:
    """The library that wrote the file; None when neither did. The file is left at its beginning.

    Raises ArtifactInvalid (`unreadable`) when it begins as one and breaks off.
    """
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    if _JSON.match(head):
        _require(_tail(file).rstrip().endswith(b"}"), "XGBoost")
        return Format.XGBOOST
    if _UBJSON.match(head):
        _require(_tail(file).endswith(b"}"), "XGBoost")
        return Format.XGBOOST
    if _LIGHTGBM.match(head):
        _require(_holds(file, _LIGHTGBM_END), "LightGBM")
        return Format.LIGHTGBM
    return None


def _tail(file: BinaryIO) -> bytes:
    size = file.seek(0, 2)
    file.seek(max(size - _TAIL_BYTES, 0))
    tail = file.read(_TAIL_BYTES)
    file.seek(0)
    return tail


def _holds(file: BinaryIO, wanted: bytes) -> bool:
    """Whether the bytes occur anywhere, read in pieces that overlap."""
    kept, found = b"", False
    while not found and (piece := file.read(_PIECE)):
        found = wanted in kept + piece
        kept = piece[-len(wanted) :]
    file.seek(0)
    return found


def _require(is_whole: bool, library: str) -> None:
    if not is_whole:
        raise ArtifactInvalid(
            f"The file begins as a model of {library} but is cut off: save it and upload it again.",
            code="unreadable",
            field="file",
        )
