"""Gradient boosting behind a double-precision part: its trees see the input in single precision."""

import copy
from typing import Any

from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from inference.validation.converters.graph_parts import Graph, kind_of

compilers_own = {
    kind: get_converter(sklearn_operator_name_map[kind])
    for kind in (GradientBoostingClassifier, GradientBoostingRegressor)
}


def register() -> None:
    for kind, own in compilers_own.items():
        alias = sklearn_operator_name_map[kind]
        options = own.get_allowed_options()
        update_registered_converter(kind, alias, get_shape_calculator(alias), _convert, options=options)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    model, given = operator.raw_operator, operator.inputs[0]
    if not isinstance(given.type, DoubleTensorType):
        compilers_own[type(model)](scope, operator, container)
        return
    graph = Graph(scope, container)
    single = scope.declare_local_variable("single", FloatTensorType(given.type.shape))
    graph.cast(given.full_name, TensorProto.FLOAT, single.full_name)
    inner = scope.declare_local_operator(sklearn_operator_name_map[type(model)], model)
    inner.inputs.append(single)
    for output in operator.outputs:
        double = isinstance(output.type, DoubleTensorType)
        kind = FloatTensorType(output.type.shape) if double else copy.deepcopy(output.type)
        result = scope.declare_local_variable("result", kind)
        inner.outputs.append(result)
        if double:
            graph.cast(result.full_name, kind_of(output), output.full_name)
        else:
            graph.add("Identity", [result.full_name], output.full_name)
