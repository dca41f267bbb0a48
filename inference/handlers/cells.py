"""From rows of JSON cells to the runtime's arrays, one column at a time; says which cell is wrong."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from inference.errors import InputInvalid
from inference.handlers.base import Arrays
from inference.handlers.folding import fold
from inference.handlers.table import Table, shorten
from inference.signature import DTYPES, FEED_DTYPES, Column, Feed, Signature

NUMBERS = frozenset({int, float})
ROWS_AT_ONCE = 500
"""numpy, and compiled code, hold the interpreter while they read numbers of Python; other threads get it in between."""


def to_feeds(table: Table, signature: Signature) -> Arrays:
    """Raises InputInvalid for the first cell, in reading order, that does not fit its column."""
    try:
        columns = [
            _column_array(values, column, signature.allows_missing)
            for values, column in zip(zip(*table.rows, strict=True), signature.inputs, strict=True)
        ]
        return {feed.name: pack(feed, columns) for feed in signature.feeds}
    except CellRefused:
        raise find_offender(table, signature) from None


def find_offender(table: Table, signature: Signature) -> InputInvalid:
    """The error for the first bad cell, in reading order."""
    for row, cells in enumerate(table.rows):
        for at, (cell, column) in enumerate(zip(cells, signature.inputs, strict=True)):
            refusal = judge(cell, column.dtype, signature.allows_missing) or judge(
                cell, _tightest(column, at, signature), signature.allows_missing
            )
            if refusal is None and column.allowed is not None and not _all_known((cell,), column.allowed):
                refusal = "unknown_category", f"the model does not know {shorten(cell)} in this column"
            if refusal is not None:
                code, message = refusal
                path = table.locate(row, at)
                return InputInvalid(code, f"{path}: {message}", path=path, row=row, column=column.name)
    return InputInvalid("wrong_type", "the rows do not fit the model's signature")


class CellRefused(Exception):
    """Some cell of a column is wrong; `find_offender` says which."""


def _column_array(values: tuple[Any, ...], column: Column, allows_missing: bool) -> Any:
    types = set(map(type, values))
    if column.allowed is not None and not _all_known(values, column.allowed):
        raise CellRefused
    dtype = column.dtype
    if dtype == "string":
        if types != {str}:
            raise CellRefused
        return text_array(fold(list(values), column.fold) if column.fold else values)
    if dtype == "bool":
        if types != {bool}:
            raise CellRefused
        return np.array(values, dtype=np.bool_)
    if allows_missing and dtype != "int64":
        types.discard(type(None))
    if not types <= NUMBERS:
        raise CellRefused
    if dtype == "int64":
        return _integers(values)
    return floats(values, DTYPES[dtype], allows_missing)


def _all_known(values: tuple[Any, ...], allowed: frozenset[Any]) -> bool:
    """Gaps are judged elsewhere; what cannot be looked up is not known."""
    try:
        return all(value in allowed for value in values if value is not None)
    except TypeError:
        return False


def text_array(values: Any) -> Any:
    """An object array of strings that UTF-8 can carry and C strings do not cut. Raises CellRefused."""
    try:
        whole = "".join(values).encode()
    except UnicodeEncodeError:
        raise CellRefused from None
    if b"\0" in whole:
        raise CellRefused
    return np.fromiter(values, dtype=object, count=len(values))


def floats(values: Any, dtype: Any, allows_missing: bool) -> Any:
    """Finite floats (NaN for null when allowed). Raises CellRefused."""
    if len(values) > ROWS_AT_ONCE:
        return np.concatenate([floats(piece, dtype, allows_missing) for piece in pieces(values)])
    try:
        with np.errstate(over="ignore"):
            array = np.array(values, dtype=dtype)
    except (OverflowError, ValueError, TypeError):
        raise CellRefused from None
    if not np.isfinite(array).all() and (not allows_missing or np.isinf(array).any()):
        raise CellRefused
    return array


def pieces(values: Any) -> Iterator[Any]:
    """The same, ROWS_AT_ONCE at a time. Not compiled: at each step other threads may have the interpreter."""
    for at in range(0, len(values), ROWS_AT_ONCE):
        yield values[at : at + ROWS_AT_ONCE]


def _integers(values: tuple[Any, ...]) -> Any:
    if any(type(value) is float and not value.is_integer() for value in values):
        raise CellRefused
    try:
        return np.array([int(value) for value in values], dtype=np.int64)
    except (OverflowError, ValueError):
        raise CellRefused from None


def pack(feed: Feed, columns: list[Any]) -> Any:
    """One feed out of the columns' arrays. Raises CellRefused when a value does not fit its type."""
    parts = [narrow(columns[at], FEED_DTYPES[feed.dtype]) for at in feed.columns]
    if len(feed.shape) == 1:
        return parts[0]
    parts = [part.reshape(-1, 1) for part in parts]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def narrow(values: Any, dtype: Any) -> Any:
    """The values in the runtime's own type. Raises CellRefused when one does not fit it."""
    with np.errstate(over="ignore", invalid="ignore"):
        narrowed = values.astype(dtype, copy=False)
    if values.dtype.kind == "i" and narrowed.dtype.kind in "iu" and (narrowed != values).any():
        raise CellRefused
    if narrowed.dtype.kind == "f" and (np.isinf(narrowed) & np.isfinite(values)).any():
        raise CellRefused
    return narrowed


