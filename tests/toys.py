"""Toy models whose answers can be worked out in one's head."""

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def oracle(offset: float, *, padding: int = 0) -> bytes:
    """An ONNX model of two columns, `x` and `y`, that answers x + offset; larger by `padding` bytes."""
    weights = numpy_helper.from_array(np.array([[1.0], [0.0]], dtype=np.float32), "w")
    bias = numpy_helper.from_array(np.array([offset], dtype=np.float32), "b")
    node = helper.make_node("Gemm", ["X", "w", "b"], ["value"])
    graph = helper.make_graph(
        [node],
        "oracle",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 1])],
        [weights, bias],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    model.doc_string = "a" * padding
    return bytes(model.SerializeToString())


def slow_oracle(offset: float, rounds: int) -> bytes:
    """The oracle, which first counts to `rounds` in an ONNX loop: about a microsecond for each."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["goes_on"]), helper.make_node("Add", ["count", "one"], ["counted"])],
        "count",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("count", TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("counted", TensorProto.FLOAT, [1]),
        ],
        [numpy_helper.from_array(np.array([1.0], dtype=np.float32), "one")],
    )
    nodes = [
        helper.make_node("Loop", ["rounds", "true", "zero"], ["counted_to"], body=body),
        helper.make_node("Mul", ["counted_to", "zero"], ["nothing"]),
        helper.make_node("Gemm", ["X", "w", "b"], ["answer"]),
        helper.make_node("Add", ["answer", "nothing"], ["value"]),
    ]
    constants = {
        "w": np.array([[1.0], [0.0]], dtype=np.float32),
        "b": np.array([offset], dtype=np.float32),
        "zero": np.array([0.0], dtype=np.float32),
        "rounds": np.array(rounds, dtype=np.int64),
        "true": np.array(True),
    }
    graph = helper.make_graph(
        nodes,
        "slow_oracle",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def heavy_oracle(offset: float, *, elements: int, steps: int = 1) -> bytes:
    """The oracle, which first takes the sine of so many numbers so often: some nanoseconds for each."""
    constants = {
        "w": np.array([[1.0], [0.0]], dtype=np.float32),
        "b": np.array([offset], dtype=np.float32),
        "zero": np.array([0.0], dtype=np.float32),
        "size": np.array([elements], dtype=np.int64),
        "all": np.array([0], dtype=np.int64),
    }
    nodes = [
        helper.make_node("ReduceSum", ["X"], ["sum"], keepdims=0),
        helper.make_node("Expand", ["sum", "size"], ["step_0"]),
        *(helper.make_node("Sin", [f"step_{at}"], [f"step_{at + 1}"]) for at in range(steps)),
        helper.make_node("ReduceSum", [f"step_{steps}", "all"], ["total"], keepdims=1),
        helper.make_node("Mul", ["total", "zero"], ["nothing"]),
        helper.make_node("Gemm", ["X", "w", "b"], ["answer"]),
        helper.make_node("Add", ["answer", "nothing"], ["value"]),
    ]
    graph = helper.make_graph(
        nodes,
        "heavy_oracle",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


ORACLE_SIGNATURE: dict[str, Any] = {
    "version": 1,
    "handler": "tabular",
    "task": "regression",
    "inputs": [
        {"name": "x", "dtype": "float32", "shape": [-1]},
        {"name": "y", "dtype": "float32", "shape": [-1]},
    ],
    "feeds": [{"name": "X", "dtype": "float32", "columns": [0, 1], "shape": [-1, 2]}],
    "outputs": {"labels": "value", "probabilities": None},
    "classes": None,
    "has_probabilities": False,
    "allows_missing": False,
    "dataframe": False,
    "multi_output": None,
}


def words() -> bytes:
    """An ONNX model of one text that answers 1 for `spam`, 0 for everything else."""
    look_up = helper.make_node(
        "LabelEncoder",
        ["text"],
        ["value"],
        domain="ai.onnx.ml",
        keys_strings=["spam"],
        values_floats=[1.0],
        default_float=0.0,
    )
    graph = helper.make_graph(
        [look_up],
        "words",
        [helper.make_tensor_value_info("text", TensorProto.STRING, [None, 1])],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())


WORDS_SIGNATURE: dict[str, Any] = {
    **ORACLE_SIGNATURE,
    "handler": "text",
    "inputs": [{"name": "text", "dtype": "string", "shape": [-1]}],
    "feeds": [{"name": "text", "dtype": "string", "columns": [0], "shape": [-1, 1]}],
}


def image() -> bytes:
    """An ONNX model of a 2 x 2 matrix that answers the sum of its cells."""
    axes = numpy_helper.from_array(np.array([1, 2], dtype=np.int64), "axes")
    graph = helper.make_graph(
        [helper.make_node("ReduceSum", ["X", "axes"], ["value"], keepdims=0)],
        "image",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2, 2])],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, [None])],
        [axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


IMAGE_SIGNATURE: dict[str, Any] = {
    **ORACLE_SIGNATURE,
    "handler": "tensor",
    "inputs": [{"name": "image", "dtype": "float32", "shape": [-1, 2, 2]}],
    "feeds": [{"name": "X", "dtype": "float32", "columns": [0], "shape": [-1, 2, 2]}],
}
