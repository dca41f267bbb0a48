"""FunctionTransformer over the plain functions of numpy that saved models may name."""

from collections.abc import Callable
from typing import Any

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter, get_shape_calculator
from sklearn.preprocessing import FunctionTransformer

from inference.validation.converters.graph_parts import Graph, kind_of

ALIAS = sklearn_operator_name_map[FunctionTransformer]
compilers_own = get_converter(ALIAS)
compilers_shape = get_shape_calculator(ALIAS)
Translate = Callable[[Graph, str, int], str]


def register() -> None:
    update_registered_converter(FunctionTransformer, ALIAS, _shape, _convert)


def _by(kind: str) -> Translate:
    return lambda graph, value, _: graph.add(kind, [value])


def _number(graph: Graph, value: float, kind: int) -> str:
    return graph.constant(np.array(value), kind)


def _log1p(graph: Graph, value: str, kind: int) -> str:
    return graph.add("Log", [graph.add("Add", [value, _number(graph, 1.0, kind)])])


def _expm1(graph: Graph, value: str, kind: int) -> str:
    return graph.add("Sub", [graph.add("Exp", [value]), _number(graph, 1.0, kind)])


def _logarithm(base: float) -> Translate:
    return lambda graph, value, kind: graph.add(
        "Div", [graph.add("Log", [value]), _number(graph, float(np.log(base)), kind)]
    )


FUNCTIONS: dict[Any, Translate] = {
    np.abs: _by("Abs"),
    np.cos: _by("Cos"),
    np.exp: _by("Exp"),
    np.expm1: _expm1,
    np.log: _by("Log"),
    np.log10: _logarithm(10.0),
    np.log1p: _log1p,
    np.log2: _logarithm(2.0),
    np.negative: _by("Neg"),
    np.reciprocal: _by("Reciprocal"),
    np.sin: _by("Sin"),
    np.sqrt: _by("Sqrt"),
    np.square: lambda graph, value, _: graph.add("Mul", [value, value]),
    np.tanh: _by("Tanh"),
}


def _is_ours(operator: Any) -> bool:
    model = operator.raw_operator
    plain = isinstance(model.func, np.ufunc) and model.func in FUNCTIONS and not model.kw_args
    return plain and len({type(given.type) for given in operator.inputs}) == 1


def _shape(operator: Any) -> None:
    if not _is_ours(operator):
        compilers_shape(operator)
        return
    widths = [given.type.shape[1] for given in operator.inputs]
    rows = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type = type(operator.inputs[0].type)([rows, sum(widths)])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    if not _is_ours(operator):
        compilers_own(scope, operator, container)
        return
    graph = Graph(scope, container)
    names = [given.full_name for given in operator.inputs]
    value = names[0] if len(names) == 1 else graph.add("Concat", names, axis=1)
    answer = FUNCTIONS[operator.raw_operator.func](graph, value, kind_of(operator.inputs[0]))
    graph.add("Identity", [answer], operator.outputs[0].full_name)
