"""From texts to the values of the terms that occur, as three parallel arrays sorted by row, then term."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.errors import ModelExecutionFailed
from inference.runtimes.linear_text.analysis import Analyze, analyzer
from inference.runtimes.linear_text.hashing import Buckets
from inference.runtimes.linear_text.program import Array, Section, Step

Places = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Terms:
    """values[i] belongs to term places[i] of row rows[i]; of `count` rows."""

    rows: Places
    places: Places
    values: Array
    count: int

    def keep(self, chosen: Any) -> "Terms":
        return Terms(self.rows[chosen], self.places[chosen], self.values[chosen], self.count)


class Stop:
    """Another thread sets `terminate` to end a call; it is heeded before each text."""

    __slots__ = ("terminate",)

    def __init__(self) -> None:
        self.terminate = False

    def heed(self) -> None:
        if self.terminate:
            raise ModelExecutionFailed("the call was stopped")


class Counter:
    """One section, ready to count. `place` gives a term's place, None for one that is not known.

    known: the place of each term of the vocabulary; None without one.
    """

    __slots__ = ("analyze", "known", "place", "section", "width")

    def __init__(self, section: Section) -> None:
        self.section = section
        self.width = section.width
        self.analyze: Analyze = analyzer(section.analysis)
        self.place: Callable[[str], int | None]
        self.known: dict[str, int] | None = None
        if section.vocabulary is None:
            self.place = Buckets(section.buckets, section.signed).get
        else:
            self.known = {term: at for at, term in enumerate(section.vocabulary)}
            self.place = self.known.get

    def places(self, text: str) -> list[int]:
        """Where the known terms of a text are, as often as they occur; complements for negative signs."""
        return [at for at in map(self.place, self.analyze(text)) if at is not None]

    def count(self, texts: list[str], stop: "Stop | None" = None) -> Terms:
        """The section's values after its steps. Raises ModelExecutionFailed when it is stopped."""
        flat: list[int] = []
        ends = [0]
        for text in texts:
            if stop is not None:
                stop.heed()
            flat += self.places(text)
            ends.append(len(flat))
        places = np.array(flat, dtype=np.int64)
        rows = np.repeat(np.arange(len(texts), dtype=np.int64), np.diff(ends))
        return apply(self.section.steps, self._gathered(rows, places, len(texts)))

    def _gathered(self, rows: Places, places: Places, count: int) -> Terms:
        """Each term of a row once, with how often it occurs."""
        signs = np.where(places < 0, -1.0, 1.0) if self.section.signed else None
        if signs is not None:
            places = np.where(places < 0, ~places, places)
        keys, first = np.unique(rows * self.width + places, return_inverse=True)
        counts: Any = np.bincount(first, weights=signs, minlength=len(keys))
        values: Array = np.ones(len(keys)) if self.section.binary else counts.astype(np.float64)
        return Terms(keys // self.width, keys % self.width, values, count)


def apply(steps: tuple[Step, ...], terms: Terms) -> Terms:
    """The values after the steps."""
    for step in steps:
        terms = _STEPS[step.kind](step, terms)
    return terms


def _log(step: Step, terms: Terms) -> Terms:
    return Terms(terms.rows, terms.places, np.log(terms.values) + 1.0, terms.count)


def _scale(step: Step, terms: Terms) -> Terms:
    assert step.factors is not None
    factors = step.factors[terms.places]
    scaled = Terms(terms.rows, terms.places, terms.values * factors, terms.count)
    return scaled if factors.all() else scaled.keep(factors != 0)


def _norm(step: Step, terms: Terms) -> Terms:
    size = np.abs(terms.values)
    lengths: Any
    if step.norm == "max":
        lengths = np.zeros(terms.count)
        np.maximum.at(lengths, terms.rows, size)
    else:
        parts = size if step.norm == "l1" else size * size
        sums = np.bincount(terms.rows, weights=parts, minlength=terms.count)
        lengths = sums if step.norm == "l1" else np.sqrt(sums)
    lengths[lengths == 0] = 1.0
    return Terms(terms.rows, terms.places, terms.values / lengths[terms.rows], terms.count)


def _above(step: Step, terms: Terms) -> Terms:
    kept = terms.keep(terms.values > step.threshold)
    return Terms(kept.rows, kept.places, np.ones(len(kept.values)), kept.count)


_STEPS: dict[str, Callable[[Step, Terms], Terms]] = {"above": _above, "log": _log, "norm": _norm, "scale": _scale}
