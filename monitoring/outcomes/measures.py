"""How good predictions were, from sums: each measure with the labels behind it and a 95 % interval. Pure numbers.

Shares (accuracy, precision, recall) have Wilson's score interval (Wilson 1927). F1 and the means over classes have the
delta method over the confusion matrix as one multinomial draw (Takahashi et al. 2022, for F1). AUC is the Mann-Whitney
statistic, ties counted half, over scores rounded to thousandths, with the interval of Hanley and McNeil (1982). Means
(MAE, log loss, Brier) have the normal interval of a mean; RMSE that of the mean square, by the delta method.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from monitoring.outcomes.sums import Moments, Sums

Z = 1.959963984540054
"""The 97.5th percentile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of so many `labels`; `low` and `high` bound its 95 % interval, None where there is none."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    labels: int


@dataclass(frozen=True, slots=True)
class ClassMeasures:
    """One class: `labels` are how often it was the truth, `predicted` how often it was said."""

    label: str
    labels: int
    predicted: int
    precision: Measure
    recall: Measure
    f1: Measure


@dataclass(frozen=True, slots=True)
class Quality:
    """All measures of a span; empty lists where nothing is known."""

    labels: int
    measures: list[Measure]
    classes: list[ClassMeasures]

    def get(self, name: str) -> Measure | None:
        return next((measure for measure in self.measures if measure.name == name), None)


def of(sums: Sums) -> Quality:
    """Every measure that `sums` allow."""
    measures: list[Measure] = []
    classes: list[ClassMeasures] = []
    if sums.confusion:
        counts = Counts(sums.confusion)
        classes = [counts.of_class(label) for label in counts.labels]
        measures += [
            share("accuracy", counts.right, counts.total), counts.macro("precision_macro", "precision"),
            counts.macro("recall_macro", "recall"), counts.macro("f1_macro", "f1"),
        ]  # fmt: skip
        if sums.scores:
            measures.append(auc(sums.scores))
    for name in ("log_loss", "brier"):
        if name in sums.moments:
            measures.append(mean(name, sums.moments[name]))
    if "squared" in sums.moments:
        measures += regression(sums.moments)
    return Quality(sums.labels, measures, classes)


class Counts:
    """A confusion matrix: (predicted, true) to count."""

    def __init__(self, confusion: dict[tuple[str, str], int]) -> None:
        self.cells = confusion
        self.total = sum(confusion.values())
        self.right = sum(count for (predicted, label), count in confusion.items() if predicted == label)
        self.said: dict[str, int] = {}
        self.true: dict[str, int] = {}
        for (predicted, label), count in confusion.items():
            self.said[predicted] = self.said.get(predicted, 0) + count
            self.true[label] = self.true.get(label, 0) + count
        self.labels = sorted(self.said.keys() | self.true.keys())

    def hits(self, label: str) -> int:
        return self.cells.get((label, label), 0)

    def of_class(self, label: str) -> ClassMeasures:
        hits, said, true = self.hits(label), self.said.get(label, 0), self.true.get(label, 0)
        return ClassMeasures(
            label, true, said, share("precision", hits, said), share("recall", hits, true),
            self._delta("f1", lambda cell: self._slope("f1", label, cell), self._of_class("f1", label), said + true),
        )  # fmt: skip

    def macro(self, name: str, of: str) -> Measure:
        """The mean over the classes that were the truth or were said; a class that leaves it undefined counts 0,
        as `zero_division=0` has it.
        """
        value = sum(self._of_class(of, label) or 0.0 for label in self.labels) / len(self.labels)

        def slope(cell: tuple[str, str]) -> float:
            # A cell moves the measures of its own two classes only.
            return sum(self._slope(of, label, cell) for label in set(cell)) / len(self.labels)

        return self._delta(name, slope, value, self.total)

    def _of_class(self, of: str, label: str) -> float | None:
        hits, said, true = self.hits(label), self.said.get(label, 0), self.true.get(label, 0)
        base = {"precision": said, "recall": true, "f1": (said + true) / 2}[of]
        return hits / base if base else None

    def _slope(self, of: str, label: str, cell: tuple[str, str]) -> float:
        """The derivative of a class's measure by a cell's share of all."""
        hits, said, true = (
            count / self.total for count in (self.hits(label), self.said.get(label, 0), self.true.get(label, 0))
        )
        is_said, is_true = cell[0] == label, cell[1] == label
        top, base = float(is_said and is_true), 0.0
        if of == "precision":
            whole, base = said, float(is_said)
        elif of == "recall":
            whole, base = true, float(is_true)
        else:
            whole, base = (said + true) / 2, (is_said + is_true) / 2
        return (top * whole - hits * base) / whole**2 if whole else 0.0

    def _delta(self, name: str, slope: Callable[[tuple[str, str]], float], value: float | None, base: int) -> Measure:
        """A measure with the interval that the delta method gives."""
        if not base or value is None:
            return Measure(name, None, None, None, 0)
        slopes = [(slope(cell), count / self.total) for cell, count in self.cells.items()]
        middle = sum(steep * part for steep, part in slopes)
        variance = max(0.0, sum(steep**2 * part for steep, part in slopes) - middle**2) / self.total
        return _around(name, value, Z * math.sqrt(variance), self.total, 0.0, 1.0)


