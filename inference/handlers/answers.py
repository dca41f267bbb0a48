"""The runtime's arrays as plain values that JSON can carry."""

import math
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from inference.handlers import cells
from inference.handlers.base import Predictions
from inference.runtimes.base import RawOutput
from inference.signature import Signature

FEW_CELLS = 64


class AnswerColumns(NamedTuple):
    """What `to_predictions` says, as arrays; a test compares the two.

    labels: (n,) or (n, k), floats with NaN in place of None, or integers, booleans, objects; probabilities: float64,
    (n, classes), with NaN in place of None.
    """

    labels: "np.ndarray[Any, Any]"
    probabilities: "np.ndarray[Any, Any] | None"
    confidence: "np.ndarray[Any, Any] | None"


def to_columns(output: RawOutput, signature: Signature) -> AnswerColumns:
    """The answer to many rows, without an object for each number."""
    labels = _label_column(output.labels, signature)
    if output.probabilities is None or not signature.has_probabilities:
        return AnswerColumns(labels, None, None)
    probabilities = _with_gaps(output.probabilities)
    return AnswerColumns(labels, probabilities, _highest_column(probabilities))


def _highest_column(probabilities: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """The highest of each row, NaN for a row of gaps."""
    # Class by class: to reduce rows of a few numbers takes twenty times as long.
    highest: np.ndarray[Any, Any] = np.fmax.reduce(np.asfortranarray(probabilities), axis=1)
    return highest


def _label_column(labels: Any, signature: Signature) -> "np.ndarray[Any, Any]":
    labels = _shaped(labels, signature)
    first = signature.classes[0] if signature.classes else None
    if signature.task != "regression" and isinstance(first, bool):
        return np.asarray(labels.astype(bool))
    if signature.task != "regression" and isinstance(first, float):
        return np.asarray(labels.astype(np.float64))
    return _with_gaps(labels) if labels.dtype.kind == "f" else labels


def _with_gaps(array: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    wide = array.astype(np.float64)
    finite = np.isfinite(wide)
    if not finite.all():
        wide[~finite] = np.nan
    return wide


def to_predictions(output: RawOutput, signature: Signature) -> Predictions:
    """NaN and infinity become None; labels take the type of the signature's classes."""
    predictions = _labels(output.labels, signature)
    classes = None if signature.classes is None else list(signature.classes)
    if output.probabilities is None or not signature.has_probabilities:
        return Predictions(predictions, None, classes, None)
    probabilities = finite(output.probabilities)
    if output.probabilities.size <= FEW_CELLS:
        return Predictions(predictions, probabilities, classes, [_highest(row) for row in probabilities])
    return Predictions(predictions, probabilities, classes, finite(_highest_column(_with_gaps(output.probabilities))))


def _shaped(labels: Any, signature: Signature) -> "np.ndarray[Any, Any]":
    if not isinstance(labels, np.ndarray):
        labels = np.asarray(labels)
    if signature.multi_output is None:
        if labels.ndim != 1:
            labels = labels.reshape(-1)
    elif labels.ndim == 1:
        labels = labels.reshape(-1, signature.multi_output)
    return labels


def _labels(labels: Any, signature: Signature) -> list[Any]:
    labels = _shaped(labels, signature)
    if signature.task == "regression":
        return finite(labels)
    values = _listed(labels)
    first = signature.classes[0] if signature.classes else None
    if isinstance(first, bool):
        return [bool(value) for value in values]
    if isinstance(first, float):
        return [float(value) for value in values]
    if labels.dtype.kind == "f":
        return finite(labels)
    return values


def finite(array: "np.ndarray[Any, Any]") -> list[Any]:
    """`tolist` with None in place of NaN and infinity."""
    values = _listed(array)
    if array.size <= FEW_CELLS and array.ndim <= 2:
        # One that is not finite makes the sum so, too; a sum that overflows is only looked at more closely.
        if math.isfinite(sum(values if array.ndim == 1 else chain.from_iterable(values), 0.0)):
            return values
    elif np.isfinite(array).all():
        return values
    return _replace(values)


def _listed(array: "np.ndarray[Any, Any]") -> list[Any]:
    """`tolist` of at least one dimension; of many rows so that other threads get the interpreter in between."""
    if len(array) <= cells.ROWS_AT_ONCE:
        few: list[Any] = array.tolist()
        return few
    values: list[Any] = []
    for piece in cells.pieces(array):
        values += piece.tolist()
    return values


def _replace(values: Any) -> Any:
    if isinstance(values, list):
        return [_replace(value) for value in values]
    return values if not isinstance(values, float) or math.isfinite(values) else None


def _highest(row: list[float | None]) -> float | None:
    if None not in row:
        return max(row)  # type: ignore[type-var]
    return max((value for value in row if value is not None), default=None)
