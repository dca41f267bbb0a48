"""Histogram gradient boosting in double precision.

These trees compare the client's own double with a double threshold, and thresholds lie half-way
between values of the training data, where rounded inputs often fall: in single precision such rows
take the wrong branch. The compiler's own translation is kept for single-precision inputs.
"""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from inference.validation.converters.graph_parts import Graph, Trees

CLASSIFIER, REGRESSOR = "SklearnHistGradientBoostingClassifier", "SklearnHistGradientBoostingRegressor"
compilers_own = {alias: get_converter(alias) for alias in (CLASSIFIER, REGRESSOR)}
INVERSE_LINKS = {"IdentityLink": "Identity", "LogLink": "Exp"}


def register() -> None:
    for kind, alias, convert in (
        (HistGradientBoostingClassifier, CLASSIFIER, _convert_classifier),
        (HistGradientBoostingRegressor, REGRESSOR, _convert_regressor),
    ):
        options = compilers_own[alias].get_allowed_options()
        update_registered_converter(kind, alias, get_shape_calculator(alias), convert, options=options)


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    if not isinstance(operator.inputs[0].type, DoubleTensorType):
        compilers_own[CLASSIFIER](scope, operator, container)
        return
    graph, model = Graph(scope, container), operator.raw_operator
    raw = _raw_scores(graph, operator)
    if model.n_trees_per_iteration_ == 1:
        positive = graph.add("Sigmoid", [raw])
        negative = graph.add("Sub", [graph.constant(np.array(1.0)), positive])
        scores = graph.add("Concat", [negative, positive], axis=1)
    else:
        scores = graph.add("Softmax", [raw], axis=1)
    graph.labels(scores, model.classes_, operator.outputs[0])
    graph.write(scores, operator.outputs[1])


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    if not isinstance(operator.inputs[0].type, DoubleTensorType):
        compilers_own[REGRESSOR](scope, operator, container)
        return
    graph = Graph(scope, container)
    link = type(operator.raw_operator._loss.link).__name__
    if link not in INVERSE_LINKS:
        raise NotImplementedError(f"the link {link} has no translation")
    raw = _raw_scores(graph, operator)
    graph.write(graph.add(INVERSE_LINKS[link], [raw]), operator.outputs[0])


def _raw_scores(graph: Graph, operator: Any) -> str:
    """The sum of the trees and the baseline, (rows, trees per iteration), in double precision."""
    model = operator.raw_operator
    trees = Trees()
    width = len(model._predictors[0])
    for iteration, stage in enumerate(model._predictors):
        for target, tree in enumerate(stage):
            _append(trees, tree.nodes, iteration * width + target, target)
    sums = graph.cast(graph.trees(operator.inputs[0].full_name, trees, width), TensorProto.DOUBLE)
    baseline = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(1, -1)
    return graph.add("Add", [sums, graph.constant(baseline)])


def _append(trees: Trees, nodes: Any, tree: int, target: int) -> None:
    if nodes["is_categorical"].any():
        raise NotImplementedError("splits on categorical features have no translation")
    for number, node in enumerate(nodes):
        if node["is_leaf"]:
            trees.leaf(tree, number, [(target, float(node["value"]))])
        else:
            trees.branch(
                tree,
                number,
                int(node["feature_idx"]),
                float(node["num_threshold"]),
                int(node["left"]),
                int(node["right"]),
                int(node["missing_go_to_left"]),
            )
