"""Histogram gradient boosting in double precision.

These trees compare the client's own double with a double threshold, and thresholds lie half-way
between values of the training data, where rounded inputs often fall: in single precision such rows
take the wrong branch. The compiler's own translation is kept for single-precision inputs.
"""

from typing import Any

import numpy as np
from onnx import TensorProto, helper
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from skl2onnx.operator_converters.random_forest import (
    convert_sklearn_random_forest_classifier,
    convert_sklearn_random_forest_regressor_converter,
)
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

TREE_VERSION = 3
CLASSIFIER_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "raw_scores": [True, False],
    "output_class_labels": [False, True],
    "nocl": [True, False],
}


def register() -> None:
    update_registered_converter(
        HistGradientBoostingClassifier,
        "SklearnHistGradientBoostingClassifier",
        calculate_linear_classifier_output_shapes,
        _convert_classifier,
        options=CLASSIFIER_OPTIONS,
    )
    update_registered_converter(
        HistGradientBoostingRegressor,
        "SklearnHistGradientBoostingRegressor",
        calculate_linear_regressor_output_shapes,
        _convert_regressor,
    )


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    if not isinstance(operator.inputs[0].type, DoubleTensorType):
        convert_sklearn_random_forest_classifier(scope, operator, container)
        return
    model = operator.raw_operator
    labels, probabilities = (output.full_name for output in operator.outputs[:2])
    raw = _raw_scores(scope, operator, container)
    if model.n_trees_per_iteration_ == 1:
        positive = _add(scope, container, "Sigmoid", [raw])
        one = _constant(scope, container, np.array(1.0))
        negative = _add(scope, container, "Sub", [one, positive])
        _add(scope, container, "Concat", [negative, positive], probabilities, axis=1)
    else:
        _add(scope, container, "Softmax", [raw], probabilities, axis=1)
    best = _add(scope, container, "ArgMax", [probabilities], axis=1, keepdims=0)
    classes = np.asarray(model.classes_)
    kind = TensorProto.STRING if classes.dtype.kind in "OUS" else TensorProto.INT64
    values = [str(c).encode() for c in classes] if kind == TensorProto.STRING else classes.astype(np.int64)
    name = scope.get_unique_variable_name("classes")
    container.add_initializer(name, kind, [len(classes)], list(values))
    _add(scope, container, "Gather", [name, best], labels, axis=0)


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    if not isinstance(operator.inputs[0].type, DoubleTensorType):
        convert_sklearn_random_forest_regressor_converter(scope, operator, container)
        return
    link = type(operator.raw_operator._loss.link).__name__
    inverse = {"IdentityLink": "Identity", "LogLink": "Exp"}.get(link)
    if inverse is None:
        raise NotImplementedError(f"the link {link} has no translation")
    raw = _raw_scores(scope, operator, container)
    _add(scope, container, inverse, [raw], operator.outputs[0].full_name)


def _raw_scores(scope: Any, operator: Any, container: Any) -> str:
    """The sum of the trees and the baseline, (rows, trees per iteration), in double precision."""
    model = operator.raw_operator
    trees = scope.get_unique_variable_name("trees")
    container.add_node(
        "TreeEnsembleRegressor",
        [operator.inputs[0].full_name],
        [trees],
        op_domain="ai.onnx.ml",
        op_version=TREE_VERSION,
        name=scope.get_unique_operator_name("trees"),
        **_attributes(model),
    )
    double = _add(scope, container, "Cast", [trees], to=TensorProto.DOUBLE)
    baseline = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(1, -1)
    return _add(scope, container, "Add", [double, _constant(scope, container, baseline)])


def _attributes(model: Any) -> dict[str, Any]:
    rows: dict[str, list[Any]] = {
        name: []
        for name in ["nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values", "nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true", "target_treeids", "target_nodeids", "target_ids", "target_weights"]
    }
    stages = model._predictors
    width = model.n_trees_per_iteration_ if hasattr(model, "n_trees_per_iteration_") else len(stages[0])
    for iteration, stage in enumerate(stages):
        for target, tree in enumerate(stage):
            _append_tree(rows, tree.nodes, iteration * width + target, target)
    attributes: dict[str, Any] = dict(rows)
    for name in ("nodes_values", "target_weights"):
        values = np.array(attributes.pop(name), dtype=np.float64)
        attributes[f"{name}_as_tensor"] = helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)
    return {**attributes, "n_targets": width, "post_transform": "NONE", "aggregate_function": "SUM"}


def _append_tree(rows: dict[str, list[Any]], nodes: Any, tree: int, target: int) -> None:
    if nodes["is_categorical"].any():
        raise NotImplementedError("splits on categorical features have no translation")
    for number, node in enumerate(nodes):
        leaf = bool(node["is_leaf"])
        rows["nodes_treeids"].append(tree)
        rows["nodes_nodeids"].append(number)
        rows["nodes_featureids"].append(0 if leaf else int(node["feature_idx"]))
        rows["nodes_modes"].append("LEAF" if leaf else "BRANCH_LEQ")
        rows["nodes_values"].append(0.0 if leaf else float(node["num_threshold"]))
        rows["nodes_truenodeids"].append(0 if leaf else int(node["left"]))
        rows["nodes_falsenodeids"].append(0 if leaf else int(node["right"]))
        rows["nodes_missing_value_tracks_true"].append(0 if leaf else int(node["missing_go_to_left"]))
        if leaf:
            rows["target_treeids"].append(tree)
            rows["target_nodeids"].append(number)
            rows["target_ids"].append(target)
            rows["target_weights"].append(float(node["value"]))


def _add(
    scope: Any, container: Any, kind: str, inputs: list[str], output: str | None = None, **attributes: Any
) -> str:
    output = output or scope.get_unique_variable_name(kind.lower())
    container.add_node(
        kind, inputs, [output], op_version=13, name=scope.get_unique_operator_name(kind), **attributes
    )
    return output


def _constant(scope: Any, container: Any, values: "np.ndarray[Any, Any]") -> str:
    name = scope.get_unique_variable_name("constant")
    container.add_initializer(name, TensorProto.DOUBLE, list(values.shape), values.ravel().tolist())
    return name
