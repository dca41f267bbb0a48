"""One column of many rows: an array of what fits its type, and beside it the cells that don't, as they were written."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from inference.signature import Column

# What a number looks like in a CSV; everything else is a text. A gap is an empty cell, or one of these words.
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
GAPS = ("", "NaN", "nan", "NA", "null", "NULL")
TRUE, FALSE = ("true", "True", "TRUE", "1"), ("false", "False", "FALSE", "0")
_ONLY_NUMBERS = re.compile(r"[0-9+\-.eE]*")
_EXACT = 2**53

_FILL: dict[str, Any] = {"f": np.nan, "i": 0, "b": False, "O": ""}


class CellColumn(NamedTuple):
    """values: float64 with NaN for a gap, int64, bool, or an object array of strings; odd: row to cell."""

    values: "np.ndarray[Any, Any]"
    odd: dict[int, Any]

    def cell(self, row: int) -> Any:
        """As a client would send it."""
        if row in self.odd:
            return self.odd[row]
        value = self.values[row]
        plain = value if isinstance(value, str) else value.item()
        return None if plain != plain else plain


def kind_of(column: Column) -> str:
    """The kind of array a column is kept in: f, i, b or O."""
    return "O" if column.dtype == "string" else "b" if column.dtype == "bool" else column.dtype[0]


def from_texts(texts: Sequence[str], column: Column) -> CellColumn:
    """The cells of a CSV. A text that is no such value is kept as it is, for the handler to refuse."""
    kind = kind_of(column)
    if kind == "O":
        return CellColumn(_objects(texts), {})
    if kind == "f" and _ONLY_NUMBERS.fullmatch("".join(texts)):
        try:
            values = np.array(list(map(float, texts)))
            if np.isfinite(values).all():
                return CellColumn(values, {})
        except ValueError:
            pass  # a gap, or something like 1e
    return from_cells([_read(text, _READERS[kind]) for text in texts], column)


def from_cells(cells: Sequence[Any], column: Column) -> CellColumn:
    """Any values. Those that don't fit the column's type are kept as they are."""
    kind = kind_of(column)
    fits, odd, values = _FITS[kind], {}, []
    for row, cell in enumerate(cells):
        if fits(cell):
            values.append(cell)
            continue
        values.append(_FILL[kind])
        if cell is not None or kind != "f":
            odd[row] = cell
    if kind == "O":
        return CellColumn(_objects(values), odd)
    dtype = {"f": np.float64, "i": np.int64, "b": np.bool_}[kind]
    return CellColumn(np.array(values, dtype=dtype), odd)


def _objects(values: Sequence[Any]) -> "np.ndarray[Any, Any]":
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _read(text: str, read: Callable[[str], Any]) -> Any:
    bare = text.strip(" \t")
    return None if bare in GAPS else read(bare)


def _read_float(text: str) -> Any:
    return float(text) if NUMBER.fullmatch(text) else text


def _read_integer(text: str) -> Any:
    if INTEGER.fullmatch(text):
        return int(text)
    return _read_float(text)


def _read_bool(text: str) -> Any:
    return True if text in TRUE else False if text in FALSE else text


_READERS: dict[str, Callable[[str], Any]] = {"f": _read_float, "i": _read_integer, "b": _read_bool}


def _fits_float(cell: Any) -> bool:
    if type(cell) is float:
        return cell - cell == 0.0
    return type(cell) is int and -_EXACT <= cell <= _EXACT


def _fits_integer(cell: Any) -> bool:
    return type(cell) is int and -(2**63) <= cell < 2**63


_FITS: dict[str, Callable[[Any], bool]] = {
    "f": _fits_float,
    "i": _fits_integer,
    "b": lambda cell: type(cell) is bool,
    "O": lambda cell: type(cell) is str,
}
