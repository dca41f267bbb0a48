"""From texts to scores: one way for batches, a shorter one for single texts."""

import numpy as np

from inference.runtimes.linear_text.counting import Counter, Stop, Terms, apply
from inference.runtimes.linear_text.program import Array, Program
from inference.runtimes.linear_text.single import Single

CHUNK_TEXTS = 2_000
CHUNK_CELLS = 1 << 21
# Compiled, a single text lets no other thread in before it is counted: of more characters than these, one is a batch.
LONGEST_SINGLE = 20_000


class Scorer:
    """A program, ready to run; keeps nothing of what it was asked."""

    __slots__ = ("_counters", "_joint", "_offsets", "_single", "_starts", "_weights")

    def __init__(self, program: Program) -> None:
        self._counters = [Counter(section) for section in program.sections]
        widths = [counter.width for counter in self._counters]
        self._starts = [sum(widths[:at]) for at in range(len(widths))]
        self._joint = program.joint
        self._weights, self._offsets = program.weights, program.offsets
        has_short_form = not program.joint and all(map(Single.fits, program.sections))
        self._single = [
            Single(counter, program.weights[start : start + counter.width])
            for counter, start in zip(self._counters, self._starts, strict=True)
            if has_short_form
        ]

    def scores(self, texts: list[str], stop: Stop | None = None) -> Array:
        """(texts, scores). Raises ModelExecutionFailed when it is stopped."""
        if stop is not None:
            stop.heed()
        if len(texts) == 1 and self._single and len(texts[0]) <= LONGEST_SINGLE:
            total = self._offsets
            for single in self._single:
                total = total + single.scores(texts[0])
            return total.reshape(1, -1)
        parts = [self._chunk(texts[at : at + CHUNK_TEXTS], stop) for at in range(0, len(texts), CHUNK_TEXTS)]
        return np.concatenate(parts) if parts else np.empty((0, len(self._offsets)))

    def _chunk(self, texts: list[str], stop: Stop | None) -> Array:
        counted = [counter.count(texts, stop) for counter in self._counters]
        if not self._joint:
            total = np.tile(self._offsets, (len(texts), 1))
            for terms, start, counter in zip(counted, self._starts, self._counters, strict=True):
                total += _weighted(terms, self._weights[start : start + counter.width])
            return total
        rows = np.concatenate([terms.rows for terms in counted])
        places = np.concatenate([terms.places + start for terms, start in zip(counted, self._starts, strict=True)])
        values = np.concatenate([terms.values for terms in counted])
        order = np.lexsort((places, rows))
        joined = Terms(rows[order], places[order], values[order], len(texts))
        scores: Array = _weighted(apply(self._joint, joined), self._weights) + self._offsets
        return scores


def _weighted(terms: Terms, weights: Array) -> Array:
    """The values times the weights of their terms, added up per row; in parts of bounded size."""
    scores = np.zeros((terms.count, weights.shape[1]))
    step = max(CHUNK_CELLS // weights.shape[1], 1)
    for at in range(0, len(terms.rows), step):
        rows = terms.rows[at : at + step]
        begins = np.flatnonzero(np.diff(rows, prepend=-1))
        products = weights[terms.places[at : at + step]] * terms.values[at : at + step, None]
        scores[rows[begins]] += np.add.reduceat(products, begins, axis=0)
    return scores
