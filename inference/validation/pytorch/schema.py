"""The signature of a PyTorch program: from the file where it says, else from the sample, and from what it answers."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from inference import handlers
from inference.errors import ValidationFailed
from inference.handlers.base import Payload
from inference.runtimes import pytorch
from inference.signature import Column, Feed, Signature, SignatureInvalid
from inference.validation import reference, values
from inference.validation.pytorch.opening import KINDS, NAMES, Opened
from inference.validation.samples import graphs
from inference.validation.values import Type, Value, mismatch

NUMPY_KINDS = {torch.empty(0, dtype=dtype).numpy().dtype: kind for dtype, kind in KINDS.items()}
# In which order a JSON number's type is tried, where the file does not say it.
WHOLE, BROKEN, TRUTH = (Type.FLOAT, Type.INT64, Type.DOUBLE), (Type.FLOAT, Type.DOUBLE), (Type.BOOL,)
MAX_TRIES = 81
TRIED_ROWS = 4
TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Asked:
    """What the uploader said."""

    task: str | None
    handler: str | None
    sample: list[Any] | None


def derive(opened: Opened, asked: Asked) -> Signature:
    """Raises ValidationFailed: sample_invalid, schema_mismatch."""
    failures: list[str] = []
    for inputs in _possible_inputs(opened, asked.sample):
        names = opened.about.get("feature_names") or values.sample_names(asked.sample)
        handler, columns, feeds = values.inputs(inputs, handler=asked.handler, sample=asked.sample, names=names)
        answers = _first_answers(opened, (handler, columns, feeds), asked.sample, failures)
        if answers is not None:
            return _complete(opened, asked, (handler, columns, feeds), answers)
    raise ValidationFailed(
        "sample_invalid" if asked.sample else "schema_mismatch",
        f"The model itself cannot answer: {failures[0]}"[:900] + ("" if asked.sample else f" {_advice(opened)}"),
        field="sample",
    )


# -- Inputs -------------------------------------------------------------------------------------------


def _possible_inputs(opened: Opened, sample: list[Any] | None) -> Iterator[list[Value]]:
    """What the inputs may be, most likely first; a second time for models made for one row."""
    known = _told(opened) or opened.inputs
    if not known:
        raise mismatch("forward takes no tensor", None)
    if all(value.kind and value.shape is not None for value in known):
        yield known
        if opened.format == "torchscript":
            yield [Value(value.name, value.kind, (1, *(value.shape or ())[1:])) for value in known]
        return
    shapes = _shapes_from(sample, known, opened)
    kinds = itertools.islice(itertools.product(*(kinds for _, kinds in shapes)), MAX_TRIES)
    for chosen in list(kinds):
        for rows in (-1, 1):
            yield [
                Value(value.name, kind, (rows, *shape))
                for value, kind, (shape, _) in zip(known, chosen, shapes, strict=True)
            ]


def _told(opened: Opened) -> list[Value] | None:
    """The inputs as the author's signature.json has them: {"name", "dtype", "shape": [-1, ...]} each."""
    told = opened.about.get("inputs")
    if not told:
        return None
    try:
        found = [
            Value(str(entry["name"]), NAMES[entry.get("dtype", "float32")], tuple(int(size) for size in entry["shape"]))
            for entry in told
        ]
    except (KeyError, TypeError, ValueError) as error:
        reason = f"an input in its signature.json lacks a name, a known dtype or a shape ({error!r})"
        raise mismatch(reason, None) from error
    if len(found) != len(opened.inputs) or any(not value.shape for value in found):
        raise mismatch(f"its signature.json names {len(found)} inputs; forward takes {len(opened.inputs)}", None)
    return found


