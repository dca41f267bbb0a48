"""The signature of an uploaded ONNX graph: what its inputs and outputs mean to a client."""

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from inference.errors import ValidationFailed
from inference.signature import Column, Feed, Signature, SignatureInvalid
from inference.validation.outputs import Answers, as_floats

Type = onnx.TensorProto
DTYPES: dict[int, tuple[str, str]] = {
    Type.FLOAT: ("float32", "float32"),
    Type.DOUBLE: ("float64", "float64"),
    Type.FLOAT16: ("float32", "float16"),
    Type.INT64: ("int64", "int64"),
    Type.INT32: ("int64", "int32"),
    Type.INT16: ("int64", "int16"),
    Type.INT8: ("int64", "int8"),
    Type.UINT8: ("int64", "uint8"),
    Type.UINT16: ("int64", "uint16"),
    Type.UINT32: ("int64", "uint32"),
    Type.STRING: ("string", "string"),
    Type.BOOL: ("bool", "bool"),
}
FLOATS = (Type.FLOAT, Type.DOUBLE)
LABELS = (Type.INT64, Type.INT32, Type.STRING, Type.BOOL)
MAX_COLUMNS = 20_000
SUM_TOLERANCE = 1e-3
MAX_INFERRED_NODES, MAX_INFERRED_BYTES = 20_000, 256 << 20


@dataclass(frozen=True, slots=True)
class Value:
    """An input or output of the graph; unknown sizes are -1."""

    name: str
    kind: int
    shape: tuple[int, ...] | None


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
    """Raises ValidationFailed: schema_mismatch. `settle` completes it with what the model answers."""
    graph = _with_shapes(model).graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [_value(entry) for entry in graph.input if entry.name not in constants]
    outputs = [_value(entry) for entry in _outputs(graph)]
    found, columns, feeds = _inputs(model, inputs, handler, sample)
    labels, scores = _label_and_score(outputs)
    solved = _task(model, labels, scores, task)
    width = None
    if solved == "regression":
        # The one output holds the values themselves.
        labels, scores, classes = scores, None, None
        width = _width(labels)
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
        raise _mismatch(f"the model's {error}", None) from error


def settle(signature: Signature, answers: Answers) -> tuple[Signature, Answers]:
    """Keeps probabilities only where every row is a distribution over the classes."""
    if answers.probabilities is None:
        return signature, answers
    matrix = as_floats(answers.probabilities)
    proper = bool((abs(matrix.sum(axis=1) - 1) <= SUM_TOLERANCE).all() and (matrix >= -SUM_TOLERANCE).all())
    classes = signature.classes
    if classes is not None and len(classes) != matrix.shape[1]:
        classes = None
    if classes is None and signature.labels_output is not None:
        classes = _classes_by_position(answers, matrix)
    if proper:
        return replace(signature, classes=classes), answers
    settled = replace(signature, has_probabilities=False, classes=classes)
    return settled, Answers(answers.predictions)


def _classes_by_position(answers: Answers, matrix: "np.ndarray[Any, Any]") -> tuple[Any, ...] | None:
    """0, 1, 2 ... when every label is the position of its row's best score; else unknown."""
    best = matrix.argmax(axis=1).tolist()
    if any(type(label) is not int for label in answers.predictions) or best != answers.predictions:
        return None
    return tuple(range(matrix.shape[1]))


def _classes_of_scores(model: onnx.ModelProto, scores: Value, classes: list[Any] | None) -> list[Any]:
    """Labels for a graph that gives scores alone: its own, else the positions of the scores."""
    width = (scores.shape or ())[1:]
    if scores.shape is None or len(width) > 1 or (width and width[0] < 1):
        raise _mismatch("the number of its classes is unknown. Export it with the shape of its output", None)
    count = width[0] if width else 1
    if count == 1 and _maker(model, scores.name) != "Sigmoid":
        raise _mismatch(
            "one score per row is a class probability only behind a Sigmoid. Export label and probabilities", None
        )
    return classes if classes is not None and len(classes) == max(count, 2) else list(range(max(count, 2)))


def _width(values: Value | None) -> int | None:
    """The number of outputs of a regressor with several."""
    if values is None or values.shape is None or len(values.shape) < 2:
        return None
    if len(values.shape) > 2:
        raise _mismatch(f"its output has {len(values.shape)} dimensions; one or two are served", None)
    return values.shape[1] if values.shape[1] > 1 else None


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
        raise _mismatch(f"{entry.name!r} is not a tensor (sequences and maps are not served)", None)
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


def _inputs(
    model: onnx.ModelProto, values: list[Value], handler: str | None, sample: list[Any] | None
) -> tuple[str, tuple[Column, ...], tuple[Feed, ...]]:
    if not values:
        raise _mismatch("it has no input", None)
    for value in values:
        if value.kind not in DTYPES:
            raise _mismatch(f"the type of the input {value.name!r} is not served", None)
        if value.shape is None or not value.shape:
            raise _mismatch(f"the input {value.name!r} has no batch dimension", None)
        if value.shape[0] > 1:
            raise _mismatch(
                f"the input {value.name!r} takes exactly {value.shape[0]} rows."
                " Export it with a dynamic batch dimension",
                None,
            )
    if len(values) == 1 and values[0].kind == Type.STRING and _is_column(values[0]):
        found, built = "text", _text(values[0])
    elif handler != "tensor" and all(_is_flat(value, sample) for value in values):
        found, built = "tabular", _tabular(model, values, sample)
    else:
        found, built = "tensor", _tensors(values)
    if handler not in (None, found):
        raise _mismatch(f"it takes {found} input; the handler {handler!r} does not fit it", "handler")
    return found, *built


