"""The file: a mark, a JSON header, and one block of little-endian doubles. No code, no names of code."""

import json
import struct
from typing import Any

import numpy as np

from inference.runtimes.linear_text.program import Array, NotALinearText

MARK = b"linear-text 1\n\0\0"
LENGTH = struct.Struct("<Q")
START = len(MARK) + LENGTH.size
MAX_ARRAYS = 10_000
MAX_CELLS = 1 << 30


def pack(header: dict[str, Any], arrays: list[Array], mark: bytes = MARK) -> bytes:
    """`header` may name an array by its place in the list. mark: 16 bytes that say what the file is."""
    shapes = [list(array.shape) for array in arrays]
    text = json.dumps({"arrays": shapes, "program": header}, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    blocks = [np.ascontiguousarray(array, dtype="<f8").tobytes() for array in arrays]
    return b"".join([mark, LENGTH.pack(len(text)), text, *blocks])


def unpack(content: bytes, mark: bytes = MARK) -> tuple[dict[str, Any], list[Array]]:
    """The header and the arrays, which are views of `content`. Raises NotALinearText."""
    if content[: len(mark)] != mark or len(content) < START:
        raise NotALinearText("the file does not begin as its kind does")
    (size,) = LENGTH.unpack_from(content, len(MARK))
    if size > len(content) - START:
        raise NotALinearText("the file is cut off")
    try:
        whole = json.loads(content[START : START + size])
    except (ValueError, RecursionError) as error:
        raise NotALinearText("the header is no JSON") from error
    if not isinstance(whole, dict) or set(whole) != {"arrays", "program"} or not isinstance(whole["program"], dict):
        raise NotALinearText("the header has another form")
    return whole["program"], _arrays(content, START + size, whole["arrays"])


def _arrays(content: bytes, at: int, shapes: Any) -> list[Array]:
    if not isinstance(shapes, list) or len(shapes) > MAX_ARRAYS:
        raise NotALinearText("the list of arrays has another form")
    arrays = []
    for shape in shapes:
        cells = _cells(shape)
        if cells * 8 > len(content) - at:
            raise NotALinearText("the file is cut off")
        array = np.frombuffer(content, dtype="<f8", count=cells, offset=at).reshape(shape)
        if not np.isfinite(array).all():
            raise NotALinearText("a number is not finite")
        arrays.append(array)
        at += cells * 8
    if at != len(content):
        raise NotALinearText("there is data after the end")
    return arrays


def _cells(shape: Any) -> int:
    if not isinstance(shape, list) or not 1 <= len(shape) <= 2:
        raise NotALinearText("an array has another form")
    cells = 1
    for size in shape:
        if type(size) is not int or not 0 <= size <= MAX_CELLS:
            raise NotALinearText("an array has an impossible size")
        cells *= size
    if cells > MAX_CELLS:
        raise NotALinearText("an array is too large")
    return cells