def _shapes_from(
    sample: list[Any] | None, known: list[Value], opened: Opened
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """(shape of one row, kinds to try) per input, from the sample. Raises ValidationFailed sample_invalid."""
    if not sample:
        raise _needs_sample(f"The file does not say the shapes of its inputs. {_advice(opened)}")
    found: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    for value in known:
        parts = [_part(row, value.name, len(known), opened) for row in sample[: reference.MAX_SAMPLE_ROWS]]
        try:
            array = np.array(parts)
        except ValueError:
            array = np.array([None])
        if array.dtype.kind not in "fiub":
            raise _needs_sample(
                f"The sample's values for {value.name!r} are not numbers in lists of one size. {_advice(opened)}"
            )
        kinds = TRUTH if array.dtype.kind == "b" else WHOLE if array.dtype.kind in "iu" else BROKEN
        found.append((array.shape[1:] or (1,), (value.kind,) if value.kind else tuple(kinds)))
    return found


def _part(row: Any, name: str, inputs: int, opened: Opened) -> Any:
    """What a sample row holds for one input."""
    if isinstance(row, dict) and name in row:
        return row[name]
    if inputs > 1:
        raise _needs_sample(f"A sample row has nothing for {name!r}. {_advice(opened)}")
    return list(row.values()) if isinstance(row, dict) else row


def _advice(opened: Opened) -> str:
    """The sample to upload, in this model's words."""
    names = [value.name for value in opened.inputs]
    form = '[[0.1, 0.2], [0.3, 0.4]] (the values of "' + names[0] + '" for each row)' if len(names) == 1 else ""
    if not form:
        parts = ", ".join(f'"{name}": [...]' for name in names)
        form = "[{" + parts + "}, ...], one object per row"
    return f"Upload a sample of input rows, as nested lists of numbers in the shape the model takes: {form}."


def _needs_sample(message: str) -> ValidationFailed:
    return ValidationFailed("sample_invalid", message, field="sample")


# -- Outputs ------------------------------------------------------------------------------------------

Inputs = tuple[str, tuple[Column, ...], tuple[Feed, ...]]
Arrays = dict[str, "np.ndarray[Any, Any]"]


def _first_answers(
    opened: Opened, inputs: Inputs, sample: list[Any] | None, failures: list[str]
) -> tuple[Arrays, int] | None:
    """What the program says on a few rows, and how many they were; None when it raises."""
    handler, columns, feeds = inputs
    unknown = Signature(handler, "regression", columns, feeds, labels_output="")
    rows = reference.sample_rows(unknown, sample) or graphs.generate(unknown, count=TRIED_ROWS)
    rows = rows[: 1 if feeds[0].shape[0] == 1 else TRIED_ROWS]
    arrays = handlers.get(handler).preprocess(Payload("instances", rows), unknown)
    try:
        answers = pytorch.run(torch, opened.call, [arrays[feed.name] for feed in feeds])
    except MemoryError:
        raise
    except Exception as error:
        failures.append(_words(error))
        return None
    return answers, len(rows)


def _words(error: Exception) -> str:
    """What went wrong, without the interpreter's two tracebacks. Raises ValidationFailed memory_limit."""
    text = str(error)
    if "can't allocate memory" in text or "not enough memory" in text:
        raise ValidationFailed("memory_limit", "The model needs more memory than validation allows.", field="file")
    lines = [line for line in text.splitlines() if line.strip()] or [type(error).__name__]
    return lines[-1] if "TorchScript interpreter" in lines[0] else text


def _complete(opened: Opened, asked: Asked, inputs: Inputs, answers: tuple[Arrays, int]) -> Signature:
    arrays, rows = answers
    outputs = [_output(name, array, rows) for name, array in arrays.items()]
    labels, scores = values.label_and_score(outputs)
    task = _task(labels, scores, arrays, asked.task or _text(opened.about.get("task")))
    width = classes = None
    if task == "regression":
        labels, scores = scores, None
        width = values.width(labels)
    elif scores is not None:
        classes = _classes(scores, arrays[scores.name], opened.about.get("classes"))
    handler, columns, feeds = inputs
    try:
        return Signature(
            handler=handler,
            task=task,
            inputs=columns,
            feeds=feeds,
            labels_output=None if labels is None else labels.name,
            probabilities_output=None if scores is None else scores.name,
            classes=classes,
            has_probabilities=scores is not None,
            multi_output=width,
        )
    except SignatureInvalid as error:
        raise mismatch(f"the model's {error}", None) from error


def _output(name: str, array: Any, rows: int) -> Value:
    if not isinstance(array, np.ndarray) or not array.ndim or len(array) != rows:
        raise mismatch(f"its output {name!r} has not one entry per row", None)
    if array.ndim > 2:
        raise mismatch(f"its output {name!r} has {array.ndim} dimensions; one or two are served", None)
    return Value(name, NUMPY_KINDS.get(array.dtype, 0), (-1, *array.shape[1:]))


def _task(labels: Value | None, scores: Value | None, arrays: Arrays, asked: str | None) -> str:
    """Labels make a classification. Of scores alone: what was declared; else one column is a regression, several
    columns that are distributions are a classification, and other columns say nothing."""
    if labels is not None:
        if asked == "regression":
            raise mismatch("it gives whole numbers, which are labels; the task 'regression' does not fit it", "task")
        return "classification"
    if asked is not None:
        return asked
    assert scores is not None
    if (scores.shape or ())[1:] in ((), (1,)):
        return "regression"
    if _are_distributions(arrays[scores.name]):
        return "classification"
    raise mismatch("it does not say what its scores mean. Set the task to classification or regression", "task")


def _are_distributions(matrix: Any) -> bool:
    return bool((matrix >= -TOLERANCE).all() and (np.abs(matrix.sum(axis=1) - 1) <= TOLERANCE).all())


def _classes(scores: Value, matrix: Any, told: Any) -> tuple[Any, ...]:
    """The author's classes, else the positions of the scores."""
    count = ((scores.shape or ())[1:] or (1,))[0]
    if count == 1 and not ((matrix >= 0) & (matrix <= 1)).all():
        raise mismatch(
            "one score per row is a class probability only from 0 to 1. Put a sigmoid behind it, or set the task to"
            " regression",
            "task",
        )
    wanted = max(count, 2)
    if told is None:
        return tuple(range(wanted))
    if not isinstance(told, list) or len(told) != wanted or len(set(map(str, told))) != wanted:
        raise mismatch(f"the classes in its signature.json are not {wanted} different labels", None)
    return tuple(told)


def _text(value: Any) -> str | None:
    return value if value in ("classification", "regression") else None
