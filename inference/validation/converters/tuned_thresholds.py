"""A classifier whose threshold was tuned: the compiler's own translation forgets the threshold."""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter, get_shape_calculator
from sklearn.model_selection import TunedThresholdClassifierCV

from inference.validation.converters.graph_parts import Graph, kind_of

ALIAS = sklearn_operator_name_map[TunedThresholdClassifierCV]
compilers_own = get_converter(ALIAS)


def register() -> None:
    options = compilers_own.get_allowed_options()
    shapes = get_shape_calculator(ALIAS)
    update_registered_converter(TunedThresholdClassifierCV, ALIAS, shapes, _convert, options=options)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    inner = model.estimator_
    if not hasattr(inner, "predict_proba") or model.response_method == "decision_function":
        raise NotImplementedError("thresholds on decision functions have no translation")
    if getattr(model, "pos_label", None) is not None or type(inner) not in sklearn_operator_name_map:
        raise NotImplementedError("this tuned classifier has no translation")
    graph = Graph(scope, container)
    part = scope.declare_local_operator(sklearn_operator_name_map[type(inner)], inner)
    part.inputs = operator.inputs
    labels, scores = operator.outputs[:2]
    ignored = scope.declare_local_variable("untuned", labels.type.__class__())
    found = scope.declare_local_variable("scores", scores.type.__class__())
    part.outputs.append(ignored)
    part.outputs.append(found)
    graph.add("Identity", [found.full_name], scores.full_name)
    second = graph.constant(np.array(1, dtype=np.int64), TensorProto.INT64)
    positive = graph.add("Gather", [found.full_name, second], axis=1)
    threshold = graph.constant(np.array([model.best_threshold_]), kind_of(scores))
    reached = graph.add("GreaterOrEqual", [positive, threshold])
    index = graph.cast(reached, TensorProto.INT64)
    graph.choose(index, model.classes_, labels)
