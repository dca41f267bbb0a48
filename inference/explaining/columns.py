"""From the client's cells to the model's features, step by step as the fitted transformers do it."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from inference.explaining.plan import Array, Feature

Cells = Any  # one column of all rows: a list of cells at first, an array of numbers later


def features_of(rows: "list[Any] | tuple[Any, ...]", features: tuple[Feature, ...]) -> Array:
    """(rows, features); a gap is NaN. Raises ValueError and TypeError for cells that the steps don't fit."""
    columns = list(zip(*rows, strict=True))
    made = np.empty((len(rows), len(features)))
    numbers: dict[int, Array] = {}
    for at, feature in enumerate(features):
        if not feature.steps or feature.steps[0][0] in NUMERIC:
            if feature.column not in numbers:
                numbers[feature.column] = _numbers(columns[feature.column])
            cells: Cells = numbers[feature.column]
        else:
            cells = list(columns[feature.column])
        for name, *settings in feature.steps:
            cells = DO[name](cells, *settings)
        made[:, at] = _numbers(cells)
    return made


def _numbers(cells: Cells) -> Array:
    return np.asarray(cells, dtype=np.float64)  # None becomes NaN


def _is_gap(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def _fill(cells: Cells, value: Any) -> Cells:
    if isinstance(cells, np.ndarray):
        return np.where(np.isnan(cells), value, cells)
    return [value if _is_gap(cell) else cell for cell in cells]


def _times(cells: Cells, factor: float, shift: float) -> Cells:
    return _numbers(cells) * factor + shift


def _over(cells: Cells, center: float, scale: float) -> Cells:
    return (_numbers(cells) - center) / scale


def _same(cell: Any, value: Any) -> bool:
    return _is_gap(cell) if value is None else bool(cell == value)


def _is(cells: Cells, value: Any) -> Cells:
    return [float(_same(cell, value)) for cell in _plain(cells)]


def _among(cells: Cells, values: list[Any]) -> Cells:
    return [float(any(_same(cell, value) for value in values)) for cell in _plain(cells)]


def _not_among(cells: Cells, values: list[Any]) -> Cells:
    return 1.0 - _numbers(_among(cells, values))


def _place(cells: Cells, values: list[Any], unknown: float | None) -> Cells:
    """The number of the category; `unknown` for one that is not listed, a gap if that is None."""
    known = {value: float(at) for at, value in enumerate(values) if value is not None}
    gap = float(values.index(None)) if None in values else unknown
    return [gap if _is_gap(cell) else known.get(cell, unknown) for cell in _plain(cells)]


def _gap(cells: Cells) -> Cells:
    return [float(_is_gap(cell)) for cell in _plain(cells)]


def _above(cells: Cells, threshold: float) -> Cells:
    numbers = _numbers(cells)
    return np.where(np.isnan(numbers), numbers, numbers > threshold)


def _clip(cells: Cells, low: float, high: float) -> Cells:
    return np.clip(_numbers(cells), low, high)


def _apply(cells: Cells, name: str) -> Cells:
    with np.errstate(all="ignore"):
        return FUNCTIONS[name](_numbers(cells))


def _bin(cells: Cells, edges: list[float]) -> Cells:
    """The number of the span between two of the inner edges."""
    return np.searchsorted(np.array(edges), _numbers(cells), side="right").astype(np.float64)


def _plain(cells: Cells) -> list[Any]:
    return cells.tolist() if isinstance(cells, np.ndarray) else cells


NUMERIC = frozenset({"times", "over", "above", "clip", "apply", "bin"})
FUNCTIONS: dict[str, Any] = {
    "abs": np.abs,
    "absolute": np.abs,
    "cbrt": np.cbrt,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "sqrt": np.sqrt,
    "square": np.square,
}
DO: dict[str, Callable[..., Cells]] = {
    "above": _above,
    "among": _among,
    "apply": _apply,
    "bin": _bin,
    "clip": _clip,
    "fill": _fill,
    "gap": _gap,
    "is": _is,
    "not_among": _not_among,
    "place": _place,
    "over": _over,
    "times": _times,
}
