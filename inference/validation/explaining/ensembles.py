"""Trees and sets of them, of every library, as one list of nodes. In the sandbox only."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inference.explaining.plan import MAX_NODES, Array, Trees
from inference.explaining.told import CannotExplain
from inference.validation import boosted
from inference.validation.boosted import Branch
from inference.validation.explaining.refusal import NotCovered

FORESTS = frozenset(
    {"DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"}
    | {"ExtraTreesClassifier", "ExtraTreesRegressor", "RandomForestClassifier", "RandomForestRegressor"}
)
BAGS = frozenset({"BaggingClassifier", "BaggingRegressor"})


@dataclass(slots=True)
class Nodes:
    """Grows tree by tree; nodes of one tree are numbered from its root."""

    facts: dict[str, list[Any]] = field(
        default_factory=lambda: {
            name: [] for name in ("feature", "threshold", "left", "right", "gaps_left", "cover", "leaf")
        }
    )
    roots: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    categories: dict[int, tuple[int, ...]] = field(default_factory=dict)
    count: int = 0
    leaves: int = 0

    def add(self, target: int, *, values: Array, **facts: Any) -> None:
        """facts: one array each, children numbered within the tree; values: (nodes, columns)."""
        self.roots.append(self.count)
        self.targets.append(target)
        feature = np.asarray(facts["feature"], dtype=np.int64)
        is_leaf = np.asarray(facts["left"]) < 0
        feature = np.where(is_leaf, -1, feature)
        for name in ("left", "right"):
            facts[name] = np.where(is_leaf, 0, np.asarray(facts[name]) + self.count)
        leaf = np.where(is_leaf, np.cumsum(is_leaf) - 1 + self.leaves, 0)
        for name, array in {**facts, "feature": feature, "leaf": leaf}.items():
            self.facts[name].append(np.asarray(array))
        self.values.append(values[is_leaf])
        self.count += len(feature)
        self.leaves += int(is_leaf.sum())
        if self.count > MAX_NODES:
            raise CannotExplain("too_large", f"The model has more than {MAX_NODES:,} nodes.")

    def trees(self, base: Any, *, single: bool, whole: str = "floor") -> Trees:
        facts: dict[str, Any] = {name: np.concatenate(parts) for name, parts in self.facts.items()}
        return Trees(
            roots=np.array(self.roots),
            targets=np.array(self.targets),
            values=np.concatenate(self.values),
            base=np.atleast_1d(np.asarray(base, dtype=np.float64)),
            single=single,
            whole=whole,
            categories=self.categories,
            **facts,
        )


def read(model: Any) -> tuple[Trees, int] | None:
    """The trees and the number of scores; None when the model is made of something else. Raises NotCovered,
    CannotExplain."""
    kind = type(model).__name__
    if boosted.is_boosted(model):
        return _boosted(model)
    reader = READERS.get(kind) or (_forest if kind in FORESTS else _bag if kind in BAGS else None)
    return None if reader is None else reader(model)


def _add_fitted(nodes: Nodes, tree: Any, target: int, values: Array, columns: Any = None) -> None:
    """One of scikit-learn's own trees; `columns`: the forest's numbers of the columns that the tree sees."""
    feature = tree.feature if columns is None else np.asarray(columns)[np.maximum(tree.feature, 0)]
    nodes.add(
        target,
        values=values,
        feature=feature,
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        gaps_left=tree.missing_go_to_left,
        cover=tree.weighted_n_node_samples,
    )


def _values(tree: Any) -> Array:
    """(nodes, scores)."""
    if tree.value.shape[1] != 1:
        raise NotCovered("trees that answer several questions can't be taken apart")
    values: Array = np.asarray(tree.value[:, 0, :], dtype=np.float64)
    return values


def _forest(model: Any) -> tuple[Trees, int]:
    """The mean of the trees' shares of the classes, or of their values."""
    nodes, parts = Nodes(), getattr(model, "estimators_", [model])
    scores = len(model.classes_) if hasattr(model, "classes_") else 1
    for part in parts:
        _add_fitted(nodes, part.tree_, -1 if scores > 1 else 0, _values(part.tree_) / len(parts))
    return nodes.trees(np.zeros(scores), single=True), scores


def _bag(model: Any) -> tuple[Trees, int]:
    nodes = Nodes()
    scores = len(model.classes_) if hasattr(model, "classes_") else 1
    for part, columns in zip(model.estimators_, model.estimators_features_, strict=True):
        if not hasattr(part, "tree_"):
            raise NotCovered(f"a bag of {type(part).__name__} can't be taken apart")
        values = _values(part.tree_)
        if scores > 1 and values.shape[1] != scores:
            raise NotCovered("a tree of the bag knows other classes")
        _add_fitted(nodes, part.tree_, -1 if scores > 1 else 0, values / len(model.estimators_), columns)
    return nodes.trees(np.zeros(scores), single=True), scores


