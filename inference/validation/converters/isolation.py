"""Isolation forests as one set of trees; the compiler's own translation makes a set of each tree and more beside it.

A leaf is worth the number of steps to it, and what a tree of its rows would have added.
"""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._iforest import _average_path_length

from inference.validation.converters.graph_parts import Graph, Trees

ALIAS = sklearn_operator_name_map[IsolationForest]
compilers_own = get_converter(ALIAS)


def register() -> None:
    options = compilers_own.get_allowed_options()
    update_registered_converter(IsolationForest, ALIAS, get_shape_calculator(ALIAS), _convert, options=options)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    if container.get_options(model, {"score_samples": False}).get("score_samples"):
        compilers_own(scope, operator, container)
        return
    graph = Graph(scope, container)
    given = operator.inputs[0]
    single = given.full_name
    if not isinstance(given.type, FloatTensorType):
        single = graph.cast(single, TensorProto.FLOAT)
    trees = Trees()
    for number, (part, columns) in enumerate(zip(model.estimators_, model.estimators_features_, strict=True)):
        _append(trees, part.tree_, columns, number)
    depths = graph.cast(graph.trees(graph.cast(single, TensorProto.DOUBLE), trees, 1), TensorProto.DOUBLE)
    usual = len(model.estimators_) * float(_average_path_length(np.array([model._max_samples]))[0])
    shares = graph.add("Div", [depths, graph.constant(np.array(-usual or -1.0))])
    likelihoods = graph.add("Pow", [graph.constant(np.array(2.0)), shares])
    decisions = graph.add("Sub", [graph.constant(np.array(-float(model.offset_))), likelihoods])
    inside = graph.add("Not", [graph.add("Less", [decisions, graph.constant(np.array(0.0))])])
    sign = graph.cast(inside, TensorProto.INT64)
    places = graph.add("Reshape", [sign, graph.constant(np.array([-1], dtype=np.int64), TensorProto.INT64)])
    graph.choose(places, np.array([-1, 1]), operator.outputs[0])
    if len(operator.outputs) > 1:
        graph.write(decisions, operator.outputs[1])


def _append(trees: Trees, part: Any, columns: Any, number: int) -> None:
    left, right = part.children_left, part.children_right
    beyond = _average_path_length(part.n_node_samples)
    steps = np.zeros(part.node_count)
    for node in range(part.node_count):
        if left[node] == right[node]:
            trees.leaf(number, node, [(0, float(steps[node] + beyond[node]))])
            continue
        steps[[left[node], right[node]]] = steps[node] + 1
        trees.branch(
            number,
            node,
            int(columns[part.feature[node]]),
            float(part.threshold[node]),
            int(left[node]),
            int(right[node]),
            int(part.missing_go_to_left[node]),
        )
