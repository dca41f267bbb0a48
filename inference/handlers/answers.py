"""The runtime's arrays as plain values that JSON can carry."""

import math
from typing import Any

import numpy as np

from inference.handlers.base import Predictions
from inference.runtimes.base import RawOutput
from inference.signature import Signature

FEW_CELLS = 64


def to_predictions(output: RawOutput, signature: Signature) -> Predictions:
    """NaN and infinity become None; labels take the type of the signature's classes."""
    predictions = _labels(output.labels, signature)
    classes = None if signature.classes is None else list(signature.classes)
    if output.probabilities is None or not signature.has_probabilities:
        return Predictions(predictions, None, classes, None)
    probabilities = finite(output.probabilities)
    return Predictions(predictions, probabilities, classes, [_highest(row) for row in probabilities])


def _labels(labels: Any, signature: Signature) -> list[Any]:
    if not isinstance(labels, np.ndarray):
        labels = np.asarray(labels)
    if signature.multi_output is None:
        if labels.ndim != 1:
            labels = labels.reshape(-1)
    elif labels.ndim == 1:
        labels = labels.reshape(-1, signature.multi_output)
    if signature.task == "regression":
        return finite(labels)
    values: list[Any] = labels.tolist()
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
    values: list[Any] = array.tolist()
    if array.size <= FEW_CELLS and array.ndim <= 2:
        # One that is not finite makes the sum so, too; a sum that overflows is only looked at more closely.
        if math.isfinite(sum(values) if array.ndim == 1 else sum(map(sum, values))):
            return values
    elif np.isfinite(array).all():
        return values
    return _replace(values)


def _replace(values: Any) -> Any:
    if isinstance(values, list):
        return [_replace(value) for value in values]
    return values if not isinstance(values, float) or math.isfinite(values) else None


def _highest(row: list[float | None]) -> float | None:
    if None not in row:
        return max(row)  # type: ignore[type-var]
    return max((value for value in row if value is not None), default=None)
