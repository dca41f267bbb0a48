"""Trees: path-dependent TreeSHAP, exact, for all leaves at once.

The game that is shared out is the one of TreeSHAP (Lundberg et al. 2020, "From local explanations to global
understanding with explainable AI for trees", algorithm 1): a tree's answer when only the features S are known follows
the row where the split's feature is in S, and else goes both ways in proportion to the training rows. For one leaf with
value v, let z_j be the product of those proportions over its path's splits on feature j, and o_j be 1 if the row goes
the leaf's way at all of them, else 0. The game is v times the product of o_j over S and of z_j over the rest, so the
Shapley value of feature i is

    v (o_i - z_i) * integral from 0 to 1 over t of the product over j != i of (z_j (1 - t) + o_j t)

since the weight of a set of k out of d - 1 others is the integral of t^k (1-t)^(d-1-k) (Owen 1972, the multilinear
extension). The integrand is a polynomial of degree d - 1: Gauss-Legendre quadrature with d/2 nodes, rounded up, is
exact. Summed over i it telescopes to v (product of o - product of z), so base and contributions add up to the answer.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from inference.explaining.paths import edges_of
from inference.explaining.plan import Array, Trees, Whole

LEAST_SHARE = 1e-12  # stands for a branch that no training row took
MAX_CELLS = 20_000_000  # leaves times path lengths times quadrature nodes for one row: about a second


@dataclass(frozen=True, slots=True)
class Group:
    """The leaves of one target whose paths meet `length` different features.

    features, shares (z): (leaves, length); begins: where the leaves' slots begin among all; values: (leaves, columns).
    """

    target: int
    length: int
    features: Whole
    shares: Array
    begins: int
    values: Array


class Forest:
    """Trees, ready to explain."""

    def __init__(self, trees: Trees, width: int, scores: int) -> None:
        self._trees, self._width, self._scores = trees, width, scores
        self._inner = np.flatnonzero(trees.feature >= 0)
        self._with_categories = [(at, np.array(chosen)) for at, chosen in trees.categories.items()]
        self._groups: list[Group] = []
        self._constant = np.zeros(scores)  # trees that are a leaf and nothing else
        self._nodes, self._to_left, self._starts = self._read_paths()
        self.cells = sum(group.features.size * (group.length + 1) // 2 for group in self._groups)
        self.bases = self._bases()

    # -- Making ready -----------------------------------------------------------------------------

    def _read_paths(self) -> tuple[Whole, Any, Whole]:
        """The edges by slot, and where each slot begins among them; fills the groups."""
        trees, width = self._trees, self._width
        walked = edges_of(trees)
        targets = trees.targets[walked.trees]
        slots = np.unique(walked.owner * width + walked.feature) // width  # the leaf of each slot
        lengths = np.bincount(slots, minlength=len(walked.leaves))
        ordered = np.lexsort((lengths, targets))
        rank = np.empty(len(ordered), dtype=np.int64)
        rank[ordered] = np.arange(len(ordered))
        key = rank[walked.owner] * width + walked.feature
        order = np.argsort(key, kind="stable")
        starts = np.flatnonzero(np.diff(key[order], prepend=-1))
        shares = np.multiply.reduceat(walked.share[order], starts) if len(starts) else np.zeros(0)
        self._take_lone_leaves(walked.leaves[lengths == 0], targets[lengths == 0])
        self._make_groups(
            walked.leaves[ordered],
            targets[ordered],
            lengths[ordered],
            walked.feature[order][starts],
            np.maximum(shares, LEAST_SHARE),
        )
        return walked.node[order], walked.to_left[order], starts

    def _take_lone_leaves(self, leaves: Whole, targets: Whole) -> None:
        for leaf, target in zip(leaves, targets, strict=True):
            self._constant += _spread(self._trees.values[self._trees.leaf[leaf]], int(target), self._scores)

    def _make_groups(self, leaves: Whole, targets: Whole, lengths: Whole, features: Whole, shares: Array) -> None:
        begins = 0
        kinds = np.stack([targets, lengths], axis=1)
        for target, length in np.unique(kinds, axis=0).tolist():
            if not length:
                continue
            chosen = leaves[(targets == target) & (lengths == length)]
            ends = begins + len(chosen) * length
            self._groups.append(
                Group(
                    target,
                    length,
                    features[begins:ends].reshape(-1, length),
                    shares[begins:ends].reshape(-1, length),
                    begins,
                    self._trees.values[self._trees.leaf[chosen]],
                )
            )
            begins = ends

    def _bases(self) -> Array:
        bases = self._trees.base + self._constant
        for group in self._groups:
            bases = bases + _spread(group.shares.prod(axis=1) @ group.values, group.target, self._scores)
        return bases

    # -- Explaining -------------------------------------------------------------------------------

    def scores(self, features: Array) -> Array:
        """(rows, scores): what the trees answer."""
        return np.array([self._score(row) for row in features]).reshape(len(features), self._scores)

    def _score(self, row: Array) -> Array:
        met = self._met(row[None, :])[0]
        total = self._trees.base + self._constant
        for group in self._groups:
            size = group.features.size
            reached = met[group.begins : group.begins + size].reshape(-1, group.length).all(axis=1)
            total = total + _spread(group.values[reached].sum(axis=0), group.target, self._scores)
        return total

    def explain(self, row: Array, score: int) -> tuple[float, Array]:
        """(base, the contribution of each feature) for one row of features."""
        base, moved = self.explain_rows(row[None, :], score)
        return base, moved[0]

    def explain_rows(self, rows: Array, score: int) -> tuple[float, Array]:
        """(base, (rows, features): the contribution of each) for rows of features; memory: `cells` for each row."""
        met, width = self._met(rows), self._width
        moved = np.zeros(len(rows) * width)
        shift = np.arange(len(rows))[:, None] * width
        for group in self._groups:
            if group.target not in (-1, score):
                continue
            values = group.values[:, score if group.target == -1 else 0]
            size = group.features.size
            taken = met[:, group.begins : group.begins + size].reshape(len(rows), -1, group.length).astype(np.float64)
            shared = _others(taken, group.shares)
            taken -= group.shares
            shared *= taken
            shared *= values[:, None]
            places = shift + group.features.reshape(-1)
            moved += np.bincount(places.reshape(-1), weights=shared.reshape(-1), minlength=len(moved))
        return float(self.bases[score]), moved.reshape(len(rows), width)

    def _met(self, rows: Array) -> Any:
        """For each row, for each slot of each leaf, whether the row goes the leaf's way at all its splits."""
        if not len(self._starts):
            return np.zeros((len(rows), 0), dtype=bool)
        goes_left = self._goes_left(rows)
        return np.logical_and.reduceat(goes_left[:, self._nodes] == self._to_left, self._starts, axis=1)

    def _goes_left(self, rows: Array) -> Any:
        trees = self._trees
        if trees.single:
            rows = rows.astype(np.float32).astype(np.float64)
        goes = np.zeros((len(rows), len(trees.feature)), dtype=bool)
        seen = rows[:, trees.feature[self._inner]]
        with np.errstate(invalid="ignore"):
            goes[:, self._inner] = np.where(
                np.isnan(seen), trees.gaps_left[self._inner], seen <= trees.threshold[self._inner]
            )
            for at, chosen in self._with_categories:
                values = rows[:, trees.feature[at]]
                whole = np.floor(values) if trees.whole == "floor" else np.trunc(values)
                goes[:, at] = np.where(np.isnan(values), goes[:, at], np.isin(whole, chosen))
        return goes


def _spread(values: Array, target: int, scores: int) -> Array:
    """Values as scores: all of them, or the one of a tree's target."""
    if target == -1:
        return np.asarray(values).reshape(-1)
    spread = np.zeros(scores)
    spread[target] = float(np.asarray(values).reshape(-1)[0])
    return spread


def _others(taken: Array, shares: Array) -> Array:
    """(rows, leaves, length): for each slot the integral of the product over the other slots."""
    total = np.zeros_like(taken)
    for node, weight in zip(*_nodes(shares.shape[1]), strict=True):
        factors = taken * node
        factors += shares * (1.0 - node)
        product = factors.prod(axis=-1, keepdims=True)
        product *= weight
        total += np.divide(product, factors, out=factors)
    return total


@cache
def _nodes(length: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on [0, 1], exact for polynomials of degree length - 1."""
    nodes, weights = np.polynomial.legendre.leggauss((length + 1) // 2)
    return (nodes + 1.0) / 2.0, weights / 2.0
