"""Makers of ONNX files, good and hostile."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def model(
    nodes: list[Any],
    inputs: list[Any],
    outputs: list[Any],
    initializers: list[Any] | None = None,
    *,
    opset: int = 17,
    domains: tuple[tuple[str, int], ...] = (),
    **extra: Any,
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initializers or [])
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(*domain) for domain in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=9, **extra)


def value(name: str, shape: Any, kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def linear(width: int = 2, outputs: int = 1, last: str | None = None) -> onnx.ModelProto:
    """Adds up the columns, once per output, perhaps with a last operator."""
    weights = np.arange(1, width * outputs + 1, dtype=np.float32).reshape(width, outputs) / 10
    nodes = [helper.make_node("MatMul", ["X", "w"], ["sums" if last else "y"])]
    if last:
        nodes.append(helper.make_node(last, ["sums"], ["y"]))
    return model(
        nodes, [value("X", [None, width])], [value("y", [None, outputs])], [numpy_helper.from_array(weights, "w")]
    )


def external(tensor: Any, location: str = "weights.bin") -> Any:
    """The same tensor, its bytes said to lie in another file."""
    moved = TensorProto()
    moved.CopyFrom(tensor)
    moved.ClearField("raw_data")
    moved.data_location = TensorProto.EXTERNAL
    for key, text in (("location", location), ("offset", "0"), ("length", "8")):
        entry = moved.external_data.add()
        entry.key, entry.value = key, text
    return moved


def outside() -> Any:
    return external(numpy_helper.from_array(np.ones(2, dtype=np.float32), "outside"))


def body(tensor: Any) -> Any:
    """A subgraph that holds the tensor."""
    node = helper.make_node("Identity", ["outside"], ["inner"])
    return helper.make_graph([node], "body", [], [value("inner", [2])], [tensor])


def with_external(place: str) -> onnx.ModelProto:
    """A graph with one external tensor, hidden in `place`."""
    simple = linear()
    graph = simple.graph
    if place == "initialiser":
        graph.initializer.append(outside())
    elif place == "sparse initialiser":
        indices = numpy_helper.from_array(np.array([0, 1], dtype=np.int64), "i")
        graph.sparse_initializer.append(helper.make_sparse_tensor(outside(), indices, [4]))
    elif place == "constant":
        graph.node.append(helper.make_node("Constant", [], ["c"], value=outside()))
    elif place == "attribute list":
        node = helper.make_node("Constant", [], ["c"])
        node.attribute.append(helper.make_attribute("many", [outside(), outside()]))
        graph.node.append(node)
    elif place == "branch":
        node = helper.make_node("If", ["cond"], ["c"], then_branch=body(outside()), else_branch=body(outside()))
        graph.node.append(node)
    elif place == "branch within a branch":
        inner = helper.make_graph(
            [helper.make_node("If", ["cond"], ["c"], then_branch=body(outside()), else_branch=body(outside()))],
            "outer",
            [],
            [value("c", [2])],
        )
        graph.node.append(helper.make_node("If", ["cond"], ["d"], then_branch=inner, else_branch=inner))
    elif place == "function":
        node = helper.make_node("Constant", [], ["c"], value=outside())
        opset = [helper.make_opsetid("", 17)]
        simple.functions.append(helper.make_function("own", "F", [], ["c"], [node], opset))
        simple.opset_import.append(helper.make_opsetid("own", 1))
    elif place == "training info":
        training = simple.training_info.add()
        training.algorithm.CopyFrom(body(outside()))
    return simple


PLACES = (
    "initialiser",
    "sparse initialiser",
    "constant",
    "attribute list",
    "branch",
    "branch within a branch",
    "function",
    "training info",
)
