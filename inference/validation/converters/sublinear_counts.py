"""Logarithmic term counts: one plus the logarithm where a term occurs, zero where it does not."""

import copy
from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.feature_extraction.text import TfidfTransformer

ALIAS = "SklearnTfidfTransformer"
compilers_own = get_converter(ALIAS)
OPERATOR_VERSION = 13


def register() -> None:
    update_registered_converter(
        TfidfTransformer,
        ALIAS,
        get_shape_calculator(ALIAS),
        _convert,
        options={"nan": [True, False]},
    )


def _convert(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    if not model.sublinear_tf:
        compilers_own(scope, operator, container)
        return
    counts = operator.inputs[0]
    logarithmic = scope.declare_local_variable("logarithmic", copy.deepcopy(counts.type))
    _add_logarithm(scope, container, counts, logarithmic.full_name)
    linear = copy.copy(model)
    linear.sublinear_tf = False
    rest = scope.declare_local_operator(ALIAS, linear)
    rest.inputs.append(logarithmic)
    rest.outputs = operator.outputs


def _add_logarithm(scope: Any, container: Any, counts: Any, output: str) -> None:
    double = isinstance(counts.type, DoubleTensorType)
    kind = TensorProto.DOUBLE if double else TensorProto.FLOAT
    names = {}
    for name, value in (("zero", 0.0), ("one", 1.0)):
        names[name] = scope.get_unique_variable_name(name)
        container.add_initializer(names[name], kind, [1], np.array([value]).tolist())

    def add(operation: str, inputs: list[str], result: str | None = None) -> str:
        result = result or scope.get_unique_variable_name(operation.lower())
        label = scope.get_unique_operator_name(operation)
        container.add_node(operation, inputs, [result], op_version=OPERATOR_VERSION, name=label)
        return result

    occurs = add("Greater", [counts.full_name, names["zero"]])
    safe = add("Where", [occurs, counts.full_name, names["one"]])
    plus_one = add("Add", [add("Log", [safe]), names["one"]])
    add("Where", [occurs, plus_one, names["zero"]], output)
