"""One section for one text at a time: what each call of numpy costs is what counts here. Compiled in an image."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from inference.runtimes.linear_text.program import Array, Section

SHORT_FORM = ("log", "scale", "norm")


class Single:
    """`analyze` cuts a text into terms, `place` says where a term is, None for one that is not known.

    weights: (terms of the section, scores).
    """

    __slots__ = ("_analyze", "_binary", "_factors", "_log", "_norm", "_place", "_weights")

    def __init__(
        self,
        section: Section,
        analyze: Callable[[str], list[str]],
        place: Callable[[str], int | None],
        weights: Array,
    ) -> None:
        steps = {step.kind: step for step in section.steps}
        self._analyze, self._place = analyze, place
        self._binary = section.binary
        self._log = "log" in steps
        self._factors: Any = steps["scale"].factors if "scale" in steps else None
        self._norm: str = steps["norm"].norm if "norm" in steps else ""
        self._weights: Any = weights

    @staticmethod
    def fits(section: Section) -> bool:
        """Whether the section's steps are some of: logarithm, factors, norm; each once, in this order."""
        kinds = [step.kind for step in section.steps]
        return kinds == [kind for kind in SHORT_FORM if kind in kinds] and not section.signed

    def scores(self, text: str) -> Any:
        """What the text adds to each score: an array, or 0.0 for a text without a known term."""
        counts = self._counts(text)
        many = len(counts)
        if not many:
            return 0.0
        places = np.fromiter(counts, np.int64, many)
        values = np.ones(many) if self._binary else np.fromiter(counts.values(), np.float64, many)
        if self._log:
            values = np.log(values) + 1.0
        if self._factors is not None:
            values = values * self._factors[places]
        scores = values.dot(self._weights.take(places, axis=0))
        length = self._length(values)
        return scores / length if length else scores

    def _counts(self, text: str) -> dict[int, int]:
        """How often each known term occurs, by its place."""
        place_of = self._place
        counts: dict[int, int] = {}
        for term in self._analyze(text):
            place = place_of(term)
            if place is not None:
                counts[place] = counts.get(place, 0) + 1
        return counts

    def _length(self, values: Any) -> float:
        """What the scores are divided by; 0.0 for nothing."""
        if not self._norm:
            return 0.0
        if self._norm == "l2":
            return math.sqrt(values.dot(values))
        sizes = np.abs(values)
        return float(sizes.sum() if self._norm == "l1" else sizes.max())
