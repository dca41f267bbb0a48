"""A profile: what the values of each feature look like, small enough to keep. Knows no database.

As JSON a feature is

    {"role": "input" | "prediction" | "confidence", "name", "kind": "numeric" | "categorical",
     "count": values, "missing": missing ones,
     "values": [sorted numbers, at most MOST_VALUES],                    numeric
     "counts": {category: count}, "others": count of those left out}     categorical

A column of numbers with at most FEW_VALUES different ones is taken as categories: flags and codes are no quantities. A
column of texts with more different values than half its rows names things (ids, free text) and has no profile.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from monitoring.drift.rows import Columns

MOST_FEATURES = 200
MOST_VALUES = 1000
MOST_CATEGORIES = 50
FEW_VALUES = 10
OTHERS = "(others)"
Feature = dict[str, Any]


def make(
    inputs: Columns, predictions: Columns, confidences: Sequence[float], *, like: Mapping[tuple[str, str], str] | None
) -> tuple[list[Feature], list[str]]:
    """The features, and the names of those that have no profile.

    `like` gives the kind of each (role, name) where another profile has set it, so that both can be compared.
    """
    features: list[Feature] = []
    left_out: list[str] = []
    columns = [("input", name, cells) for name, cells in list(inputs.items())[:MOST_FEATURES]]
    columns += [("prediction", name, cells) for name, cells in list(predictions.items())[:MOST_FEATURES]]
    if confidences:
        columns.append(("confidence", "confidence", list(confidences)))
    for role, name, cells in columns:
        kind = like.get((role, name), "") if like is not None else kind_of(cells, role)
        if kind:
            features.append({"role": role, "name": name, "kind": kind, **_summary(kind, cells)})
        elif cells:
            left_out.append(name)
    return features, left_out + list(inputs)[MOST_FEATURES:]


def kind_of(cells: Sequence[Any], role: str) -> str:
    """What a column is taken as; empty for one that has no profile."""
    known = [cell for cell in cells if cell is not None]
    if not known:
        return ""
    distinct = len(set(map(str, known)))
    if all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in known):
        return "categorical" if distinct <= FEW_VALUES and role == "input" else "numeric"
    if role == "input" and distinct > max(FEW_VALUES, len(known) / 2):
        return ""
    return "categorical"


def kinds(features: Sequence[Feature]) -> dict[tuple[str, str], str]:
    """The kind of each feature of a profile, for `make`."""
    return {(feature["role"], feature["name"]): feature["kind"] for feature in features}


def text_of(cell: Any) -> str:
    """A category as a text: `true`, `3`, `red`."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return str(cell)[:200]


def _summary(kind: str, cells: Sequence[Any]) -> Feature:
    if kind == "numeric":
        numbers = sorted(float(c) for c in cells if isinstance(c, int | float) and not isinstance(c, bool))
        return {"count": len(numbers), "missing": len(cells) - len(numbers), "values": thinned(numbers)}
    counts = Counter(text_of(cell) for cell in cells if cell is not None)
    top = dict(counts.most_common(MOST_CATEGORIES))
    count = sum(counts.values())
    return {"count": count, "missing": len(cells) - count, "counts": top, "others": count - sum(top.values())}


def thinned(numbers: list[float]) -> list[float]:
    """At most MOST_VALUES of sorted numbers, evenly spaced, so that they have the same quantiles."""
    if len(numbers) <= MOST_VALUES:
        return [float(f"{number:.9g}") for number in numbers]
    step = len(numbers) / MOST_VALUES
    return [float(f"{numbers[int((at + 0.5) * step)]:.9g}") for at in range(MOST_VALUES)]
