"""What trees contribute is the Shapley value of the game that path-dependent TreeSHAP defines, by its definition."""

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.explaining.plan import Trees
from inference.explaining.trees import LEAST_SHARE, Forest

WIDTH = 4
CUTS = [-1.0, 0.0, 1.0]


@st.composite
def tree_nodes(draw: Any, depth: int = 4) -> list[dict[str, Any]]:
    """One tree as a list of nodes, the parents first."""
    nodes: list[dict[str, Any]] = []

    def grow(left: int) -> int:
        at = len(nodes)
        nodes.append({"feature": -1, "value": 0.0, "cover": draw(st.integers(1, 9)), "left": 0, "right": 0})
        if left == 0 or (at and draw(st.booleans())):
            nodes[at]["value"] = draw(st.integers(-5, 5)) / 2
            return at
        node = nodes[at]
        node["feature"] = draw(st.integers(0, WIDTH - 1))
        node["threshold"] = draw(st.sampled_from(CUTS))
        node["gaps_left"] = draw(st.booleans())
        node["categories"] = draw(st.none() | st.sets(st.integers(0, 2), max_size=2))
        node["left"], node["right"] = grow(left - 1), grow(left - 1)
        return at

    grow(depth)
    return nodes


def as_trees(many: list[list[dict[str, Any]]], targets: list[int], scores: int = 1) -> Trees:
    flat: dict[str, list[Any]] = {name: [] for name in ("feature", "threshold", "left", "right", "gaps_left", "cover")}
    roots, leaf, values, categories = [], [], [], {}
    for nodes in many:
        start = len(flat["feature"])
        roots.append(start)
        for number, node in enumerate(nodes):
            for name in flat:
                shift = start if name in ("left", "right") and node["feature"] >= 0 else 0
                flat[name].append(node.get(name, 0) + shift)
            leaf.append(len(values))
            if node["feature"] < 0:
                values.append([node["value"]])
            elif node["categories"] is not None:
                categories[start + number] = tuple(node["categories"])
    arrays = {
        name: np.array(column, dtype=float if name in ("threshold", "cover") else int) for name, column in flat.items()
    }
    arrays["gaps_left"] = arrays["gaps_left"] > 0
    return Trees(
        np.array(roots), np.array(targets), leaf=np.array(leaf), values=np.array(values), base=np.zeros(scores),
        single=False, categories=categories, **arrays,
    )  # fmt: skip


def goes_left(node: dict[str, Any], row: Any) -> bool:
    value = row[node["feature"]]
    if np.isnan(value):
        return bool(node["gaps_left"])
    if node["categories"] is not None:
        return int(np.floor(value)) in node["categories"]
    return bool(value <= node["threshold"])


def known(nodes: list[dict[str, Any]], row: Any, features: frozenset[int], at: int = 0) -> float:
    """What the tree answers when only these features are known: algorithm 1 of Lundberg et al. 2020."""
    node = nodes[at]
    if node["feature"] < 0:
        return float(node["value"])
    if node["feature"] in features:
        return known(nodes, row, features, node["left"] if goes_left(node, row) else node["right"])
    shares = [nodes[side]["cover"] / node["cover"] for side in (node["left"], node["right"])]
    return sum(
        share * known(nodes, row, features, side)
        for share, side in zip(shares, (node["left"], node["right"]), strict=True)
    )


def by_definition(nodes: list[dict[str, Any]], row: Any) -> list[float]:
    """The Shapley value of each feature."""
    values = []
    for feature in range(WIDTH):
        others = [other for other in range(WIDTH) if other != feature]
        total = 0.0
        for size in range(WIDTH):
            weight = factorial(size) * factorial(WIDTH - size - 1) / factorial(WIDTH)
            for some in combinations(others, size):
                with_it = known(nodes, row, frozenset({*some, feature}))
                total += weight * (with_it - known(nodes, row, frozenset(some)))
        values.append(total)
    return values


cells = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, float("nan")])
rows = st.lists(cells, min_size=WIDTH, max_size=WIDTH).map(np.array)


@given(tree_nodes(), rows)
@settings(max_examples=150)
def test_a_tree_is_shared_out_as_the_definition_says(nodes: Any, row: Any) -> None:
    forest = Forest(as_trees([nodes], [0]), WIDTH, 1)

    base, moved = forest.explain(row, 0)

    assert base == pytest.approx(known(nodes, row, frozenset()))
    assert moved == pytest.approx(by_definition(nodes, row), abs=1e-9)


@given(st.lists(st.tuples(tree_nodes(), st.integers(0, 1)), min_size=1, max_size=4), rows)
@settings(max_examples=60)
def test_base_and_contributions_add_up_to_each_score(many: Any, row: Any) -> None:
    forest = Forest(as_trees([nodes for nodes, _ in many], [target for _, target in many], 2), WIDTH, 2)

    for score in (0, 1):
        answered = sum(known(nodes, row, frozenset(range(WIDTH))) for nodes, target in many if target == score)
        base, moved = forest.explain(row, score)
        assert base + moved.sum() == pytest.approx(answered, abs=1e-9)
        assert forest.scores(row[None, :])[0, score] == pytest.approx(answered)


@given(tree_nodes(), st.lists(rows, min_size=1, max_size=4))
@settings(max_examples=40)
def test_rows_are_shared_out_together_as_each_alone(nodes: Any, together: Any) -> None:
    forest = Forest(as_trees([nodes], [0]), WIDTH, 1)

    _, moved = forest.explain_rows(np.array(together), 0)

    assert moved == pytest.approx(np.array([forest.explain(row, 0)[1] for row in together]), abs=1e-12)


def test_a_branch_that_no_training_row_took_does_not_break_the_sum() -> None:
    nodes = [
        {"feature": 0, "threshold": 0.0, "gaps_left": True, "categories": None, "cover": 4, "left": 1, "right": 2},
        {"feature": -1, "value": 5.0, "cover": 0},
        {"feature": -1, "value": 1.0, "cover": 4},
    ]
    base, moved = Forest(as_trees([nodes], [0]), WIDTH, 1).explain(np.zeros(WIDTH), 0)

    assert base == pytest.approx(1.0, abs=10 * LEAST_SHARE)
    assert base + moved.sum() == pytest.approx(5.0)


def test_features_are_rounded_where_the_library_rounds_them() -> None:
    nodes = [
        {"feature": 0, "threshold": 0.1, "gaps_left": False, "categories": None, "cover": 2, "left": 1, "right": 2},
        {"feature": -1, "value": 1.0, "cover": 1},
        {"feature": -1, "value": 2.0, "cover": 1},
    ]
    exact = as_trees([nodes], [0])
    rounded = Trees(**{**{name: getattr(exact, name) for name in exact.__slots__}, "single": True})

    assert Forest(exact, WIDTH, 1).scores(np.full((1, WIDTH), 0.1)) == 1.0
    assert Forest(rounded, WIDTH, 1).scores(np.full((1, WIDTH), 0.1)) == 2.0  # 0.1 in single precision is larger
