"""Reads an XGBoost booster's own account of itself (its JSON form) as an Ensemble."""

import json
import math
from typing import Any

import numpy as np

from inference.runtimes.xgboost import iterations
from inference.validation.boosted.ensemble import Branch, Ensemble, Leaf, Tree, below

SIGMOID = frozenset({"binary:logistic", "reg:logistic"})
EXPONENTIAL = frozenset({"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"})
SOFTMAX = frozenset({"multi:softprob", "multi:softmax"})
LABEL_ONLY = frozenset({"binary:hinge", "binary:logitraw"})
IDENTITY = frozenset(
    {
        "reg:squarederror",
        "reg:squaredlogerror",
        "reg:absoluteerror",
        "reg:pseudohubererror",
        "reg:quantileerror",
        "reg:linear",
        "rank:pairwise",
        "rank:ndcg",
        "rank:map",
    }
)


def read(booster: Any, classes: Any) -> Ensemble:
    """Raises NotImplementedError for what has no translation."""
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    parameters, objective = learner["learner_model_param"], learner["objective"]["name"]
    grown, weights = _grown(learner["gradient_booster"])
    targets = max(int(parameters["num_class"]), int(parameters["num_target"]), 1)
    last = iterations(booster)[1]
    count = grown["iteration_indptr"][last] if last else len(grown["trees"])
    trees = [
        _tree(tree, target, weight)
        for tree, target, weight in zip(grown["trees"][:count], grown["tree_info"], weights, strict=False)
    ]
    base = _base(parameters["base_score"], objective, targets)
    splits = [node for tree in trees for node in tree.nodes.values() if isinstance(node, Branch)]
    best = f", up to the best iteration ({last - 1})" if last else ""
    return Ensemble(
        trees,
        targets,
        base,
        _link(objective),
        single=True,
        whole="floor",
        classes=classes,
        described=f"XGBoost {objective}, {len(trees)} trees{best}",
        categorical=frozenset(node.feature for node in splits if node.categories is not None),
    )


def _grown(booster: dict[str, Any]) -> tuple[dict[str, Any], list[float]]:
    """(the trees with their notes, the weight of each)."""
    kind = booster["name"]
    if kind == "dart":
        return booster["gbtree"]["model"], booster["weight_drop"]
    if kind != "gbtree":
        raise NotImplementedError(f"XGBoost's booster {kind!r} has no translation")
    return booster["model"], [1.0] * len(booster["model"]["trees"])


def _link(objective: str) -> str:
    for names, link in (
        (SIGMOID, "sigmoid"),
        (EXPONENTIAL, "exp"),
        (SOFTMAX, "softmax"),
        (LABEL_ONLY, "sign"),
        (IDENTITY, "identity"),
    ):
        if objective in names:
            return link
    raise NotImplementedError(f"XGBoost's objective {objective!r} has no translation")


def _base(written: str, objective: str, targets: int) -> list[float]:
    """The file holds the base as an answer; the trees add to the score before the link."""
    told = json.loads(written)
    values = [float(value) for value in (told if isinstance(told, list) else [told])]
    if objective in SIGMOID:
        values = [math.log(value / (1 - value)) for value in values]
    elif objective in EXPONENTIAL:
        values = [math.log(value) for value in values]
    return values * targets if len(values) == 1 else values


def _tree(told: dict[str, Any], target: int, weight: float) -> Tree:
    if int(told["tree_param"]["size_leaf_vector"]) > 1:
        raise NotImplementedError("trees whose leaves hold several values have no translation")
    chosen = _categories(told)
    nodes: dict[int, Branch | Leaf] = {}
    left, right, covers = told["left_children"], told["right_children"], told["sum_hessian"]
    pending = [0]
    while pending:
        at = pending.pop()
        cover = float(covers[at])
        if at in nodes:
            raise ValueError("a node of a tree is reached twice")
        if left[at] == -1:
            nodes[at] = Leaf(float(np.float32(told["split_conditions"][at])) * weight, cover)
            continue
        threshold, feature = float(told["split_conditions"][at]), int(told["split_indices"][at])
        to_left = bool(told["default_left"][at])
        if at in chosen:  # the named categories go to the right
            nodes[at] = Branch(feature, 0.0, right[at], left[at], not to_left, chosen[at], cover)
        else:
            nodes[at] = Branch(feature, below(threshold), left[at], right[at], to_left, None, cover)
        pending += [left[at], right[at]]
    return Tree(nodes, target)


def _categories(told: dict[str, Any]) -> dict[int, tuple[int, ...]]:
    places = zip(told["categories_nodes"], told["categories_segments"], told["categories_sizes"], strict=True)
    return {node: tuple(told["categories"][start : start + size]) for node, start, size in places}
