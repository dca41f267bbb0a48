"""Rows of named cells."""

from typing import Any

import numpy as np

from inference.handlers import cells, table
from inference.handlers.answers import to_predictions
from inference.handlers.base import Arrays, Payload, Predictions
from inference.runtimes.base import RawOutput
from inference.signature import Signature

PLAIN = frozenset({int, float})
WITH_NULL = frozenset({int, float, type(None)})
LARGEST = {kind: float(np.finfo(kind).max) for kind in (np.float32, np.float64)}


class TabularHandler:
    """Stateless; see `handlers.base.Handler`."""

    def count_rows(self, payload: Payload) -> int:
        return table.count_rows(payload)

    def preprocess(self, payload: Payload, signature: Signature) -> Arrays:
        if signature.matrix_dtype is None:
            return cells.to_feeds(table.read_table(payload, signature), signature)
        if payload.kind == "instances" and type(payload.data) is list:
            matrix = _matrix(payload.data, signature)
            if matrix is not None:
                return {signature.feeds[0].name: matrix}
        rows = table.read_table(payload, signature)
        matrix = _matrix(rows.rows, signature)
        if matrix is None:
            raise cells.find_offender(rows, signature)
        return {signature.feeds[0].name: matrix}

    def postprocess(self, output: RawOutput, signature: Signature) -> Predictions:
        return to_predictions(output, signature)


def _matrix(rows: Any, signature: Signature) -> "np.ndarray[Any, Any] | None":
    """The fast path: every row a sequence of numbers of the right width; None on any doubt."""
    if len(rows) <= cells.ROWS_AT_ONCE:
        return _piece(rows, signature)
    arrays = []
    for piece in cells.pieces(rows):
        array = _piece(piece, signature)
        if array is None:
            return None
        arrays.append(array)
    return np.concatenate(arrays)


def _piece(rows: Any, signature: Signature) -> "np.ndarray[Any, Any] | None":
    allowed = WITH_NULL if signature.allows_missing else PLAIN
    width, dtype = signature.width, signature.matrix_dtype
    for row in rows:
        if type(row) is not list and type(row) is not tuple:
            return None
        if len(row) != width or not allowed.issuperset(map(type, row)):
            return None
    if not rows:
        return None
    if len(rows) == 1 and _surely_finite(rows[0], LARGEST[dtype]):
        return np.array(rows, dtype=dtype)
    try:
        return cells.floats(rows, dtype, signature.allows_missing)
    except cells.CellRefused:
        return None


def _surely_finite(row: Any, largest: float) -> bool:
    """Plain Python beats two numpy calls for one row; False only means "ask numpy"."""
    if None in row or not (-largest <= min(row) and max(row) <= largest):
        return False
    total = sum(row, 0.0)
    return total == total
