"""Decision trees and forests of them, exactly: branches and ties fall as in the original.

scikit-learn rounds the input to single precision and compares it with a double threshold; a forest
adds up the leaves of its trees and divides by their number, so that a vote of 25 to 25 is a tie. The
compiler's own translation weighs each leaf by 1/n in single precision, where such ties tip over.
"""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import FloatTensorType
from sklearn import ensemble, tree

from inference.validation.converters.graph_parts import Graph, Trees, kind_of

CLASSIFIERS = (
    tree.DecisionTreeClassifier,
    tree.ExtraTreeClassifier,
    ensemble.RandomForestClassifier,
    ensemble.ExtraTreesClassifier,
)
REGRESSORS = (
    tree.DecisionTreeRegressor,
    tree.ExtraTreeRegressor,
    ensemble.RandomForestRegressor,
    ensemble.ExtraTreesRegressor,
)
compilers_own = {kind: get_converter(sklearn_operator_name_map[kind]) for kind in (*CLASSIFIERS, *REGRESSORS)}
OTHER_RESULTS = ("raw_scores", "decision_path", "decision_leaf")


def register() -> None:
    for kind, own in compilers_own.items():
        alias = sklearn_operator_name_map[kind]
        convert = _convert_classifier if kind in CLASSIFIERS else _convert_regressor
        options = own.get_allowed_options()
        update_registered_converter(kind, alias, get_shape_calculator(alias), convert, options=options)


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    if model.n_outputs_ > 1 or _wants_more(container, model):
        compilers_own[type(model)](scope, operator, container)
        return
    graph = Graph(scope, container)
    sums = _sums_of_leaves(graph, operator, len(model.classes_), target_axis=2)
    graph.labels(sums, model.classes_, operator.outputs[0])
    _write_means(graph, sums, model, operator.outputs[1])


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    if _wants_more(container, model):
        compilers_own[type(model)](scope, operator, container)
        return
    graph = Graph(scope, container)
    sums = _sums_of_leaves(graph, operator, model.n_outputs_, target_axis=1)
    _write_means(graph, sums, model, operator.outputs[0])


def _wants_more(container: Any, model: Any) -> bool:
    """Whether someone asked for results that only the compiler's own translation gives."""
    allowed = compilers_own[type(model)].get_allowed_options()
    asked = container.get_options(model, {name: False for name in OTHER_RESULTS if name in allowed})
    return any(asked.get(name) for name in OTHER_RESULTS)


def _sums_of_leaves(graph: Graph, operator: Any, targets: int, *, target_axis: int) -> str:
    trees = Trees()
    for number, part in enumerate(_trees_of(operator.raw_operator)):
        _append(trees, part, number, target_axis)
    given = operator.inputs[0]
    single = given.full_name
    if not isinstance(given.type, FloatTensorType):
        single = graph.cast(single, TensorProto.FLOAT)
    return graph.trees(graph.cast(single, TensorProto.DOUBLE), trees, targets)


def _write_means(graph: Graph, sums: str, model: Any, variable: Any) -> None:
    kind = kind_of(variable)
    if kind == TensorProto.DOUBLE:
        sums = graph.cast(sums, kind)
    count = graph.constant(np.array(float(len(_trees_of(model)))), kind)
    graph.add("Div", [sums, count], variable.full_name)


def _trees_of(model: Any) -> list[Any]:
    return [part.tree_ for part in getattr(model, "estimators_", [model])]


def _append(trees: Trees, part: Any, number: int, target_axis: int) -> None:
    left, right = part.children_left, part.children_right
    values = part.value[:, 0, :] if target_axis == 2 else part.value[:, :, 0]
    gaps_left = part.missing_go_to_left
    for node in range(part.node_count):
        if left[node] == right[node]:
            weights = [(at, float(value)) for at, value in enumerate(values[node]) if value != 0]
            trees.leaf(number, node, weights or [(0, 0.0)])
        else:
            trees.branch(
                number,
                node,
                int(part.feature[node]),
                float(part.threshold[node]),
                int(left[node]),
                int(right[node]),
                int(gaps_left[node]),
            )
