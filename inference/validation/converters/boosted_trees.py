"""XGBoost's and LightGBM's trees, exactly: the same comparisons, gaps, categories and links as the libraries."""

import sys
from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType

from inference.runtimes import lightgbm as own_lightgbm
from inference.runtimes import xgboost as own_xgboost
from inference.validation import boosted
from inference.validation.boosted import Branch, Ensemble
from inference.validation.converters.graph_parts import Graph, Trees

OWN = (
    own_lightgbm.LightgbmClassifier,
    own_lightgbm.LightgbmRegressor,
    own_xgboost.XgboostClassifier,
    own_xgboost.XgboostLabels,
    own_xgboost.XgboostRegressor,
)
OPTIONS = {"zipmap": [True, False, "columns"], "nocl": [True, False]}


def register() -> None:
    """Of the two libraries' own classes those that the opened model has brought along."""
    kinds = list(OWN)
    for library, names in (("xgboost", boosted.XGBOOST), ("lightgbm", boosted.LIGHTGBM)):
        found = sys.modules.get(library)
        kinds += [kind for name in sorted(names) if (kind := getattr(found, name, None)) is not None]
    for kind in kinds:
        options = OPTIONS if hasattr(kind, "classes_") or "Class" in kind.__name__ else None
        alias = f"Boosted{kind.__name__}"
        update_registered_converter(kind, alias, _shapes, _convert, overwrite=True, options=options)


def _shapes(operator: Any) -> None:
    model, given = operator.raw_operator, operator.inputs[0]
    rows = given.get_first_dimension()
    score = DoubleTensorType if isinstance(given.type, DoubleTensorType) else FloatTensorType
    classes = getattr(model, "classes_", None)
    if classes is None:
        operator.outputs[0].type = score([rows, boosted.read(model).targets])
        return
    label = StringTensorType if np.asarray(classes).dtype.kind in "OUS" else Int64TensorType
    operator.outputs[0].type = label([rows])
    if len(operator.outputs) > 1:
        operator.outputs[1].type = score([rows, len(classes)])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    graph, found = Graph(scope, container), boosted.read(operator.raw_operator)
    if not found.trees:
        raise NotImplementedError("a model without trees has no translation")
    raw = _raw(graph, operator.inputs[0].full_name, found)
    if found.classes is None:
        graph.write(_linked(graph, raw, found), operator.outputs[0])
        return
    if found.link == "sign":
        above = graph.add("Greater", [raw, graph.constant(np.array(0.0))])
        index = graph.add("Squeeze", [graph.cast(above, TensorProto.INT64), _axis(graph)])
        graph.choose(index, found.classes, operator.outputs[0])
        graph.write(graph.add("Concat", [graph.add("Neg", [raw]), raw], axis=1), operator.outputs[1])
        return
    scores = _linked(graph, raw, found)
    if found.targets == 1:
        scores = graph.add("Concat", [graph.add("Sub", [graph.constant(np.array(1.0)), scores]), scores], axis=1)
    graph.labels(scores, found.classes, operator.outputs[0])
    graph.write(scores, operator.outputs[1])


def _axis(graph: Graph) -> str:
    return graph.constant(np.array([1]), TensorProto.INT64)


def _raw(graph: Graph, given: str, found: Ensemble) -> str:
    """(rows, targets) before the link, in double precision."""
    value = graph.cast(given, TensorProto.FLOAT) if found.single else given
    value = graph.cast(value, TensorProto.DOUBLE)
    if found.categorical:
        value = _whole_categories(graph, value, found)
    sums = graph.cast(graph.trees(value, _trees(found), found.targets), TensorProto.DOUBLE)
    if found.factor != 1.0:
        sums = graph.add("Mul", [sums, graph.constant(np.array(found.factor))])
    return graph.add("Add", [sums, graph.constant(np.array([found.base], dtype=np.float64))])


def _whole_categories(graph: Graph, value: str, found: Ensemble) -> str:
    """Columns of categories as whole numbers, the way the library makes them; gaps stay gaps."""
    columns = max(found.categorical) + 1
    mask = np.array([[at in found.categorical for at in range(columns)]])
    width = graph.constant(np.array([columns]), TensorProto.INT64)
    head = graph.add("Slice", [value, graph.constant(np.array([0]), TensorProto.INT64), width, _axis(graph)])
    last = graph.constant(np.array([np.iinfo(np.int64).max]), TensorProto.INT64)
    tail = graph.add("Slice", [value, width, last, _axis(graph)])
    if found.whole == "floor":
        whole = graph.add("Floor", [head])
    else:
        whole = graph.add("Mul", [graph.add("Sign", [head]), graph.add("Floor", [graph.add("Abs", [head])])])
    chosen = graph.add("Where", [graph.constant(mask.astype(np.int64), TensorProto.BOOL), whole, head])
    return graph.add("Concat", [chosen, tail], axis=1)


def _trees(found: Ensemble) -> Trees:
    trees = Trees()
    for number, tree in enumerate(found.trees):
        spare = max(tree.nodes) + 1
        for at, node in tree.nodes.items():
            if not isinstance(node, Branch):
                trees.leaf(number, at, [(tree.target, node.value)])
            elif node.categories is None:
                trees.branch(number, at, node.feature, node.threshold, node.left, node.right, int(node.gaps_left))
            else:
                spare = _chain(trees, number, at, node, spare)
    return trees


def _chain(trees: Trees, number: int, at: int, node: Branch, spare: int) -> int:
    """One comparison per category; the next free node number."""
    categories = node.categories or (-1,)
    for place, category in enumerate(categories):
        is_last = place == len(categories) - 1
        other = node.right if is_last else spare
        trees.equals(number, at, node.feature, float(category), node.left, other, int(node.gaps_left))
        at, spare = other, spare if is_last else spare + 1
    return spare


def _linked(graph: Graph, raw: str, found: Ensemble) -> str:
    link = found.link
    if link == "sigmoid":
        if found.slope != 1.0:
            raw = graph.add("Mul", [raw, graph.constant(np.array(found.slope))])
        return graph.add("Sigmoid", [raw])
    if link == "softmax":
        return graph.add("Softmax", [raw], axis=1)
    if link == "exp":
        return graph.add("Exp", [raw])
    if link == "log1p_exp":
        one = graph.constant(np.array(1.0))
        return graph.add("Log", [graph.add("Add", [one, graph.add("Exp", [raw])])])
    if link == "signed_square":
        return graph.add("Mul", [raw, graph.add("Abs", [raw])])
    return raw
