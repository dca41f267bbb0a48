"""What a graph's inputs and outputs mean to a client, whichever library the graph belongs to."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from onnx import TensorProto as Type

from inference.errors import ValidationFailed
from inference.signature import Column, Feed, Signature
from inference.validation.outputs import Answers, as_floats

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


@dataclass(frozen=True, slots=True)
class Value:
    """An input or output of the graph; unknown sizes are -1."""

    name: str
    kind: int
    shape: tuple[int, ...] | None


def inputs(
    values: list[Value], *, handler: str | None, sample: list[Any] | None, names: list[str] | None
) -> tuple[str, tuple[Column, ...], tuple[Feed, ...]]:
    """(handler, columns, feeds). names: of the columns, where the file or the sample tells them.

    Raises ValidationFailed: schema_mismatch.
    """
    if not values:
        raise mismatch("it has no input", None)
    for value in values:
        if value.kind not in DTYPES:
            raise mismatch(f"the type of the input {value.name!r} is not served", None)
        if value.shape is None or not value.shape:
            raise mismatch(f"the input {value.name!r} has no batch dimension", None)
        if value.shape[0] > 1:
            raise mismatch(
                f"the input {value.name!r} takes exactly {value.shape[0]} rows."
                " Export it with a dynamic batch dimension",
                None,
            )
    if handler is None and _names_every_input(values, sample):
        handler = "tensor"
    if len(values) == 1 and values[0].kind == Type.STRING and _is_column(values[0]):
        found, built = "text", _text(values[0])
    elif handler != "tensor" and all(_is_flat(value, sample) for value in values):
        found, built = "tabular", _tabular(values, sample, names)
    else:
        found, built = "tensor", _tensors(values)
    if handler not in (None, found):
        raise mismatch(f"it takes {found} input; the handler {handler!r} does not fit it", "handler")
    return found, *built


def _names_every_input(values: list[Value], sample: list[Any] | None) -> bool:
    """Whether the sample holds one list per input, by the input's name: the way tensors are sent."""
    first = sample[0] if sample else None
    return (
        isinstance(first, dict)
        and set(first) == {value.name for value in values}
        and any(isinstance(part, list) for part in first.values())
    )


def sample_names(sample: list[Any] | None) -> list[str] | None:
    """The column names that a sample of objects tells."""
    return [str(name) for name in sample[0]] if sample and isinstance(sample[0], dict) else None


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
    values: list[Value], sample: list[Any] | None, known: list[str] | None
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
    if known is not None and len(known) == len(columns) and len(set(known)) == len(known):
        columns = [replace(column, name=name) for column, name in zip(columns, known, strict=True)]
    return tuple(columns), tuple(feeds)


def _tensors(values: list[Value]) -> tuple[tuple[Column, ...], tuple[Feed, ...]]:
    columns = tuple(Column(v.name, DTYPES[v.kind][0], (v.shape or ())[1:]) for v in values)
    feeds = tuple(Feed(v.name, DTYPES[v.kind][1], (at,), v.shape or (-1,)) for at, v in enumerate(values))
    return columns, feeds


def label_and_score(outputs: list[Value]) -> tuple[Value | None, Value | None]:
    labels = [v for v in outputs if v.kind in LABELS and (v.shape is None or len(v.shape) <= 2)]
    scores = [v for v in outputs if v.kind in FLOATS]
    if len(labels) <= 1 and len(scores) <= 1 and (labels or scores):
        return (labels[0] if labels else None), (scores[0] if scores else None)
    names = ", ".join(repr(value.name) for value in outputs)
    raise mismatch(f"its outputs ({names}) are neither one prediction nor a label with its probabilities", None)


def width(values: Value | None) -> int | None:
    """The number of outputs of a regressor with several."""
    if values is None or values.shape is None or len(values.shape) < 2:
        return None
    if len(values.shape) > 2:
        raise mismatch(f"its output has {len(values.shape)} dimensions; one or two are served", None)
    return values.shape[1] if values.shape[1] > 1 else None


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


def mismatch(reason: str, field: str | None) -> ValidationFailed:
    return ValidationFailed("schema_mismatch", f"The model cannot be served: {reason}."[:900], field=field or "file")
