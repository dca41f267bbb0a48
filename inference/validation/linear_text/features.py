"""Everything before the model at the end: vectorisers side by side, and what is done to their values.

What is linear (factors, chosen columns, a projection) is kept aside and multiplied into the weights later.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inference.runtimes.linear_text.program import Array, Section, Step
from inference.validation import structure
from inference.validation.linear_text.refusal import NotCovered
from inference.validation.linear_text.vectorizers import read_vectorizer, tfidf_steps

SELECTORS = frozenset(
    {
        "GenericUnivariateSelect",
        "RFE",
        "RFECV",
        "SelectFdr",
        "SelectFpr",
        "SelectFromModel",
        "SelectFwe",
        "SelectKBest",
        "SelectPercentile",
        "VarianceThreshold",
    }
)


@dataclass(slots=True)
class Features:
    """factors: one per term, times which the values are taken last; columns: the terms that are left, in order.

    projection and shift: what dense values behind them are made of, once there are such.
    """

    sections: tuple[Section, ...]
    joint: tuple[Step, ...] = ()
    factors: Array = field(default_factory=lambda: np.ones(0))
    columns: Any = None
    projection: Array | None = None
    shift: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def width(self) -> int:
        """The number of columns that the next part sees."""
        return len(self.columns) if self.projection is None else int(self.projection.shape[1])

    def scale(self, factors: Array) -> None:
        if self.projection is not None:
            self.projection, self.shift = self.projection * factors, self.shift * factors
        else:
            self.factors[self.columns] *= factors

    def select(self, chosen: Any) -> None:
        if self.projection is not None:
            self.projection, self.shift = self.projection[:, chosen], self.shift[chosen]
        else:
            dropped = self.columns[~chosen]
            self.factors[dropped] = 0.0
            self.columns = self.columns[chosen]

    def project(self, matrix: Array, shift: Array) -> None:
        """values @ matrix + shift."""
        if self.projection is None:
            self.projection, self.shift = matrix, shift
        else:
            self.projection, self.shift = self.projection @ matrix, self.shift @ matrix + shift

    def bend(self, steps: tuple[Step, ...]) -> None:
        """Steps that are not linear: what was kept aside has to happen before them."""
        if not steps:
            return
        if self.projection is not None:
            raise NotCovered("a projection is followed by more than scaling")
        if (self.factors != 1.0).any():
            steps = (Step("scale", factors=self.factors.copy()), *steps)
            self.factors = np.ones(len(self.factors))
        if len(self.sections) == 1:
            only = self.sections[0]
            self.sections = (replace(only, steps=(*only.steps, *steps)),)
        else:
            self.joint = (*self.joint, *steps)

    def with_threshold(self, threshold: float) -> tuple[tuple[Section, ...], tuple[Step, ...]]:
        """Sections and joint steps that end in ones where a value is above the threshold."""
        self.bend((Step("above", threshold=threshold),))
        return self.sections, self.joint

    def on_terms(self, weights: Array) -> Array:
        """Weights of the columns as weights of the terms."""
        if len(weights) != len(self.columns):
            raise NotCovered("the model at the end takes another number of columns")
        spread = np.zeros((len(self.factors), weights.shape[1]))
        spread[self.columns] = weights
        return spread * self.factors[:, None]


def read_features(transformers: list[Any]) -> Features:
    """Raises NotCovered for a transformer that is not known here."""
    first, *rest = transformers
    features = _beginning(first)
    for part in rest:
        kind = type(part).__name__
        if kind in SELECTORS:
            features.select(np.asarray(part.get_support()))
        elif kind in READERS:
            READERS[kind](part, features)
        else:
            raise NotCovered(f"{kind} between the words and the model has no linear form")
    return features


def _beginning(part: Any) -> Features:
    if type(part).__name__ == "FeatureUnion":
        return _side_by_side(part)
    if type(part).__name__ not in structure.VECTORIZERS:
        raise NotCovered(f"{type(part).__name__} does not count words")
    section = read_vectorizer(part)
    return Features((section,), factors=np.ones(section.width), columns=np.arange(section.width))


def _side_by_side(union: Any) -> Features:
    """The branches of a union, each with its factors; a branch may drop columns, but not project them."""
    branches = []
    for name, part in union.transformer_list:
        if part == "drop":
            continue
        branch = read_features(_steps_of(part))
        if branch.projection is not None or branch.joint:
            raise NotCovered("a branch of a union does more than count and weigh")
        branch.scale(np.full(branch.width, float((union.transformer_weights or {}).get(name, 1.0))))
        branches.append(branch)
    if not branches:
        raise NotCovered("the union has no branch")
    widths = np.cumsum([0, *(len(branch.factors) for branch in branches)])
    return Features(
        tuple(section for branch in branches for section in branch.sections),
        factors=np.concatenate([branch.factors for branch in branches]),
        columns=np.concatenate([b.columns + start for b, start in zip(branches, widths, strict=False)]),
    )


def _steps_of(part: Any) -> list[Any]:
    if type(part).__name__ != "Pipeline":
        return [part]
    return [inner for _, step in part.steps if step not in (None, "passthrough") for inner in _steps_of(step)]


def _tfidf(part: Any, features: Features) -> None:
    if part.sublinear_tf:
        plain = features.sections[0] if len(features.sections) == 1 else None
        if plain is None or plain.steps or plain.signed or (features.factors != 1.0).any():
            raise NotCovered("a logarithm of what is no count has no linear form")
    log, scale, norm = tfidf_steps(part)
    features.bend(log)
    if scale is not None:
        features.scale(scale)
    features.bend(norm)


def _max_abs(part: Any, features: Features) -> None:
    if getattr(part, "clip", False):
        raise NotCovered("clipping has no linear form")
    features.scale(1.0 / np.asarray(part.scale_, dtype=np.float64))


def _standard(part: Any, features: Features) -> None:
    scale = np.ones(features.width) if part.scale_ is None else np.asarray(part.scale_, dtype=np.float64)
    if part.with_mean:
        if features.projection is None:
            raise NotCovered("the mean of words that are not there has no linear form")
        features.shift = features.shift - np.asarray(part.mean_, dtype=np.float64)
    features.scale(1.0 / scale)


def _normalizer(part: Any, features: Features) -> None:
    features.bend((Step("norm", norm=part.norm),))


def _binarizer(part: Any, features: Features) -> None:
    features.bend((Step("above", threshold=_threshold(part.threshold)),))


def _truncated_svd(part: Any, features: Features) -> None:
    components = np.asarray(part.components_, dtype=np.float64)
    features.project(components.T, np.zeros(len(components)))


def _threshold(value: Any) -> float:
    if value < 0:
        raise NotCovered("a threshold below zero counts words that are not there")
    return float(value)


READERS: dict[str, Callable[[Any, Features], None]] = {
    "Binarizer": _binarizer,
    "MaxAbsScaler": _max_abs,
    "Normalizer": _normalizer,
    "StandardScaler": _standard,
    "TfidfTransformer": _tfidf,
    "TruncatedSVD": _truncated_svd,
}
