"""Boosted trees, whichever library grew them: what the compiler and the maker of sample rows need to know."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LARGEST_CUT = 1e300  # a threshold above it sets missing values apart from all others


@dataclass(frozen=True, slots=True)
class Branch:
    """Left when the feature is at most the threshold, or, with `categories`, when it is one of them.

    gaps_left: where a missing value goes. left, right: numbers of nodes in the same tree. cover: the weight of the
    training rows that came by, as the library counts it.
    """

    feature: int
    threshold: float
    left: int
    right: int
    gaps_left: bool
    categories: tuple[int, ...] | None = None
    cover: float = 0.0


@dataclass(frozen=True, slots=True)
class Leaf:
    value: float
    cover: float = 0.0


@dataclass(frozen=True, slots=True)
class Tree:
    """nodes by number, the root first; the leaves add to the score `target`."""

    nodes: dict[int, Branch | Leaf]
    target: int


@dataclass(frozen=True, slots=True)
class Ensemble:
    """The sum of the trees times `factor`, plus `base`, through `link`.

    link: identity, sigmoid, softmax, exp, log1p_exp, sign (label only), signed_square. single: the
    library rounds its input to single precision. whole: how it makes a category of a fraction,
    `floor` or `cut`.
    """

    trees: list[Tree]
    targets: int
    base: list[float]
    link: str
    single: bool
    whole: str
    slope: float = 1.0
    factor: float = 1.0
    classes: Any = None
    described: str = ""
    categorical: frozenset[int] = field(default_factory=frozenset)

    def cuts(self) -> Iterator[tuple[int, float]]:
        """(feature, value) of every place where the answer may jump."""
        for tree in self.trees:
            for node in tree.nodes.values():
                if isinstance(node, Branch):
                    if node.categories is None and abs(node.threshold) < LARGEST_CUT:
                        yield node.feature, node.threshold
                    elif node.categories is not None:
                        yield from ((node.feature, float(category)) for category in node.categories[:64])


def below(value: float) -> float:
    """The largest single-precision number under `value`: x < value is x <= below(value) there."""
    return float(np.nextafter(np.float32(value), np.float32(-np.inf)))
