"""Nearest neighbours by straight-line distance, in double precision.

The compiler's own translation walks over the rows one by one. Here all distances come from one matrix product; those
of the nearest are then computed again from the differences, since a product leaves little of a distance near zero.
The option `ROW_BY_ROW` asks for the compiler's own.
"""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from inference.validation.converters.graph_parts import Graph

KINDS = (KNeighborsClassifier, KNeighborsRegressor)
NAMES = frozenset(kind.__name__ for kind in KINDS)
compilers_own = {kind: get_converter(sklearn_operator_name_map[kind]) for kind in KINDS}
# The distances of one part of a batch (`runtimes.onnx.ROWS_AT_ONCE`) to all known rows are kept at once.
MAX_KNOWN_ROWS = 50_000
# More rows than asked for are looked at closely, so that the product's rounding does not decide who is near.
SPARE = 8
ROW_BY_ROW: dict[str, Any] = {"optim": None}


def register() -> None:
    for kind, own in compilers_own.items():
        alias = sklearn_operator_name_map[kind]
        options = own.get_allowed_options()
        update_registered_converter(kind, alias, get_shape_calculator(alias), _convert, options=options)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    asked = container.get_options(model, {"optim": "cdist"})["optim"]
    if not isinstance(operator.inputs[0].type, DoubleTensorType) or asked is None or not _is_plain(model):
        compilers_own[type(model)](scope, operator, container)
        return
    graph = Graph(scope, container)
    known = _known(model)
    nearest, distances = _nearest(graph, operator.inputs[0].full_name, model)
    values = graph.add("Gather", [graph.constant(known), nearest], axis=0)
    if model.weights == "distance":
        weights = graph.add("Unsqueeze", [_weights(graph, distances), _place(graph, 2)])
        values = graph.add("Mul", [values, weights])
        whole = graph.add("ReduceSum", [weights, _place(graph, 1)], keepdims=0)
    else:
        whole = graph.constant(np.array(float(model.n_neighbors)))
    sums = graph.add("ReduceSum", [values, _place(graph, 1)], keepdims=0)
    means = graph.add("Div", [sums, whole])
    if isinstance(model, KNeighborsRegressor):
        graph.write(means, operator.outputs[0])
        return
    graph.labels(sums, model.classes_, operator.outputs[0])
    graph.write(means, operator.outputs[1])


def _is_plain(model: Any) -> bool:
    """Dense rows, one label each, straight-line distance, known weights, and little enough to keep in the graph."""
    rows = model._fit_X
    return (
        isinstance(rows, np.ndarray)
        and len(rows) <= MAX_KNOWN_ROWS
        and model.effective_metric_ == "euclidean"
        and model.weights in ("uniform", "distance")
        and not isinstance(getattr(model, "classes_", None), list)
    )


def _known(model: Any) -> "np.ndarray[Any, Any]":
    """What each known row says: a one in the column of its class, or its values."""
    if isinstance(model, KNeighborsRegressor):
        return np.asarray(model._y, dtype=np.float64).reshape(len(model._fit_X), -1)
    return np.eye(len(model.classes_))[np.asarray(model._y).reshape(-1)]


def _nearest(graph: Graph, rows: str, model: Any) -> tuple[str, str]:
    """The places of the nearest known rows, (rows, neighbours), and their distances."""
    points = graph.constant(np.asarray(model._fit_X, dtype=np.float64))
    roughly = graph.scope.get_unique_variable_name("distances")
    graph.container.add_node(
        "CDist",
        [rows, points],
        [roughly],
        op_domain="com.microsoft",
        op_version=1,
        name=graph.scope.get_unique_operator_name("distances"),
        metric="sqeuclidean",
    )
    _, near = _smallest(graph, roughly, min(model.n_neighbors + SPARE, len(model._fit_X)))
    chosen = graph.add("Gather", [points, near], axis=0)
    differences = graph.add("Sub", [chosen, graph.add("Unsqueeze", [rows, _place(graph, 1)])])
    squares = graph.add("ReduceSum", [graph.add("Mul", [differences, differences]), _place(graph, 2)], keepdims=0)
    lengths, nearest = _smallest(graph, squares, model.n_neighbors)
    return graph.add("GatherElements", [near, nearest], axis=1), graph.add("Sqrt", [lengths])


def _smallest(graph: Graph, values: str, count: int) -> tuple[str, str]:
    """The smallest of each row, and their places."""
    wanted = graph.constant(np.array([count], dtype=np.int64), TensorProto.INT64)
    smallest, places = (str(graph.scope.get_unique_variable_name(name)) for name in ("smallest", "places"))
    graph.container.add_node(
        "TopK",
        [values, wanted],
        [smallest, places],
        op_version=11,
        name=graph.scope.get_unique_operator_name("smallest"),
        largest=0,
        sorted=1,
    )
    return smallest, places


def _weights(graph: Graph, distances: str) -> str:
    """One over the distance; where some distance is zero, one for those and zero for the others."""
    zero, one = graph.constant(np.array(0.0)), graph.constant(np.array(1.0))
    same = graph.cast(graph.add("Equal", [distances, zero]), TensorProto.DOUBLE)
    any_same = graph.add("Greater", [graph.add("ReduceSum", [same, _place(graph, 1)], keepdims=1), zero])
    return graph.add("Where", [any_same, same, graph.add("Div", [one, distances])])


def _place(graph: Graph, axis: int) -> str:
    return graph.constant(np.array([axis], dtype=np.int64), TensorProto.INT64)
