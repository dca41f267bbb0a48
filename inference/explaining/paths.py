"""The ways from every leaf of many trees up to its root, walked for all leaves at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.explaining.plan import Array, Trees, Whole


@dataclass(frozen=True, slots=True)
class Edges:
    """One entry for each step of each way: whose it is (a place in `leaves`), the node above, its feature, whether the
    way goes left there, and which share of the node's training rows went along. trees: the tree of each leaf.
    """

    leaves: Whole
    trees: Whole
    owner: Whole
    node: Whole
    feature: Whole
    to_left: Any
    share: Array


def edges_of(trees: Trees) -> Edges:
    count = len(trees.feature)
    parent, from_left = np.full(count, -1, dtype=np.int64), np.zeros(count, dtype=bool)
    inner = np.flatnonzero(trees.feature >= 0)
    parent[trees.left[inner]] = parent[trees.right[inner]] = inner
    from_left[trees.left[inner]] = True
    leaves = np.flatnonzero(trees.feature < 0)
    tree_of = np.repeat(np.arange(len(trees.roots)), np.diff([*trees.roots, count]))
    owners, below = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    owner, at = np.arange(len(leaves)), leaves
    while len(at):
        inside = parent[at] >= 0
        owner, at = owner[inside], at[inside]
        owners.append(owner)
        below.append(at)
        at = parent[at]
    owner, at = np.concatenate(owners), np.concatenate(below)
    node = parent[at]
    return Edges(
        leaves,
        tree_of[leaves],
        owner,
        node,
        trees.feature[node],
        from_left[at],
        _shares(trees.cover[at], trees.cover[node]),
    )


def _shares(part: Array, whole: Array) -> Array:
    """A node that no training row reached sends as many to either side."""
    return np.divide(part, whole, out=np.full(len(part), 0.5), where=whole > 0)
