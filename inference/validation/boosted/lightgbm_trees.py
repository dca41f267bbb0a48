"""Reads a LightGBM booster's own account of itself as an Ensemble."""

import math
import sys
from typing import Any

from inference.validation.boosted.ensemble import Branch, Ensemble, Leaf, Tree

EXPONENTIAL = frozenset({"poisson", "gamma", "tweedie"})
IDENTITY = frozenset(
    {"regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg", "none"}
)
ZERO = 1.0000000180025095e-35  # 1e-35 in single precision


def read(booster: Any, classes: Any) -> Ensemble:
    """Raises NotImplementedError for what has no translation."""
    told = booster.dump_model()
    words = str(told.get("objective") or "none").split()
    link, slope = _link(words)
    targets = int(told["num_tree_per_iteration"])
    trees = [_tree(tree["tree_structure"], number % targets) for number, tree in enumerate(told["tree_info"])]
    splits = [node for tree in trees for node in tree.nodes.values() if isinstance(node, Branch)]
    rounds = len(trees) // targets
    return Ensemble(
        trees,
        targets,
        [0.0] * targets,
        link,
        single=False,
        whole="cut",
        slope=slope,
        factor=1.0 / rounds if told.get("average_output") and rounds else 1.0,
        classes=classes,
        described=f"LightGBM {words[0]}, {len(trees)} trees",
        categorical=frozenset(node.feature for node in splits if node.categories is not None),
    )


def _link(words: list[str]) -> tuple[str, float]:
    """(link, slope of the sigmoid) of an objective as the file writes it: its name, then its settings."""
    name, settings = words[0], dict(word.split(":", 1) for word in words[1:] if ":" in word)
    if name == "multiclass":
        return "softmax", 1.0
    if name in ("binary", "multiclassova", "cross_entropy"):
        return "sigmoid", float(settings.get("sigmoid", 1.0))
    if name == "cross_entropy_lambda":
        return "log1p_exp", 1.0
    if name in EXPONENTIAL:
        return "exp", 1.0
    if name in IDENTITY:
        return ("signed_square" if "sqrt" in words else "identity"), 1.0
    raise NotImplementedError(f"LightGBM's objective {name!r} has no translation")


def _tree(root: dict[str, Any], target: int) -> Tree:
    nodes: dict[int, Branch | Leaf] = {}
    pending = [(0, root)]
    number = 1
    while pending:
        at, told = pending.pop()
        if "leaf_value" in told:
            if told.get("leaf_coeff"):
                raise NotImplementedError("linear trees have no translation")
            nodes[at] = Leaf(float(told["leaf_value"]), float(told.get("leaf_count", 0)))
            continue
        left, right = number, number + 1
        number += 2
        nodes[at] = _branch(told, left, right)
        pending += [(left, told["left_child"]), (right, told["right_child"])]
    return Tree(nodes, target)


def _met(threshold: float) -> float:
    """The threshold as the library's rows meet it: they hold 0 for anything as small as `ZERO`, and splits
    that only set gaps apart are written as 1e300."""
    if threshold >= 1e300:
        return sys.float_info.max
    if -ZERO <= threshold < 0.0:
        return math.nextafter(-ZERO, -math.inf)
    return ZERO if 0.0 <= threshold < ZERO else threshold


def _branch(told: dict[str, Any], left: int, right: int) -> Branch:
    feature, missing, cover = int(told["split_feature"]), told["missing_type"], float(told.get("internal_count", 0))
    if told["decision_type"] == "==":
        chosen = tuple(int(category) for category in str(told["threshold"]).split("||"))
        return Branch(feature, 0.0, left, right, False, chosen, cover)
    threshold = _met(float(told["threshold"]))
    if missing == "Zero":
        raise NotImplementedError("models that take zero for a missing value have no translation")
    to_left = bool(told["default_left"]) if missing == "NaN" else threshold >= 0.0  # else a gap counts as zero
    return Branch(feature, threshold, left, right, to_left, None, cover)