def _tightest(column: Column, at: int, signature: Signature) -> str:
    """The type with the smallest range that the column is packed in."""
    if column.dtype in ("float64", "float32", "int64"):
        for feed in signature.feeds:
            if at in feed.columns:
                return feed.dtype
    return column.dtype


def judge(cell: Any, dtype: str, allows_missing: bool) -> tuple[str, str] | None:
    """(code, message) when the cell does not fit, else None."""
    kind = type(cell)
    if cell is None:
        if allows_missing and dtype.startswith("float"):
            return None
        return "missing_value", "a value is required, null was given"
    if dtype == "string":
        return _judge_text(cell)
    if dtype == "bool":
        return None if kind is bool else ("wrong_type", f"expected true or false, got {shorten(cell)}")
    if kind is bool:
        return "wrong_type", f"expected a number, got {str(cell).lower()}; send 1 for true and 0 for false"
    if kind not in NUMBERS:
        return "wrong_type", f"expected a number, got {shorten(cell)}"
    if "int" in dtype:
        return _judge_integer(cell, np.iinfo(dtype))
    return _judge_float(cell, np.dtype(dtype))


def _judge_text(cell: Any) -> tuple[str, str] | None:
    if type(cell) is not str:
        return "wrong_type", f"expected a string, got {shorten(cell)}"
    try:
        cell.encode()
    except UnicodeEncodeError:
        return "text", "the string holds a lone surrogate, which is no character"
    if "\0" in cell:
        return "text", "the string holds a NUL character"
    return None


def _judge_integer(cell: int | float, bounds: Any) -> tuple[str, str] | None:
    if isinstance(cell, float) and not math.isfinite(cell):
        return "non_finite", "the number is too large or not a number"
    if isinstance(cell, float) and not cell.is_integer():
        return "wrong_type", f"expected a whole number, got {shorten(cell)}"
    if not bounds.min <= cell <= bounds.max:
        return "out_of_range", f"the number must be from {bounds.min} to {bounds.max}"
    return None


def _judge_float(cell: int | float, dtype: Any) -> tuple[str, str] | None:
    try:
        value = float(cell)
    except OverflowError:
        return "non_finite", "the number is too large"
    if not math.isfinite(value):
        return "non_finite", "the number is too large or not a number"
    with np.errstate(over="ignore"):
        if not np.isfinite(np.array(value).astype(dtype)):
            return "non_finite", f"the number is too large for the model's {dtype.name} input"
    return None
