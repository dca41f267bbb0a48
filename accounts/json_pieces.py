"""A long JSON text read piece by piece, so that other threads get the interpreter in between.

orjson holds the interpreter for as long as it reads: 40 ms for 10,000 rows of 30 numbers, in which no other request of
the process is answered. Nearly all of such a text is one list of rows, which may be cut between any two of them. A
place lies between two rows if what is before it is JSON, once that is put in brackets; in the middle of a row or of a
text it isn't.

This module is not compiled (deploy/compile.py): compiled code lets no other thread in.
"""

import re
from typing import Any

import orjson

PIECE_BYTES = 64 * 1024
_FIRST_ROW = re.compile(rb'\s*\{\s*"[a-z_]+"\s*:\s*\[\s*(?=[\[{])')
_BETWEEN_ROWS = re.compile(rb"(?<=[\]}])\s*,\s*(?=[\[{])")


def loads(data: bytes) -> Any:
    """What `orjson.loads` says of `data`, also in what it raises; where the first key comes twice, anything."""
    begins = _FIRST_ROW.match(data) if len(data) > 2 * PIECE_BYTES else None
    return orjson.loads(data) if begins is None else _by_rows(data, begins.end())


def without(data: bytes, unwanted: bytes) -> bytes:
    """`data` less the bytes in `unwanted`."""
    if len(data) <= 2 * PIECE_BYTES:
        return data.translate(None, unwanted)
    return b"".join([data[at : at + PIECE_BYTES].translate(None, unwanted) for at in range(0, len(data), PIECE_BYTES)])


def _by_rows(data: bytes, first: int) -> Any:
    """An object whose first value is a list of rows, which begin at `first`."""
    rows: list[Any] = []
    at = first
    try:
        while cut := _BETWEEN_ROWS.search(data, at + PIECE_BYTES, at + 2 * PIECE_BYTES):
            rows += orjson.loads(b"[%b]" % data[at : cut.start()])
            at = cut.end()
        value = orjson.loads(data[:first] + data[at:])
    except orjson.JSONDecodeError:
        return orjson.loads(data)  # which may be nothing worse than longer rows
    name = next(iter(value))
    if type(value[name]) is not list:
        return orjson.loads(data)
    value[name] = rows + value[name]
    return value
