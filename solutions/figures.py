"""Figures of quality with the range in which they would fall on other held-out rows, and beside a trivial baseline.

The range is the 95 % percentile interval of the bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap,
1993, chapter 13). Rows that belong together (one template, one user, one logo) are drawn together: drawn one by one
they would pretend to be independent, and the range would be too narrow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

HELD_OUT = "held out"
ROUNDS = 1000
_TAILS = (2.5, 97.5)

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, its 95 % range, and what the trivial baseline reaches (None: there is none to compare with)."""

    name: str
    value: float
    low: float
    high: float
    baseline: float | None = None
    baseline_name: str = ""
    dataset: str = HELD_OUT

    def as_metrics(self) -> list[dict[str, Any]]:
        """The number, both ends of its range and the baseline, told apart by the name of the data set."""
        found = [
            (self.dataset, self.value),
            (f"{self.dataset}, 2.5 %", self.low),
            (f"{self.dataset}, 97.5 %", self.high),
        ]
        if self.baseline is not None:
            found.append((f"{self.dataset}, {self.baseline_name or 'baseline'}", self.baseline))
        return [{"name": self.name, "value": round(value, 6), "dataset": dataset} for dataset, value in found]


def measured(
    name: str,
    measure: Callable[..., float],
    *columns: Any,
    seed: int,
    groups: Any = None,
    baseline: float | None = None,
    baseline_name: str = "",
    dataset: str = HELD_OUT,
    rounds: int = ROUNDS,
) -> Figure:
    """`measure(*columns)` and its range.

    columns: arrays with one entry for each held-out row. groups: one entry for each row; equal ones are drawn
    together. A draw in which `measure` is undefined (ValueError, NaN: one class only) is drawn again.
    """
    arrays = [np.asarray(column) for column in columns]
    value = float(measure(*arrays))
    members = _members(groups, len(arrays[0]))
    random = np.random.default_rng(seed)
    found: list[float] = []
    for _ in range(10 * rounds):
        drawn = np.concatenate([members[at] for at in random.integers(0, len(members), len(members))])
        try:
            one = float(measure(*(array[drawn] for array in arrays)))
        except ValueError:
            continue
        if np.isfinite(one):
            found.append(one)
        if len(found) == rounds:
            break
    if len(found) < rounds:
        raise ValueError(f"{name} is undefined on most draws of {len(members)} groups.")
    low, high = np.percentile(found, _TAILS)
    return Figure(name, value, float(low), float(high), baseline, baseline_name, dataset)


def _members(groups: Any, rows: int) -> list[Array]:
    """The places of the rows of each group."""
    if groups is None:
        return [np.array([at]) for at in range(rows)]
    _, number = np.unique(np.asarray(groups), return_inverse=True)
    order = np.argsort(number, kind="stable")
    return np.split(order, np.cumsum(np.bincount(number))[:-1])