def _is_column(value: Value) -> bool:
    shape = value.shape or ()
    return len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)


def _is_flat(value: Value, sample: list[Any] | None) -> bool:
    shape = value.shape or ()
    if len(shape) == 1:
        return True
    known = len(shape) == 2 and 0 < shape[1] <= MAX_COLUMNS
    guessable = len(shape) == 2 and shape[1] == -1 and _sample_width(sample) is not None
    return known or (guessable and value.kind in FLOATS)


def _sample_width(sample: list[Any] | None) -> int | None:
    if sample and isinstance(sample[0], (list, dict)):
        return len(sample[0])
    return None


def _text(value: Value) -> tuple[tuple[Column, ...], tuple[Feed, ...]]:
    return (Column("text", "string"),), (Feed(value.name, "string", (0,), value.shape or (-1,)),)


def _tabular(
    model: onnx.ModelProto, values: list[Value], sample: list[Any] | None
) -> tuple[tuple[Column, ...], tuple[Feed, ...]]:
    columns: list[Column] = []
    feeds: list[Feed] = []
    for value in values:
        shape = value.shape or ()
        width = 1 if len(shape) == 1 else shape[1] if shape[1] > 0 else _sample_width(sample) or 1
        visible, own = DTYPES[value.kind]
        names = [value.name] if len(values) > 1 else [f"feature_{at}" for at in range(width)]
        if len(values) > 1 and width > 1:
            names = [f"{value.name}_{at}" for at in range(width)]
        first = len(columns)
        columns += [Column(name, visible) for name in names]
        own_shape = shape if len(shape) == 1 else (shape[0], width)
        feeds.append(Feed(value.name, own, tuple(range(first, first + width)), own_shape))
    known = _metadata_names(model, sample)
    if known is not None and len(known) == len(columns) and len(set(known)) == len(known):
        columns = [replace(column, name=name) for column, name in zip(columns, known, strict=True)]
    return tuple(columns), tuple(feeds)


def _tensors(values: list[Value]) -> tuple[tuple[Column, ...], tuple[Feed, ...]]:
    columns = tuple(Column(v.name, DTYPES[v.kind][0], (v.shape or ())[1:]) for v in values)
    feeds = tuple(Feed(v.name, DTYPES[v.kind][1], (at,), v.shape or (-1,)) for at, v in enumerate(values))
    return columns, feeds


def _metadata_names(model: onnx.ModelProto, sample: list[Any] | None) -> list[str] | None:
    """Column names from the file's metadata (feature_names), else from a sample of objects."""
    for entry in model.metadata_props:
        if entry.key in ("feature_names", "feature_names_in", "columns"):
            try:
                names = json.loads(entry.value)
            except ValueError:
                names = [name.strip() for name in entry.value.split(",")]
            if isinstance(names, list) and all(isinstance(name, str) and name for name in names):
                return names
    if sample and isinstance(sample[0], dict):
        return [str(name) for name in sample[0]]
    return None


def _label_and_score(outputs: list[Value]) -> tuple[Value | None, Value | None]:
    labels = [v for v in outputs if v.kind in LABELS and (v.shape is None or len(v.shape) <= 2)]
    scores = [v for v in outputs if v.kind in FLOATS]
    if len(labels) <= 1 and len(scores) <= 1 and (labels or scores):
        return (labels[0] if labels else None), (scores[0] if scores else None)
    names = ", ".join(repr(value.name) for value in outputs)
    raise _mismatch(f"its outputs ({names}) are neither one prediction nor a label with its probabilities", None)


def _task(model: onnx.ModelProto, labels: Value | None, scores: Value | None, asked: str | None) -> str:
    if labels is not None:
        if asked == "regression":
            raise _mismatch("it gives labels; the task 'regression' does not fit it", "task")
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
    raise _mismatch("it does not say what its scores mean. Set the task to classification or regression", "task")


def _maker(model: onnx.ModelProto, name: str) -> str:
    """The operator that computes a value."""
    return next((node.op_type for node in model.graph.node if name in node.output), "")


def _classes(model: onnx.ModelProto) -> list[Any] | None:
    """Class labels written on a classifier node."""
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name in ("classlabels_strings", "cats_strings") and "Classifier" in node.op_type:
                found: list[Any] = [text.decode(errors="replace") for text in attribute.strings]
                if found:
                    return found
            if attribute.name in ("classlabels_int64s", "classlabels_ints") and attribute.ints:
                return list(attribute.ints)
    return None


def _mismatch(reason: str, field: str | None) -> ValidationFailed:
    return ValidationFailed("schema_mismatch", f"The model cannot be served: {reason}."[:900], field=field or "file")
