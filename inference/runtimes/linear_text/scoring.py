"""From texts to scores: one way for batches, a shorter one for single texts."""

import math

import numpy as np

from inference.runtimes.linear_text.counting import Counter, Stop, Terms, apply
from inference.runtimes.linear_text.program import Array, Program, Section, Step

CHUNK_TEXTS = 2_000
CHUNK_CELLS = 1 << 21
SHORT_FORM = ("log", "scale", "norm")


class Scorer:
    """A program, ready to run; keeps nothing of what it was asked."""

    __slots__ = ("_counters", "_joint", "_offsets", "_single", "_starts", "_weights")

    def __init__(self, program: Program) -> None:
        self._counters = [Counter(section) for section in program.sections]
        widths = [counter.width for counter in self._counters]
        self._starts = [sum(widths[:at]) for at in range(len(widths))]
        self._joint = program.joint
        self._weights, self._offsets = program.weights, program.offsets
        short = not program.joint and all(_is_short(section) for section in program.sections)
        self._single = [
            Single(counter, program.weights[start : start + counter.width])
            for counter, start in zip(self._counters, self._starts, strict=True)
            if short
        ]

    def scores(self, texts: list[str], stop: Stop | None = None) -> Array:
        """(texts, scores). Raises ModelExecutionFailed when it is stopped."""
        if stop is not None:
            stop.heed()
        if len(texts) == 1 and self._single:
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


def _is_short(section: Section) -> bool:
    """Whether the section's steps are some of: logarithm, factors, norm; each once, in this order."""
    kinds = [step.kind for step in section.steps]
    return kinds == [kind for kind in SHORT_FORM if kind in kinds] and not section.signed


class Single:
    """One section for one text at a time: what numpy costs per call is what counts here."""

    __slots__ = ("_binary", "_counter", "_factors", "_log", "_norm", "_weights")

    def __init__(self, counter: Counter, weights: Array) -> None:
        steps: dict[str, Step] = {step.kind: step for step in counter.section.steps}
        self._counter = counter
        self._binary = counter.section.binary
        self._log = "log" in steps
        self._factors = steps["scale"].factors if "scale" in steps else None
        self._norm = steps["norm"].norm if "norm" in steps else ""
        self._weights = weights

    def scores(self, text: str) -> Array | float:
        places = self._counter.places(text)
        if not places:
            return 0.0
        values = None  # all ones
        if len(set(places)) != len(places):
            places, values = self._counted(places)
        at = np.array(places)
        if self._factors is not None:
            factors = self._factors.take(at)
            values = factors if values is None else values * factors
        scores: Array
        if values is None:
            values = np.ones(len(places))
        scores = values.dot(self._weights.take(at, axis=0))
        if self._norm:
            length = self._length(values)
            return scores / length if length else scores
        return scores

    def _counted(self, places: list[int]) -> tuple[list[int], Array | None]:
        """Each place once, with its count; None when they all count as one."""
        counts = dict.fromkeys(places, 0)
        if self._binary:
            return list(counts), None
        for place in places:
            counts[place] += 1
        values = np.array(list(counts.values()), dtype=np.float64)
        return list(counts), np.log(values) + 1.0 if self._log else values

    def _length(self, values: Array) -> float:
        if self._norm == "l2":
            return math.sqrt(values.dot(values))
        sizes = np.abs(values)
        return float(sizes.sum() if self._norm == "l1" else sizes.max())