def share(name: str, hits: int, of_all: int) -> Measure:
    """A share with Wilson's score interval."""
    if not of_all:
        return Measure(name, None, None, None, 0)
    found = hits / of_all
    base = 1 + Z**2 / of_all
    middle = (found + Z**2 / (2 * of_all)) / base
    half = Z * math.sqrt(found * (1 - found) / of_all + Z**2 / (4 * of_all**2)) / base
    return Measure(name, found, max(0.0, middle - half), min(1.0, middle + half), of_all)


def auc(scores: dict[int, list[int]]) -> Measure:
    """The chance that a positive scores higher than a negative, from counts by bucket of the score."""
    positives = sum(cell[0] for cell in scores.values())
    negatives = sum(cell[1] for cell in scores.values())
    if not positives or not negatives:
        return Measure("auc", None, None, None, positives + negatives)
    below, wins = 0, 0.0
    for bucket in sorted(scores):
        here_positives, here_negatives = scores[bucket]
        wins += here_positives * (below + here_negatives / 2)
        below += here_negatives
    area = wins / (positives * negatives)
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (positives - 1) * (first - area**2) + (negatives - 1) * (second - area**2)
    half = Z * math.sqrt(max(0.0, spread) / (positives * negatives))
    return _around("auc", area, half, positives + negatives, 0.0, 1.0)


def mean(name: str, moments: Moments) -> Measure:
    """The mean of what is never negative, with the normal interval."""
    found, half = _mean(moments)
    return _around(name, found, half, moments.count, 0.0, math.inf)


def regression(moments: dict[str, Moments]) -> list[Measure]:
    """MAE, RMSE, bias (mean of predicted minus true) and R2 (no interval)."""
    squared, half = _mean(moments["squared"])
    root = math.sqrt(max(0.0, squared))
    count = moments["squared"].count
    found = [mean("mae", moments["absolute"])]
    # Ends of the mean square's interval, under the root: the delta method, and never below zero.
    low = None if half is None else math.sqrt(max(0.0, squared - half))
    high = None if half is None else math.sqrt(squared + half)
    found.append(Measure("rmse", root, low, high, count))
    bias, bias_half = _mean(moments["error"])
    found.append(_around("bias", bias, bias_half, count, -math.inf, math.inf))
    values = moments["values"]
    around = values.squares - values.total**2 / values.count
    r2 = 1 - moments["squared"].total / around if around > 1e-12 * max(1.0, values.squares) else None
    found.append(Measure("r2", r2, None, None, count))
    return found


def _mean(moments: Moments) -> tuple[float, float | None]:
    """A mean and half its interval; None for less than two."""
    found = moments.total / moments.count
    if moments.count < 2:
        return found, None
    variance = max(0.0, moments.squares - moments.total**2 / moments.count) / (moments.count - 1)
    return found, Z * math.sqrt(variance / moments.count)


def _around(name: str, value: float, half: float | None, labels: int, least: float, most: float) -> Measure:
    if half is None:
        return Measure(name, value, None, None, labels)
    return Measure(name, value, max(least, value - half), min(most, value + half), labels)
