"""Filling gaps in double precision, for which the runtime has no single operator."""

from typing import Any

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.impute import SimpleImputer

from inference.validation.converters.graph_parts import Graph

ALIAS = sklearn_operator_name_map[SimpleImputer]
compilers_own = get_converter(ALIAS)


def register() -> None:
    options = compilers_own.get_allowed_options()
    update_registered_converter(SimpleImputer, ALIAS, get_shape_calculator(ALIAS), _convert, options=options)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    double = all(isinstance(given.type, DoubleTensorType) for given in operator.inputs)
    if not double or not _is_plain(model):
        compilers_own(scope, operator, container)
        return
    graph = Graph(scope, container)
    names = [given.full_name for given in operator.inputs]
    value = names[0] if len(names) == 1 else graph.add("Concat", names, axis=1)
    filling = graph.constant(np.asarray(model.statistics_, dtype=np.float64).reshape(1, -1))
    gaps = graph.add("IsNaN", [value])
    graph.add("Where", [gaps, filling, value], operator.outputs[0].full_name)


def _is_plain(model: Any) -> bool:
    """NaN is the gap, every column has a number to fill it with, nothing else is added."""
    if model.add_indicator or not isinstance(model.missing_values, float) or model.statistics_.dtype.kind != "f":
        return False
    return bool(np.isnan(model.missing_values)) and not np.isnan(model.statistics_).any()
