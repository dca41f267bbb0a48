"""Nested lists of a fixed rank per instance: images, sequences, several named tensors.

Where an input has a picture's shape, an encoded picture may stand for its lists: `pictures` says how it is read.
"""

from itertools import chain
from typing import Any

import numpy as np

from inference.errors import InputInvalid
from inference.handlers import cells, picture_limits, table
from inference.handlers.answers import to_predictions
from inference.handlers.base import Arrays, Payload, Predictions
from inference.runtimes.base import RawOutput
from inference.signature import DTYPES, FEED_DTYPES, NUMBER_DTYPES, Column, Feed, Signature

LEAVES: dict[str, frozenset[type]] = {
    "bool": frozenset({bool}),
    "string": frozenset({str}),
    **{name: frozenset({int, float}) for name in NUMBER_DTYPES},
}


class TensorHandler:
    """Stateless; see `handlers.base.Handler`. Takes `instances` or `inputs`."""

    def count_rows(self, payload: Payload) -> int:
        return table.count_rows(payload)

    def preprocess(self, payload: Payload, signature: Signature) -> Arrays:
        table.count_rows(payload)
        if payload.kind not in ("instances", "inputs"):
            message = "this model takes tensors: send instances or inputs"
            raise InputInvalid("wrong_type", message, path=payload.kind)
        arrays: Arrays = {}
        for feed in signature.feeds:
            at = feed.columns[0]
            column = signature.inputs[at]
            values, prefix, suffix = _values(payload, at, signature)
            array = _tensor(values, column, feed)
            if array is None and picture_limits.takes_pictures(column) and str in map(type, values):
                array = _with_pictures(values, column, feed, prefix, suffix)
            if array is None:
                raise _offender(values, column, feed, prefix, suffix)
            arrays[feed.name] = array
        if len({len(array) for array in arrays.values()}) != 1:
            message = "the inputs do not have the same number of rows"
            raise InputInvalid("ragged_rows", message, path=payload.kind)
        return arrays

    def postprocess(self, output: RawOutput, signature: Signature) -> Predictions:
        return to_predictions(output, signature)


def _values(payload: Payload, at: int, signature: Signature) -> tuple[list[Any], str, str]:
    """One input's values for all rows, and the caller's path to them: prefix[row]suffix."""
    name = signature.names[at]
    if payload.kind == "inputs":
        _check_names(payload.data, signature, "inputs", None)
        values = payload.data[name]
        if not isinstance(values, list):
            path = f"inputs.{name}"
            raise InputInvalid("wrong_type", f"{path} must be a list", path=path, column=name)
        return values, f"inputs.{name}", ""
    if signature.width == 1 and not isinstance(payload.data[0], dict):
        return payload.data, "instances", ""
    for row, entry in enumerate(payload.data):
        path = f"instances[{row}]"
        if not isinstance(entry, dict):
            raise InputInvalid("wrong_type", f"{path} must be an object", path=path, row=row)
        _check_names(entry, signature, path, row)
    return [entry[name] for entry in payload.data], "instances", f".{name}"


def _check_names(given: dict[str, Any], signature: Signature, path: str, row: int | None) -> None:
    for name in signature.names:
        if name not in given:
            message = f"input {name!r} is missing"
            raise InputInvalid("missing_column", message, path=path, row=row, column=name)
    for name in given:
        if name not in signature.index:
            message = f"the model has no input {table.shorten(name)}"
            raise InputInvalid("unknown_column", message, path=path, row=row, column=name)


def _tensor(values: list[Any], column: Column, feed: Feed) -> "np.ndarray[Any, Any] | None":
    """(rows, *shape), or None when anything does not fit."""
    leaves: Any = values
    try:
        for _ in column.shape:
            leaves = chain.from_iterable(_only_lists(leaves))
        if not LEAVES[column.dtype].issuperset(map(type, leaves)):
            return None
        with np.errstate(over="ignore", invalid="raise"):
            array = np.array(values, dtype=DTYPES[column.dtype])
        if not _fits(array, column.shape) or not _is_clean(array, values, column):
            return None
        return cells.narrow(array, FEED_DTYPES[feed.dtype])
    except (TypeError, ValueError, OverflowError, FloatingPointError, cells.CellRefused):
        return None


def _with_pictures(
    values: list[Any], column: Column, feed: Feed, prefix: str, suffix: str
) -> "np.ndarray[Any, Any] | None":
    """(rows, *shape) from texts and nested lists side by side, or None when some list does not fit."""
    from inference.handlers import pictures  # Pillow is for those who send pictures

    rows: list[np.ndarray[Any, Any]] = []
    for row, value in enumerate(values):
        if type(value) is str:
            try:
                rows.append(pictures.to_tensor(value, column, feed))
            except pictures.Refused as refused:
                raise refused.at(f"{prefix}[{row}]{suffix}", row=row, column=column.name) from refused
            continue
        array = _tensor([value], column, feed)
        if array is None:
            return None
        rows.append(array[0])
    return np.stack(rows)


def _is_clean(array: "np.ndarray[Any, Any]", values: list[Any], column: Column) -> bool:
    if column.dtype in ("float32", "float64"):
        return bool(np.isfinite(array).all())
    if column.dtype == "string":
        return all(cells.judge(cell, "string", False) is None for cell in array.reshape(-1))
    if column.dtype == "int64":
        return bool((np.array(values, dtype=np.float64) == array).all())
    return True


def _only_lists(values: Any) -> Any:
    for value in values:
        if type(value) is not list:
            raise TypeError("not a list")
        yield value


def _fits(array: "np.ndarray[Any, Any]", shape: tuple[int, ...]) -> bool:
    return array.ndim == len(shape) + 1 and all(
        wanted in (-1, size) for wanted, size in zip(shape, array.shape[1:], strict=True)
    )


def _offender(values: list[Any], column: Column, feed: Feed, prefix: str, suffix: str) -> InputInvalid:
    dtype = feed.dtype if column.dtype in NUMBER_DTYPES else column.dtype
    for row, value in enumerate(values):
        if type(value) is str and picture_limits.takes_pictures(column):
            continue  # read before, and found to be a picture
        path = f"{prefix}[{row}]{suffix}"
        refusal = _judge(value, column.shape, dtype, path)
        if refusal is not None:
            code, message, where = refusal
            text = f"{where}: {message}"
            return InputInvalid(code, text, path=where, row=row, column=column.name)
    message = f"{prefix} holds tensors of different shapes"
    return InputInvalid("ragged_rows", message, path=prefix, column=column.name)


def _judge(value: Any, shape: tuple[int, ...], dtype: str, path: str) -> tuple[str, str, str] | None:
    if not shape:
        refusal = cells.judge(value, dtype, False)
        return None if refusal is None else (*refusal, path)
    if not isinstance(value, list):
        return "wrong_type", f"expected a list of {_sizes(shape)} values", path
    if shape[0] not in (-1, len(value)):
        return "wrong_width", f"expected {shape[0]} entries, got {len(value)}", path
    for at, part in enumerate(value):
        refusal_below = _judge(part, shape[1:], dtype, f"{path}[{at}]")
        if refusal_below is not None:
            return refusal_below
    return None


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join("any number of" if size < 0 else str(size) for size in shape)
