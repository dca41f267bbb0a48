"""What a linear text model is, as data.

A text goes through each section: it is folded, cut into terms, the known terms are counted, and the counts go
through the section's steps. The sections stand side by side and go through the joint steps. Weights and offsets
make scores of that, and the head makes an answer of the scores.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

ANALYZERS = ("word", "char", "char_wb")
FOLDS = ("lowercase", "without_accents", "ascii_only")
STEPS = ("log", "scale", "norm", "above")
NORMS = ("l1", "l2", "max")
LINKS = ("values", "decide", "sigmoid", "softmax", "one_vs_rest", "modified_huber", "calibrated", "pairs")
CURVES = ("sigmoid", "isotonic")


class NotALinearText(ValueError):
    """The bytes are no linear text model, or one that this release does not understand."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """How a text becomes terms: folded, then cut into words (by `pattern`) or characters, then joined to n-grams."""

    analyzer: str
    fold: tuple[str, ...]
    pattern: str
    stop_words: frozenset[str]
    shortest: int
    longest: int


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to the values of the terms that occur.

    log: one plus the logarithm. scale: times `factors`, one per term; a factor of zero drops the term.
    norm: divided by the row's norm, if it has one. above: one where the value is above `threshold`, else dropped.
    """

    kind: str
    factors: Array | None = None
    norm: str = ""
    threshold: float = 0.0


@dataclass(frozen=True, slots=True)
class Section:
    """One vectoriser. The terms are those of the vocabulary, in order, or `buckets` that terms are hashed into."""

    analysis: Analysis
    vocabulary: tuple[str, ...] | None
    buckets: int
    signed: bool
    binary: bool
    steps: tuple[Step, ...]

    @property
    def width(self) -> int:
        return self.buckets if self.vocabulary is None else len(self.vocabulary)


@dataclass(frozen=True, slots=True)
class Curve:
    """From one score to a probability: a sigmoid of a * score + b, or a line through points."""

    kind: str
    a: float = 0.0
    b: float = 0.0
    x: Array | None = None
    y: Array | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """How the scores become an answer.

    classes: their number, 0 for regression. members: the calibrated classifiers whose probabilities are averaged,
    each with a curve per score. inner: what is done to a member's scores before its curves.
    """

    link: str
    classes: int = 0
    inner: str = ""
    members: tuple[tuple[Curve, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """weights: (terms of all sections, scores); offsets: (scores)."""

    sections: tuple[Section, ...]
    joint: tuple[Step, ...]
    weights: Array
    offsets: Array
    head: Head
