"""Linear text models explain themselves: what each term adds to the score. Exact.

A score is the offset plus the sum over terms of weight times the term's value in this text. Characters' n-grams are
given to the words that they were cut from, where they were cut word by word.
"""

from collections import Counter as Tally
from string import punctuation
from typing import Any

import numpy as np

from inference.errors import ModelExecutionFailed
from inference.explaining.told import RowExplanation, largest_first
from inference.runtimes.linear_text.analysis import analyzer
from inference.runtimes.linear_text.counting import Counter, Terms, apply
from inference.runtimes.linear_text.program import Array, Head, Program, Section

UNITS = {
    "values": "value",
    "sigmoid": "log-odds",
    "softmax": "log-odds",
}  # of every other head the margin is a score
BASELINE = "empty text"
UNNAMED = [("(other)", 1.0)]


def unit_of(head: Head) -> str:
    return UNITS.get(head.link, "score")


class Reader:
    """A linear text model, ready to explain."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._counters = [Counter(section) for section in program.sections]
        self.unit = unit_of(program.head)

    def explain(self, text: str, *, of: Any, place: int | None, most: int) -> RowExplanation:
        """place: the number of the class that is explained; None for a regression. Raises ModelExecutionFailed."""
        mix = mixing(self._program, place)
        base = float(self._program.offsets @ mix)
        try:
            terms, names = self._terms(text)
        except (TypeError, ValueError, MemoryError) as error:
            raise ModelExecutionFailed(f"The text cannot be scored: {type(error).__name__}: {error}") from error
        moved = (self._program.weights[terms.places] @ mix) * terms.values
        parts: dict[str, list[float]] = {}
        for at, value, contribution in zip(terms.places.tolist(), terms.values.tolist(), moved.tolist(), strict=True):
            for name, share in names.get(at, UNNAMED):
                part = parts.setdefault(name, [0.0, 0.0])
                part[0] += value * share
                part[1] += contribution * share
        listed = [(name, round(value, 6), contribution) for name, (value, contribution) in parts.items()]
        return largest_first(of, base, base + float(moved.sum()), listed, most)

    def _terms(self, text: str) -> tuple[Terms, dict[int, list[tuple[str, float]]]]:
        """The values of the text's terms after every step, and what each is called, with the shares of the names."""
        start, counted, names = 0, [], {}
        for counter, section in zip(self._counters, self._program.sections, strict=True):
            terms = counter.count([text])
            counted.append(Terms(terms.rows, terms.places + start, terms.values, 1))
            for at, found in _names(counter, section, text).items():
                names[start + at] = found
            start += counter.width
        joined = Terms(
            np.concatenate([terms.rows for terms in counted]),
            np.concatenate([terms.places for terms in counted]),
            np.concatenate([terms.values for terms in counted]),
            1,
        )
        return apply(self._program.joint, joined), names


def _names(counter: Counter, section: Section, text: str) -> dict[int, list[tuple[str, float]]]:
    """For each place of the text's terms the names it has here, with shares that add up to 1."""
    met: dict[int, Tally[str]] = {}
    for name, term in _named_terms(counter, section, text):
        at = counter.place(term)
        if at is not None:
            met.setdefault(at if at >= 0 else ~at, Tally())[name] += 1
    return {at: [(name, count / found.total()) for name, count in found.items()] for at, found in met.items()}


def _named_terms(counter: Counter, section: Section, text: str) -> "list[tuple[str, str]]":
    """(name, term) of every term as often as it occurs."""
    analysis = section.analysis
    if analysis.analyzer != "char_wb":
        return [(term, term) for term in counter.analyze(text)]
    folded = text
    for word_fold in _folds(analysis.fold):
        folded = word_fold(folded)
    cut = analyzer(analysis)
    return [(word.strip(punctuation) or word, term) for word in folded.split() for term in cut(word)]


def _folds(names: tuple[str, ...]) -> list[Any]:
    from inference.handlers import folding

    return [folding.STEPS[name] for name in names]


def mixing(program: Program, place: int | None) -> Array:
    """How much of each score is in the margin that speaks for class number `place`."""
    head, scores = program.head, len(program.offsets)
    mix = np.zeros(scores)
    if place is None or head.link == "values":
        mix[0] = 1.0
        return mix
    if head.link == "calibrated":
        members = len(head.members)
        each = scores // members
        part = _of_one(head.inner, each, head.classes, place)
        return np.tile(part / members, members)
    return _of_one(head.link, scores, head.classes, place)


def _of_one(link: str, scores: int, classes: int, place: int) -> Array:
    """A single score speaks for the second class; two that become shares, by their difference; several that become
    shares, by their distance from the mean; pairs, by their mean over the pairs that name the class."""
    mix = np.zeros(scores)
    if link == "pairs":
        pairs = [(a, b) for a in range(classes) for b in range(a + 1, classes)]
        for at, (a, b) in enumerate(pairs):
            if place in (a, b):
                mix[at] = (1.0 if place == a else -1.0) / (classes - 1)
    elif scores == 1:
        mix[0] = 1.0 if place == 1 else -1.0
    elif link == "softmax" and scores == 2:
        mix[place], mix[1 - place] = 1.0, -1.0
    elif link == "softmax":
        mix -= 1.0 / scores
        mix[place] += 1.0
    else:
        mix[place] = 1.0
    return mix