def _gradient_boosting(model: Any) -> tuple[Trees, int]:
    nodes, scores = Nodes(), model.estimators_.shape[1]
    for stage in model.estimators_:
        for target, part in enumerate(stage):
            _add_fitted(nodes, part.tree_, target, _values(part.tree_) * model.learning_rate)
    if model.init_ != "zero" and type(model.init_).__name__ not in ("DummyClassifier", "DummyRegressor"):
        raise NotCovered("boosting upon another model can't be taken apart")
    base = np.asarray(model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32)))[0]
    return nodes.trees(base, single=True), scores


def _histogram_boosting(model: Any) -> tuple[Trees, int]:
    nodes, scores = Nodes(), len(model._predictors[0])
    for stage in model._predictors:
        for target, tree in enumerate(stage):
            told = tree.nodes
            if told["is_categorical"].any():
                raise NotCovered("histogram boosting with categorical columns can't be taken apart")
            leaf = told["is_leaf"].astype(bool)
            nodes.add(
                target,
                values=told["value"].reshape(-1, 1).astype(np.float64),
                feature=told["feature_idx"].astype(np.int64),
                threshold=told["num_threshold"].astype(np.float64),
                left=np.where(leaf, -1, told["left"].astype(np.int64)),
                right=np.where(leaf, -1, told["right"].astype(np.int64)),
                gaps_left=told["missing_go_to_left"],
                cover=told["count"].astype(np.float64),
            )
    return nodes.trees(np.asarray(model._baseline_prediction).reshape(-1), single=False), scores


def _isolation(model: Any) -> tuple[Trees, int]:
    """The logarithm to base 2 of the anomaly score: minus the mean number of steps, in units of a usual one."""
    from sklearn.ensemble._iforest import _average_path_length

    nodes = Nodes()
    usual = len(model.estimators_) * float(_average_path_length(np.array([model._max_samples]))[0])
    for part, columns in zip(model.estimators_, model.estimators_features_, strict=True):
        tree = part.tree_
        steps = np.zeros(tree.node_count)
        for node in range(tree.node_count):
            if tree.children_left[node] >= 0:
                steps[[tree.children_left[node], tree.children_right[node]]] = steps[node] + 1
        values = (steps + _average_path_length(tree.n_node_samples)) / -(usual or 1.0)
        _add_fitted(nodes, tree, 0, values.reshape(-1, 1), columns)
    return nodes.trees(np.zeros(1), single=True), 1


def _boosted(model: Any) -> tuple[Trees, int]:
    try:
        found = boosted.read(model)
    except NotImplementedError as error:
        raise NotCovered(str(error)) from error
    if not found.trees:
        raise NotCovered("a model without trees can't be taken apart")
    nodes = Nodes()
    factor = found.slope if found.link == "sigmoid" else 1.0  # the margin is then the log-odds
    for tree in found.trees:
        place = {at: number for number, at in enumerate(_in_order(tree.nodes))}
        told = [tree.nodes[at] for at in place]
        start = nodes.count
        nodes.add(
            tree.target,
            values=np.array(
                [[0.0 if isinstance(node, Branch) else node.value * found.factor * factor] for node in told]
            ),
            feature=[node.feature if isinstance(node, Branch) else -1 for node in told],
            threshold=[node.threshold if isinstance(node, Branch) else 0.0 for node in told],
            left=[place[node.left] if isinstance(node, Branch) else -1 for node in told],
            right=[place[node.right] if isinstance(node, Branch) else -1 for node in told],
            gaps_left=[isinstance(node, Branch) and node.gaps_left for node in told],
            cover=[node.cover for node in told],
        )
        for number, node in enumerate(told):
            if isinstance(node, Branch) and node.categories is not None:
                nodes.categories[start + number] = node.categories
    return nodes.trees(np.array(found.base) * factor, single=found.single, whole=found.whole), found.targets


def _in_order(nodes: dict[int, Any]) -> list[int]:
    """The nodes from the root down, parents first."""
    order = [0]
    for at in order:
        node = nodes[at]
        if isinstance(node, Branch):
            order += [node.left, node.right]
    return order


READERS: dict[str, Callable[[Any], tuple[Trees, int]]] = {
    "GradientBoostingClassifier": _gradient_boosting,
    "GradientBoostingRegressor": _gradient_boosting,
    "HistGradientBoostingClassifier": _histogram_boosting,
    "HistGradientBoostingRegressor": _histogram_boosting,
    "IsolationForest": _isolation,
}
