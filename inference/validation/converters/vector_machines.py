"""Support vector classifiers in double precision: kernels of distant points leave single precision little.

The machine votes in pairs of classes. Machines that estimate probabilities keep the compiler's own
translation.
"""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.svm import SVC, NuSVC

from inference.validation.converters.graph_parts import Graph

KINDS = (SVC, NuSVC)
compilers_own = {kind: get_converter(sklearn_operator_name_map[kind]) for kind in KINDS}


def register() -> None:
    for kind, own in compilers_own.items():
        alias = sklearn_operator_name_map[kind]
        options = own.get_allowed_options()
        update_registered_converter(kind, alias, get_shape_calculator(alias), _convert, options=options)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    if not isinstance(operator.inputs[0].type, DoubleTensorType) or not _is_plain(model):
        compilers_own[type(model)](scope, operator, container)
        return
    graph = Graph(scope, container)
    kernel = _kernel(graph, operator.inputs[0].full_name, model)
    weights, offsets, first, second = _pairs(model)
    decisions = graph.add("Add", [graph.add("MatMul", [kernel, graph.constant(weights)]), graph.constant(offsets)])
    zero = graph.constant(np.array(0.0))
    for_first = graph.cast(graph.add("Greater", [decisions, zero]), TensorProto.DOUBLE)
    for_second = graph.add("Sub", [graph.constant(np.array(1.0)), for_first])
    votes = graph.add(
        "Add",
        [
            graph.add("MatMul", [for_first, graph.constant(first)]),
            graph.add("MatMul", [for_second, graph.constant(second)]),
        ],
    )
    graph.labels(votes, model.classes_, operator.outputs[0])
    if len(operator.outputs) > 1:
        graph.write(votes, operator.outputs[1])


def _is_plain(model: Any) -> bool:
    """No probabilities, no ties broken by distance, dense vectors, a kernel with a formula."""
    dense = isinstance(model.support_vectors_, np.ndarray)
    return (
        dense
        and not hasattr(model, "predict_proba")
        and not model.break_ties
        and model.kernel in ("linear", "poly", "rbf", "sigmoid")
    )


def _kernel(graph: Graph, rows: str, model: Any) -> str:
    """The kernel of each row with each support vector."""
    vectors = np.asarray(model.support_vectors_, dtype=np.float64)
    products = graph.add("MatMul", [rows, graph.constant(vectors.T)])
    if model.kernel == "linear":
        return products
    gamma = graph.constant(np.array(float(model._gamma)))
    if model.kernel == "rbf":
        own = graph.add("ReduceSumSquare", [rows], axes=[1], keepdims=1)
        squares = graph.constant((vectors**2).sum(axis=1).reshape(1, -1))
        doubled = graph.add("Mul", [products, graph.constant(np.array(2.0))])
        distance = graph.add("Sub", [graph.add("Add", [own, squares]), doubled])
        return graph.add("Exp", [graph.add("Neg", [graph.add("Mul", [distance, gamma])])])
    inner = graph.add("Mul", [products, gamma])
    inner = graph.add("Add", [inner, graph.constant(np.array(float(model.coef0)))])
    if model.kernel == "sigmoid":
        return graph.add("Tanh", [inner])
    return graph.add("Pow", [inner, graph.constant(np.array(float(model.degree)))])


def _pairs(model: Any) -> tuple[Any, Any, Any, Any]:
    """Weights (vectors, pairs) and offsets of each pair's decision, and whom its two outcomes vote for."""
    counts = np.asarray(model.n_support_)
    owner = np.repeat(np.arange(len(counts)), counts)
    pairs = [(a, b) for a in range(len(counts)) for b in range(a + 1, len(counts))]
    weights = np.zeros((len(owner), len(pairs)))
    first, second = np.zeros((len(pairs), len(counts))), np.zeros((len(pairs), len(counts)))
    for at, (a, b) in enumerate(pairs):
        weights[owner == a, at] = model._dual_coef_[b - 1, owner == a]
        weights[owner == b, at] = model._dual_coef_[a, owner == b]
        first[at, a] = second[at, b] = 1.0
    offsets = np.asarray(model._intercept_, dtype=np.float64).reshape(1, -1)
    return weights, offsets, first, second
