"""Calibration by steps: the original draws lines between its points, the compiler's own takes the nearest point.

The compiler has no door for this part of its calibration, so the function is replaced in its module.
"""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx.operator_converters import calibrated_classifier_cv

from inference.validation.converters.graph_parts import Graph


def register() -> None:
    calibrated_classifier_cv._transform_isotonic = _interpolate


def _interpolate(scope: Any, container: Any, model: Any, scores: str, number: int, dtype: Any, kind: int) -> str:
    """The calibrated probabilities, (rows, 1): each line adds its slope times how much of it lies below the score."""
    curve = model.calibrators[number]
    if curve.out_of_bounds != "clip":
        raise NotImplementedError("a calibration that knows nothing beyond its points has no translation")
    kind = kind if kind == TensorProto.DOUBLE else TensorProto.FLOAT
    graph = Graph(scope, container)
    x = np.asarray(curve.X_thresholds_, dtype=np.float64)
    y = np.asarray(curve.y_thresholds_, dtype=np.float64)
    if len(x) == 1:
        x, y = np.array([x[0], x[0] + 1.0]), np.repeat(y, 2)
    widths = np.diff(x)
    column = graph.constant(np.array([-1, 1], dtype=np.int64), TensorProto.INT64)
    beyond = graph.add("Sub", [graph.add("Reshape", [scores, column]), graph.constant(x[:-1].reshape(1, -1), kind)])
    covered = graph.add("Max", [beyond, graph.constant(np.array(0.0), kind)])
    covered = graph.add("Min", [covered, graph.constant(widths.reshape(1, -1), kind)])
    rise = graph.add("MatMul", [covered, graph.constant((np.diff(y) / widths).reshape(-1, 1), kind)])
    return graph.add("Add", [rise, graph.constant(np.array(y[0]), kind)])
