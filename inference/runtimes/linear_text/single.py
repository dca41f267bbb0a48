"""One section for one text at a time: what each call of numpy costs is what counts here. Compiled in an image."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from inference.runtimes.linear_text.analysis import words_of
from inference.runtimes.linear_text.counting import Counter
from inference.runtimes.linear_text.program import Array, Section

SHORT_FORM = ("log", "scale", "norm")


class Single:
    """weights: (terms of the section, scores)."""

    __slots__ = (
        "_binary", "_counter", "_factors", "_has_pairs", "_has_words", "_known", "_log", "_norm", "_weights",
        "_words_of",
    )  # fmt: skip

    def __init__(self, counter: Counter, weights: Array) -> None:
        section = counter.section
        steps = {step.kind: step for step in section.steps}
        self._counter = counter
        analysis, self._known = section.analysis, counter.known
        self._has_words, self._has_pairs = analysis.shortest == 1, analysis.longest == 2
        is_plain = analysis.analyzer == "word" and analysis.longest <= 2 and self._known is not None
        self._words_of: Callable[[str], list[str]] | None = words_of(analysis) if is_plain else None
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
        counts: dict[int, int] = {}
        if self._words_of is not None and self._known is not None:
            self._count_words(self._words_of(text), self._known, counts)
            return counts
        for place in self._counter.places(text):
            counts[place] = counts.get(place, 0) + 1
        return counts

    def _count_words(self, words: list[str], known: dict[str, int], counts: dict[int, int]) -> None:
        """Words and pairs of them, one after another: a list of all terms takes longer to make than to look up."""
        previous: str | None = None
        for word in words:
            if self._has_words:
                place = known.get(word)
                if place is not None:
                    counts[place] = counts.get(place, 0) + 1
            if self._has_pairs:
                if previous is not None:
                    place = known.get(f"{previous} {word}")
                    if place is not None:
                        counts[place] = counts.get(place, 0) + 1
                previous = word

    def _length(self, values: Any) -> float:
        """What the scores are divided by; 0.0 for nothing."""
        if not self._norm:
            return 0.0
        if self._norm == "l2":
            return math.sqrt(values.dot(values))
        sizes = np.abs(values)
        return float(sizes.sum() if self._norm == "l1" else sizes.max())
