"""Small pieces of graph that our translations share."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from skl2onnx.common.data_types import DoubleTensorType

OPERATOR_VERSION = 13
TREES_VERSION = 3


@dataclass(frozen=True, slots=True)
class Graph:
    """Adds nodes for one part of a model."""

    scope: Any
    container: Any

    def add(self, kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        """The name of the new node's output."""
        output = output or self.scope.get_unique_variable_name(kind.lower())
        name = self.scope.get_unique_operator_name(kind)
        self.container.add_node(kind, inputs, [output], op_version=OPERATOR_VERSION, name=name, **attributes)
        return output

    def constant(self, values: "np.ndarray[Any, Any]", kind: int = TensorProto.DOUBLE) -> str:
        name = self.scope.get_unique_variable_name("constant")
        self.container.add_initializer(name, kind, list(values.shape), values.ravel().tolist())
        return str(name)

    def cast(self, value: str, kind: int, output: str | None = None) -> str:
        return self.add("Cast", [value], output, to=kind)

    def write(self, value: str, variable: Any) -> None:
        """Hands a double-precision result on as `variable`, in that variable's own type."""
        self.cast(value, kind_of(variable), variable.full_name)

    def labels(self, scores: str, classes: Any, variable: Any) -> None:
        """The class of the best score of each row; the first of equals, as the originals choose."""
        self.choose(self.add("ArgMax", [scores], axis=1, keepdims=0), classes, variable)

    def choose(self, index: str, classes: Any, variable: Any) -> None:
        """The class at each row's index."""
        names = np.asarray(classes)
        if names.dtype.kind in "OUS":
            texts = np.array([str(name).encode() for name in names], dtype=object)
            table = self.constant(texts, TensorProto.STRING)
        else:
            if (names != names.astype(np.int64)).any():
                raise NotImplementedError("class labels that are no whole numbers have no translation")
            table = self.constant(names.astype(np.int64), TensorProto.INT64)
        self.add("Gather", [table, index], variable.full_name, axis=0)

    def trees(self, value: str, trees: "Trees", targets: int) -> str:
        """The sums of the leaves, (rows, targets), in single precision; compares doubles with doubles."""
        sums = self.scope.get_unique_variable_name("trees")
        self.container.add_node(
            "TreeEnsembleRegressor",
            [value],
            [sums],
            op_domain="ai.onnx.ml",
            op_version=TREES_VERSION,
            name=self.scope.get_unique_operator_name("trees"),
            n_targets=targets,
            post_transform="NONE",
            aggregate_function="SUM",
            **trees.attributes(),
        )
        return str(sums)


@dataclass(slots=True)
class Trees:
    """Nodes and leaves of all trees, in the columns that the operator takes."""

    nodes: list[tuple[Any, ...]] = field(default_factory=list)
    leaves: list[tuple[int, int, int, float]] = field(default_factory=list)

    def branch(
        self, tree: int, node: int, feature: int, threshold: float, left: int, right: int, gaps_left: int
    ) -> None:
        """Left when the feature is at most the threshold."""
        self.nodes.append((tree, node, feature, "BRANCH_LEQ", threshold, left, right, gaps_left))

    def equals(self, tree: int, node: int, feature: int, value: float, left: int, right: int, gaps_left: int) -> None:
        """Left when the feature has the value. Several nodes may lead to the same left."""
        self.nodes.append((tree, node, feature, "BRANCH_EQ", value, left, right, gaps_left))

    def leaf(self, tree: int, node: int, weights: list[tuple[int, float]]) -> None:
        """weights: (target, what the leaf adds to it)."""
        self.nodes.append((tree, node, 0, "LEAF", 0.0, 0, 0, 0))
        self.leaves += [(tree, node, target, weight) for target, weight in weights]

    def attributes(self) -> dict[str, Any]:
        tree, node, feature, mode, threshold, left, right, gaps = zip(*self.nodes, strict=True)
        leaf_tree, leaf_node, target, weight = zip(*self.leaves, strict=True)
        return {
            "nodes_treeids": list(tree),
            "nodes_nodeids": list(node),
            "nodes_featureids": list(feature),
            "nodes_modes": list(mode),
            "nodes_truenodeids": list(left),
            "nodes_falsenodeids": list(right),
            "nodes_missing_value_tracks_true": list(gaps),
            "nodes_values_as_tensor": _doubles("nodes_values", threshold),
            "target_treeids": list(leaf_tree),
            "target_nodeids": list(leaf_node),
            "target_ids": list(target),
            "target_weights_as_tensor": _doubles("target_weights", weight),
        }


def kind_of(variable: Any) -> int:
    return int(TensorProto.DOUBLE if isinstance(variable.type, DoubleTensorType) else TensorProto.FLOAT)


def _doubles(name: str, values: tuple[float, ...]) -> Any:
    return helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)
