"""Many rows at once, a column at a time: the arrays that `cells` makes of JSON cells, made of arrays.

A cell that is taken here is one that `cells` takes, and becomes the same number; a test compares them. Nothing is said
here of what is wrong with the others: whoever has some asks the handler about their rows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from inference.handlers import cells
from inference.handlers.base import Arrays
from inference.handlers.folding import fold
from inference.signature import DTYPES, FEED_DTYPES, Column, Signature

Array = np.ndarray[Any, Any]


def takes_columns(signature: Signature) -> bool:
    """Whether every input is a cell. Tensors come row by row."""
    return signature.handler != "tensor" and not any(column.shape for column in signature.inputs)


def misfits(columns: Sequence[Array], signature: Signature) -> Array:
    """(rows,) true where a cell does not fit the model.

    columns: in the signature's order; float64 with NaN for a gap, int64, bool, or objects that are strings.
    """
    wrong = np.zeros(len(columns[0]), dtype=bool)
    for at, (values, column) in enumerate(zip(columns, signature.inputs, strict=True)):
        wrong |= _misfits(values, column, _feed_dtypes(at, signature), signature.allows_missing)
    return wrong


def to_feeds(columns: Sequence[Array], signature: Signature) -> Arrays:
    """The signature's feeds, of columns without misfits. Raises CellRefused where `misfits` would have told."""
    if signature.matrix_dtype is not None:
        matrix = np.empty((len(columns[0]), signature.width), dtype=signature.matrix_dtype)
        for at, values in enumerate(columns):
            matrix[:, at] = values
        return {signature.feeds[0].name: matrix}
    arrays = [_as_declared(values, column) for values, column in zip(columns, signature.inputs, strict=True)]
    return {feed.name: cells.pack(feed, arrays) for feed in signature.feeds}


def _as_declared(values: Array, column: Column) -> Array:
    if column.dtype == "string":
        return cells.text_array(fold(values.tolist(), column.fold) if column.fold else values)
    return values.astype(DTYPES[column.dtype], copy=False)


def _misfits(values: Array, column: Column, feed_dtypes: list[Any], allows_missing: bool) -> Array:
    if column.dtype == "string":
        wrong = _wrong_texts(values)
    elif values.dtype.kind == "f":
        wrong = np.isinf(values) if allows_missing else ~np.isfinite(values)
        for dtype in (DTYPES[column.dtype], *feed_dtypes):
            wrong |= _overflows(values, dtype)
    else:
        wrong = np.zeros(len(values), dtype=bool)
        if values.dtype.kind == "i":
            for dtype in feed_dtypes:
                wrong |= _overflows(values, dtype)
    if column.allowed is not None:
        wrong |= ~np.fromiter(
            (value != value or value in column.allowed for value in values.tolist()), dtype=bool, count=len(values)
        )
    return wrong


def _wrong_texts(values: Array) -> Array:
    try:
        cells.text_array(values)
    except (cells.CellRefused, TypeError):
        return np.array([cells.judge(cell, "string", False) is not None for cell in values], dtype=bool)
    return np.zeros(len(values), dtype=bool)


def _overflows(values: Array, dtype: Any) -> Array:
    if values.dtype == dtype:
        return np.zeros(len(values), dtype=bool)
    with np.errstate(over="ignore", invalid="ignore"):
        narrowed = values.astype(dtype)
    if values.dtype.kind == "i" and narrowed.dtype.kind in "iu":
        return np.asarray(narrowed != values)
    if narrowed.dtype.kind == "f":
        return np.asarray(np.isinf(narrowed) & np.isfinite(values))
    return np.zeros(len(values), dtype=bool)


def _feed_dtypes(at: int, signature: Signature) -> list[Any]:
    return [FEED_DTYPES[feed.dtype] for feed in signature.feeds if at in feed.columns]
