"""What is needed to explain a model of columns, as data: made in the sandbox at validation, read by serving processes.

A plan says how the client's columns become the model's features, each of one column, and how the features add up to
the margin: by weights, or by trees. It holds no code.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Whole = np.ndarray[Any, np.dtype[np.int64]]

UNITS = ("value", "log of the value", "log-odds", "probability", "score", "log2 of the anomaly score")
BASELINES = ("training rows", "sample rows", "zero", "empty text")
MAX_NODES = 1_000_000
MAX_FEATURES = 100_000


class NotAPlan(ValueError):
    """The bytes are no plan, or one that this release does not understand."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One of the model's features: the client's column it is made of, and the steps from the cell to the feature.

    A step is its name, then its settings; `columns` says what each does.
    """

    column: int
    steps: tuple[tuple[Any, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Linear:
    """weights: (features, scores); offsets: (scores); center: the features' values to which a row is compared."""

    weights: Array
    offsets: Array
    center: Array


@dataclass(frozen=True, slots=True)
class Trees:
    """Nodes of all trees, one array for each fact; children come after their parents' tree begins.

    feature: -1 at a leaf. A row goes left where its feature is at most the threshold, or, with categories, where it is
    one of them. gaps_left: where a missing value goes. cover: the weight of the training rows that came by.
    leaf: the place in `values` of a leaf. targets: for each tree the score it adds to, -1 where its leaves hold all.
    values: (leaves, 1 or scores). base: what is added to the trees' sum for each score.
    single: features are rounded to single precision. whole: how fractions become categories, `floor` or `cut`.
    """

    roots: Whole
    targets: Whole
    feature: Whole
    threshold: Array
    left: Whole
    right: Whole
    gaps_left: Any
    cover: Array
    leaf: Whole
    values: Array
    base: Array
    single: bool
    whole: str = "floor"
    categories: dict[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """columns: how many the client sends. scores: one for each class, in their order, or a single one.

    A single score of two classes speaks for the second; one that `is_one_sided` speaks for the first whatever the
    answer is (an outlier's). A regression has one score.
    """

    columns: int
    features: tuple[Feature, ...]
    model: Linear | Trees
    unit: str
    baseline: str
    scores: int
    is_one_sided: bool = False

    @property
    def method(self) -> str:
        return "linear" if isinstance(self.model, Linear) else "tree_shap"
