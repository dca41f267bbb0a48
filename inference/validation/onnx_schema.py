"""The signature of an uploaded ONNX graph: what its inputs and outputs mean to a client."""

import json
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import TensorProto as Type

from inference.signature import Signature, SignatureInvalid
from inference.validation import values
from inference.validation.values import Value

MAX_INFERRED_NODES, MAX_INFERRED_BYTES = 20_000, 256 << 20


@dataclass(frozen=True, slots=True)
class Rewritten:
    content: bytes
    classes: list[Any] | None


def without_zipmap(graph: onnx.ModelProto) -> Rewritten | None:
    """The model with its ZipMap outputs replaced by the matrices they wrap; None when it has none."""
    found = [node for node in graph.graph.node if node.op_type == "ZipMap"]
    if not found:
        return None
    copied = onnx.ModelProto()
    copied.CopyFrom(graph)
    classes = None
    for node in found:
        attributes = {attribute.name: attribute for attribute in node.attribute}
        if "classlabels_strings" in attributes:
            classes = [text.decode() for text in attributes["classlabels_strings"].strings]
        elif "classlabels_int64s" in attributes:
            classes = list(attributes["classlabels_int64s"].ints)
        for output in copied.graph.output:
            if output.name == node.output[0]:
                matrix = onnx.helper.make_tensor_value_info(node.input[0], Type.FLOAT, [None, None])
                output.CopyFrom(matrix)
        copied.graph.node.remove(node)
    return Rewritten(copied.SerializeToString(), classes)


def derive(
    model: onnx.ModelProto,
    *,
    task: str | None,
    handler: str | None,
    sample: list[Any] | None,
    classes: list[Any] | None,
) -> Signature:
    """Raises ValidationFailed: schema_mismatch. `values.settle` completes it with what the model answers."""
    graph = _with_shapes(model).graph
    constants = {tensor.name for tensor in graph.initializer}
    given = [_value(entry) for entry in graph.input if entry.name not in constants]
    outputs = [_value(entry) for entry in _outputs(graph)]
    found, columns, feeds = values.inputs(
        given, handler=handler, sample=sample, names=_metadata_names(model) or values.sample_names(sample)
    )
    labels, scores = values.label_and_score(outputs)
    solved = _task(model, labels, scores, task)
    width = None
    if solved == "regression":
        # The one output holds the values themselves.
        labels, scores, classes = scores, None, None
        width = values.width(labels)
    elif classes is None:
        classes = _classes(model)
    if labels is None and scores is not None:
        classes = _classes_of_scores(model, scores, classes)
    try:
        return Signature(
            handler=found,
            task=solved,
            inputs=columns,
            feeds=feeds,
            labels_output=None if labels is None else labels.name,
            probabilities_output=None if scores is None else scores.name,
            classes=None if classes is None else tuple(classes),
            has_probabilities=scores is not None,
            multi_output=width,
        )
    except SignatureInvalid as error:
        raise values.mismatch(f"the model's {error}", None) from error


def _classes_of_scores(model: onnx.ModelProto, scores: Value, classes: list[Any] | None) -> list[Any]:
    """Labels for a graph that gives scores alone: its own, else the positions of the scores."""
    width = (scores.shape or ())[1:]
    if scores.shape is None or len(width) > 1 or (width and width[0] < 1):
        raise values.mismatch("the number of its classes is unknown. Export it with the shape of its output", None)
    count = width[0] if width else 1
    if count == 1 and _maker(model, scores.name) != "Sigmoid":
        raise values.mismatch(
            "one score per row is a class probability only behind a Sigmoid. Export label and probabilities", None
        )
    return classes if classes is not None and len(classes) == max(count, 2) else list(range(max(count, 2)))


def _with_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the shapes that follow from its nodes, where they can be worked out."""
    if len(model.graph.node) > MAX_INFERRED_NODES or model.ByteSize() > MAX_INFERRED_BYTES:
        return model
    try:
        return onnx.shape_inference.infer_shapes(model)
    except Exception:
        return model


def _value(entry: onnx.ValueInfoProto) -> Value:
    if not entry.type.HasField("tensor_type"):
        raise values.mismatch(f"{entry.name!r} is not a tensor (sequences and maps are not served)", None)
    tensor = entry.type.tensor_type
    if not tensor.HasField("shape"):
        return Value(entry.name, tensor.elem_type, None)
    sizes = (d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim)
    return Value(entry.name, tensor.elem_type, tuple(size if size > 0 else -1 for size in sizes))


def _outputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """The outputs to serve; a ZipMap's sequence stands for its matrix."""
    matrices = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "ZipMap"}
    return [
        onnx.helper.make_tensor_value_info(matrices[entry.name], Type.FLOAT, [None, None])
        if entry.name in matrices
        else entry
        for entry in graph.output
    ]


def _metadata_names(model: onnx.ModelProto) -> list[str] | None:
    """Column names from the file's metadata (feature_names)."""
    for entry in model.metadata_props:
        if entry.key in ("feature_names", "feature_names_in", "columns"):
            try:
                names = json.loads(entry.value)
            except ValueError:
                names = [name.strip() for name in entry.value.split(",")]
            if isinstance(names, list) and all(isinstance(name, str) and name for name in names):
                return names
    return None


def _task(model: onnx.ModelProto, labels: Value | None, scores: Value | None, asked: str | None) -> str:
    if labels is not None:
        if asked == "regression":
            raise values.mismatch("it gives labels; the task 'regression' does not fit it", "task")
        return "classification"
    if asked is not None:
        return asked
    assert scores is not None
    maker = _maker(model, scores.name)
    single = scores.shape is not None and (len(scores.shape) == 1 or scores.shape[1:] == (1,))
    if maker in ("Softmax", "Sigmoid"):
        return "classification"
    if single or "Regressor" in maker:
        return "regression"
    raise values.mismatch("it does not say what its scores mean. Set the task to classification or regression", "task")


def _maker(model: onnx.ModelProto, name: str) -> str:
    """The operator that computes a value."""
    return next((node.op_type for node in model.graph.node if name in node.output), "")


def _classes(model: onnx.ModelProto) -> list[Any] | None:
    """Class labels from the file's metadata (classes, a JSON list), else those written on a classifier node."""
    for entry in model.metadata_props:
        if entry.key == "classes":
            return _listed_classes(entry.value)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name in ("classlabels_strings", "cats_strings") and "Classifier" in node.op_type:
                found: list[Any] = [text.decode(errors="replace") for text in attribute.strings]
                if found:
                    return found
            if attribute.name in ("classlabels_int64s", "classlabels_ints") and attribute.ints:
                return list(attribute.ints)
    return None


def _listed_classes(text: str) -> list[Any]:
    """Raises ValidationFailed schema_mismatch."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    is_list = isinstance(found, list) and all(isinstance(label, str | int) for label in found)
    if not is_list or len({str(label) for label in found}) != len(found):
        raise values.mismatch("its metadata entry 'classes' is no JSON list of different labels", None)
    return list(found)
